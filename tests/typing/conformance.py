"""What a type checker sees of a conformance test as an author writes it; never run."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, assert_type

import pytest
from cryptography import x509

from ca_core.contract import (
    Capability,
    KeySpec,
    LeafRequest,
    PrivateKey,
    ProviderPlugin,
    RequestError,
    Signer,
    TrustChain,
)
from ca_core.testing import (
    ChaosProvider,
    CorporateCA,
    FakeClock,
    FaultProxy,
    Level,
    Outcome,
    ProviderConformance,
    ProviderUnderTest,
    Report,
    Violation,
    assert_chains_to,
    assert_handshake,
    assert_leaf_is_for,
    assert_refuses,
    chaos_plugin,
    faults,
    provider_context,
    reference_plugin,
    run_conformance,
)


def make_config(address: str | None) -> Mapping[str, Any]:
    """Return the configuration, through the fault proxy if there is an address."""
    return {"address": address or "http://127.0.0.1:8200"}


class TestConformance(ProviderConformance):
    """One import and one fixture."""

    level = Level.L3

    @pytest.fixture
    def provider_under_test(self) -> ProviderUnderTest:
        """Return what is tested."""
        return ProviderUnderTest(
            provider="acme",
            make_config=make_config,
            clock=FakeClock(),
            keys=(KeySpec(),),
            count_objects=lambda: {"keys": 3},
            known_deviations={"leaf.one-uri": "the backend drops URIs"},
        )


class TestWrongLevel(ProviderConformance):
    """A level is one of five."""

    level = "L3"  # type: ignore[assignment] # pyright: ignore[reportAssignmentType]


def called() -> Report:
    """Run it as a call; results are data."""
    seen: list[str] = []
    report = run_conformance(
        ProviderUnderTest(provider=reference_plugin(), make_config=make_config),
        level=Level.L2,
        on_result=lambda result, done, total: seen.append(f"{result.check.id} {done}/{total}"),
    )
    assert_type(report.reached, Level | None)
    assert_type(report.counts(), Mapping[Outcome, int])
    assert_type([result.detail for result in report.of(Outcome.FAILED)], list[str])
    return report


def mistaken() -> None:
    """What an author gets wrong first is found before anything runs."""
    ProviderUnderTest(provider="acme")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    ProviderUnderTest("acme", make_config)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    ProviderUnderTest(provider="acme", make_config={})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    run_conformance("acme")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    provider_context(role="primary")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def judged(leaf: x509.Certificate, key: PrivateKey, request: LeafRequest, signer: Signer) -> None:
    """Judge one answer in domain words."""
    now: datetime = FakeClock().now()
    assert_leaf_is_for(leaf, request, signer=signer, now=now)
    assert_chains_to(leaf, signer.chain, signer.chain[-1:], now=now)
    assert_handshake(leaf, key, signer.chain, anchors=signer.chain[-1:])
    with assert_refuses(RequestError, of="another key for a known id"):
        raise Violation("never")
    with assert_refuses(ValueError, of="another key"):  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        pass
    assert_chains_to(leaf, signer.chain, signer.chain)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def surrounded() -> ChaosProvider:
    """Misbehave around a provider that needs no installation."""
    plugin = reference_plugin()
    assert_type(plugin.capabilities, frozenset[Capability])
    opened = chaos_plugin().open({"inner": "builtin", "seed": 7}, provider_context())
    if isinstance(opened, ChaosProvider):
        return opened
    raise TypeError


def spoilt() -> str:
    """Spoil the second write to a backend."""
    with FaultProxy("http://127.0.0.1:8200") as proxy:
        proxy.plan(faults.LOST, writes_only=True, first=2, count=1)
        proxy.plan("reset")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        return proxy.address


def outside(csr: x509.CertificateSigningRequest) -> TrustChain:
    """Have a primary CA signed by somebody else."""
    now = FakeClock().now()
    return TrustChain(CorporateCA(now=now).signed(csr, now=now))


DESCRIPTORS: tuple[ProviderPlugin[Any], ...] = (reference_plugin(), chaos_plugin())
