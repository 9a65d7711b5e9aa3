"""The guard as a provider: what it wraps, refuses and lets pass."""

from typing import Any

import pytest
from cryptography import x509

from ca_core.authority.guard import GuardedProvider
from ca_core.contract.answers import Health
from ca_core.contract.capabilities import Capability
from ca_core.contract.issuing import ca_csr
from ca_core.contract.provider import Provider
from ca_core.contract.requests import (
    CrlRequest,
    CrossSignRequest,
    CsrRequest,
    IntermediateRequest,
    ProbeRequest,
    RevokeRequest,
)
from ca_core.errors import (
    CapabilityUnsupportedError,
    GuardError,
    PendingError,
    ProviderError,
    UnavailableError,
)
from ca_core.identity.certificates import fingerprint
from ca_core.identity.keys import KeySpec, KeyType, generate_key
from ca_core.identity.leafcsr import csr_pem
from ca_core.identity.spiffe import TrustDomain
from ca_core.testing.clock import START
from tests.unit.authority.drafts import (
    DAY,
    DEADLINE,
    DOMAIN,
    draft,
    new_root,
)
from tests.unit.authority.liars import (
    Liar,
    SecretError,
    Watch,
    World,
    authority_request,
    guard,
    install_request,
    leaf_request,
    lying,
    raising,
    ready,
    signer_request,
)

D: dict[str, Any] = {"request_id": "r", "deadline": DEADLINE}


def calls(provider: Any, world: World) -> dict[str, tuple[str, Any]]:
    """Return every call whose answer is judged, with the first rule of its list."""
    csr = ca_csr(world.signer.key, trust_domain=DOMAIN, label="signer")
    signed = IntermediateRequest(**D, csr=csr, trust_domain=DOMAIN, ttl=DAY)
    crossed = CrossSignRequest(
        **D, certificate=new_root("ca-2").certificate, not_after=START + DAY, path_length=1
    )
    chain = (world.signer.certificate, world.root.certificate)
    handed = install_request(chain, "signer-1")
    return {
        "ensure_authority": ("authority.1", lambda: provider.ensure_authority(authority_request())),
        "install_authority": (
            "authority.1",
            lambda: provider.install_authority(install_request(chain[1:], "ca-1")),
        ),
        "trust_chain": ("authority.1", provider.trust_chain),
        "prepare_signer": ("signer.1", lambda: provider.prepare_signer(signer_request())),
        "intermediate_csr": ("csr.1", lambda: provider.intermediate_csr(signer_request())),
        "install_intermediate": ("signer.1", lambda: provider.install_intermediate(handed)),
        "sign_leaf": ("leaf.1", lambda: provider.sign_leaf(leaf_request())),
        "sign_intermediate": ("intermediate.1", lambda: provider.sign_intermediate(signed)),
        "cross_sign": ("cross.1", lambda: provider.cross_sign(crossed)),
        "cross_sign_csr": ("csr.1", lambda: provider.cross_sign_csr(CsrRequest(**D))),
        "crl": ("crl.1", lambda: provider.crl(CrlRequest(**D, signer="signer-1"))),
    }


JUDGED = [
    "ensure_authority",
    "install_authority",
    "trust_chain",
    "prepare_signer",
    "intermediate_csr",
    "install_intermediate",
    "sign_leaf",
    "sign_intermediate",
    "cross_sign",
    "cross_sign_csr",
    "crl",
]


@pytest.mark.parametrize(
    "answer", [None, "-----BEGIN CERTIFICATE-----\n", b"\x30", 42, ()], ids=repr
)
@pytest.mark.parametrize("method", JUDGED)
def test_an_answer_of_the_wrong_kind_is_a_violation_with_a_sentence(method: str, answer: object):
    """None, PEM text, DER bytes, numbers: never an AttributeError, always a named violation."""
    watch, world = Watch(), World()
    rogue = Liar(world, method, lambda _world, _honest, _request: answer)
    provider = guard(rogue, watch)
    ready(provider)
    rogue.lying = True
    rule, call = calls(provider, world)[method]
    with pytest.raises(GuardError, match="not a") as caught:
        call()
    assert caught.value.rule == rule
    assert watch.violations == [caught.value]


def test_a_violation_names_provider_rule_and_certificate():
    """The message holds all three; the fingerprint is the offending certificate's."""
    offending = []

    def shifted(world: World, honest: Any, _request: Any) -> x509.Certificate:
        offending.append(draft(honest).but(serial=7).signed(world.signer.key))
        return offending[0]

    provider = ready(guard(lying("sign_leaf", shifted), Watch()))
    with pytest.raises(GuardError) as caught:
        provider.sign_leaf(leaf_request())
    assert caught.value.certificate == fingerprint(offending[0])
    for part in ("'liar'", "leaf.21", caught.value.certificate[:16]):
        assert part in str(caught.value)


METHODS = [*JUDGED, "probe", "revoke"]


