"""Honest providers pass everything they declare."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ca_core.contract import KeySpec, generate_key, issue_root, pem_chain
from ca_core.testing import (
    FakeClock,
    ReferenceBackend,
    SlowBackend,
    reference_plugin,
    slow_plugin,
)
from ca_core.testing.conformance import Level, Outcome, ProviderUnderTest, run_conformance
from ca_core.testing.lending import TRUST_DOMAIN
from tests.conformance.broken.breaking import QUICK_KEYS
from tests.conformance.remote.backend import running
from tests.conformance.remote.provider import plugin_of


def reference(config, **rest):
    """Return the reference provider under test, with everything supplied that can be."""
    backend = ReferenceBackend()
    return ProviderUnderTest(
        provider=reference_plugin(backend),
        make_config=lambda _address: config,
        clock=FakeClock(),
        restart=lambda: None,
        count_objects=lambda: {"cas": len(backend.names())},
        **rest,
    )


def slow():
    """Return the slow provider under test."""
    clock = FakeClock()
    return ProviderUnderTest(
        provider=slow_plugin(SlowBackend(clock, polls=1)),
        make_config=lambda _address: {},
        clock=clock,
        keys=QUICK_KEYS,
    )


def adopting():
    """Return the built-in provider under test with a CA to adopt, a new one for each check."""
    clock = FakeClock()

    def make_config(_address):
        key = generate_key(KeySpec())
        now, life = clock.now(), timedelta(days=3650)
        root = issue_root(key, trust_domain=TRUST_DOMAIN, label="theirs", now=now, ttl=life)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return {"root_cert": pem_chain([root]), "private_key": private}

    return ProviderUnderTest(
        provider="builtin", make_config=make_config, clock=clock, keys=QUICK_KEYS
    )


def remote():
    """Return the provider behind HTTP under test, on the machine's clock."""
    service, url = running()
    return ProviderUnderTest(
        provider=plugin_of(),
        make_config=lambda address: {"address": address or url},
        backend=url,
        count_objects=service.count,
        keys=QUICK_KEYS,
    )


SUBJECTS = {
    "builtin": lambda: ProviderUnderTest(
        provider="builtin",
        make_config=lambda _address: {},
        other_config=lambda: {"disable_cross_signing": True},
        clock=FakeClock(),
        keys=QUICK_KEYS,  # its report in the documents is made with RSA as well
    ),
    "builtin without intermediates": lambda: ProviderUnderTest(
        provider="builtin",
        make_config=lambda _address: {"intermediates": False},
        other_config=dict,
        clock=FakeClock(),
        keys=QUICK_KEYS,
    ),
    "builtin below a corporate CA": lambda: ProviderUnderTest(
        provider="builtin",
        make_config=lambda _address: {"external_issuer": True},
        clock=FakeClock(),
        keys=QUICK_KEYS,
    ),
    "builtin with an adopted CA": adopting,
    "reference": lambda: reference({}),
    "reference below a corporate CA": lambda: reference({"external_issuer": True}, keys=QUICK_KEYS),
    "remote": remote,
    "slow": slow,
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_an_honest_provider_fails_nothing(name):
    """What it declares works, what it does not declare refuses, and nothing is not run in vain."""
    report = run_conformance(SUBJECTS[name](), level=Level.L3)
    failed = {result.check.id: result.detail for result in report.of(Outcome.FAILED)}
    assert not failed
    assert report.reached is Level.L3