@pytest.mark.parametrize("method", METHODS)
def test_a_foreign_exception_is_wrapped_named_and_counted(method: str):
    """The provider's name and the exception's class are told; its text, maybe a secret, is not."""
    watch, world = Watch(), World()
    rogue = Liar(world, method, raising(SecretError("s.hunter2")))
    provider = guard(rogue, watch)
    ready(provider)
    rogue.lying = True
    leaf = RevokeRequest(**D, certificate=world.root.certificate, signer="signer-1")
    more = {
        "probe": ("", lambda: provider.probe(ProbeRequest(**D))),
        "revoke": ("", lambda: provider.revoke(leaf)),
    }
    with pytest.raises(ProviderError, match=r"'liar'.*SecretError") as caught:
        (calls(provider, world) | more)[method][1]()
    assert "hunter2" not in str(caught.value)
    assert isinstance(caught.value.__cause__, SecretError)
    assert watch.bugs == [caught.value]
    assert not watch.violations


def test_errors_of_the_contract_pass_unchanged_and_uncounted():
    """``UnavailableError`` from a provider arrives as it was raised."""
    watch, error = Watch(), UnavailableError("sealed")
    provider = guard(lying("ensure_authority", raising(error)), watch)
    with pytest.raises(UnavailableError) as caught:
        provider.ensure_authority(authority_request())
    assert caught.value is error
    assert not watch.bugs


def test_an_interrupt_is_not_the_guards_business():
    """``KeyboardInterrupt`` passes."""
    provider = guard(lying("ensure_authority", raising(KeyboardInterrupt())), Watch())
    with pytest.raises(KeyboardInterrupt):
        provider.ensure_authority(authority_request())


@pytest.mark.parametrize("answer", [None, "fine", raising], ids=["none", "text", "raises"])
def test_health_never_raises(answer: Any, monkeypatch: pytest.MonkeyPatch):
    """A provider that raises or answers nonsense is not healthy, and counted."""
    watch, rogue = Watch(), lying()

    def health(*, deep: bool) -> Any:
        assert deep
        if answer is raising:
            raise SecretError("s.hunter2")
        return answer

    monkeypatch.setattr(rogue, "health", health)
    told = guard(rogue, watch).health(deep=True)
    assert isinstance(told, Health)
    assert not told.ok
    assert "liar" in told.message
    assert "hunter2" not in told.message
    assert len(watch.bugs) == 1


def test_an_undeclared_capability_is_refused_without_asking():
    """What a provider does not declare is not called, even if it would answer."""
    watch, rogue = Watch(), lying()
    rogue.capabilities = frozenset({Capability.REVOKE})
    provider = ready(guard(rogue, watch))
    honest = calls(provider, rogue.world)
    for method in ("install_authority", "intermediate_csr", "install_intermediate"):
        with pytest.raises(CapabilityUnsupportedError):
            honest[method][1]()
    for method in ("sign_intermediate", "cross_sign", "cross_sign_csr"):
        with pytest.raises(CapabilityUnsupportedError):
            honest[method][1]()
    assert isinstance(honest["crl"][1](), x509.CertificateRevocationList)


def test_the_guard_shows_the_providers_capabilities_and_concurrency():
    """Both belong to the instance inside."""
    rogue = lying()
    rogue.concurrency = 7
    provider = guard(rogue, Watch())
    assert provider.concurrency == 7
    assert provider.capabilities == frozenset(Capability)


def waiting(csr: str) -> Any:
    """Return a lie: wait with this CSR."""
    return raising(PendingError(token="t", poll_after=DAY, csr=csr))


@pytest.mark.parametrize("what", ["honest", "text", "kind of key", "trust domain", "changed"])
def test_the_csr_that_waits_for_an_outside_signature_is_judged(what: str):
    """A broken CSR never reaches the people who would sign it."""
    key = generate_key(KeySpec())
    honest = csr_pem(ca_csr(key, trust_domain=DOMAIN, label="ca-1"))
    other = csr_pem(ca_csr(generate_key(KeySpec()), trust_domain=DOMAIN, label="ca-1"))
    strong = generate_key(KeySpec(KeyType.EC, 384))
    answers = {
        "honest": (honest, PendingError, ""),
        "text": ("please sign", GuardError, "csr.1"),
        "kind of key": (
            csr_pem(ca_csr(strong, trust_domain=DOMAIN, label="ca-1")),
            GuardError,
            "csr.3",
        ),
        "trust domain": (
            csr_pem(ca_csr(key, trust_domain=TrustDomain("other.example"), label="ca-1")),
            GuardError,
            "csr.5",
        ),
        "changed": (other, GuardError, "csr.4"),
    }
    csr, kind, rule = answers[what]
    rogue = lying("ensure_authority", waiting(honest))
    provider = guard(rogue, Watch())
    with pytest.raises(PendingError):
        provider.ensure_authority(authority_request())
    rogue.alter = waiting(csr)
    with pytest.raises(kind) as caught:
        provider.ensure_authority(authority_request())
    assert getattr(caught.value, "rule", "") == rule


def test_closing_reaches_the_provider(monkeypatch: pytest.MonkeyPatch):
    """``close`` is passed on."""
    rogue, closed = lying(), []
    monkeypatch.setattr(rogue, "close", lambda: closed.append(True))
    guard(rogue, Watch()).close()
    assert closed == [True]


def test_no_method_of_the_contract_bypasses_the_guard():
    """A method added to ``Provider`` must be thought of here too."""
    public = {name for name in vars(Provider) if not name.startswith("_")}
    assert public <= vars(GuardedProvider).keys()
