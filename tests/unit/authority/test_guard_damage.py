"""Certificates that are damaged: unreadable, unusable, or with any byte changed."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID
from hypothesis import given, settings
from hypothesis import strategies as st

from ca_core.contract.answers import Signer, TrustChain
from ca_core.contract.issuing import issue_leaf
from ca_core.errors import (
    GuardError,
)
from tests.unit.authority.drafts import (
    draft,
)
from tests.unit.authority.liars import (
    Liar,
    Watch,
    World,
    guard,
    leaf_request,
    lying,
    ready,
    without,
)
from tests.unit.authority.test_guard import calls


def garbled(certificate: x509.Certificate, key: Any) -> x509.Certificate:
    """Return the certificate with a SAN that nobody can parse."""
    broken = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x05\x00")
    return draft(certificate).without(x509.SubjectAlternativeName).having(broken).signed(key)


@pytest.mark.parametrize("method", ["sign_leaf", "prepare_signer", "ensure_authority"])
def test_a_certificate_that_cannot_be_read_is_a_violation(method: str):
    """A SAN of garbage bytes stops at the first rule of its list."""
    watch, world = Watch(), World()
    alters: dict[str, Any] = {
        "sign_leaf": lambda world, honest, _request: garbled(honest, world.signer.key),
        "prepare_signer": lambda world, honest, _request: Signer(
            honest.id, (garbled(honest.certificate, world.root.key), *honest.chain[1:])
        ),
        "ensure_authority": lambda world, honest, _request: TrustChain(
            (garbled(honest.primary, world.root.key),)
        ),
    }
    rogue = Liar(world, method, alters[method])
    provider = guard(rogue, watch)
    ready(provider)
    rogue.lying = True
    rule, call = calls(provider, world)[method]
    with pytest.raises(GuardError, match="cannot be read") as caught:
        call()
    assert caught.value.rule == rule


def test_a_rule_that_cannot_be_evaluated_is_a_violation():
    """A leaf whose key pyca cannot load breaks the rule about keys; no exception escapes."""
    point = b"\x00\x04"  # an uncompressed point follows in every EC key

    def off_curve(_world: World, honest: Any, _request: Any) -> x509.Certificate:
        der = honest.public_bytes(serialization.Encoding.DER)
        at = der.index(point) + len(point)
        return x509.load_der_x509_certificate(der[:at] + bytes(64) + der[at + 64 :])

    rogue = lying("sign_leaf", off_curve)  # its signature would fail first
    provider = ready(guard(rogue, Watch(), rules=without("leaf.2")))
    with pytest.raises(GuardError, match="cannot be evaluated") as caught:
        provider.sign_leaf(leaf_request())
    assert caught.value.rule == "leaf.4"


@given(at=st.integers(min_value=0), by=st.integers(min_value=1, max_value=255))
@settings(max_examples=200)
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_leaf_with_any_byte_changed_is_never_released(at: int, by: int):
    """Damage anywhere in the certificate is a violation, never another exception."""
    der = bytearray(issue_leaf(HONEST.signer, ASKED).public_bytes(serialization.Encoding.DER))
    der[at % len(der)] ^= by
    try:
        damaged = x509.load_der_x509_certificate(bytes(der))
    except (ValueError, x509.InvalidVersion):
        return  # no provider can hand over what is no certificate
    watch = Watch()
    provider = ready(guard(lying("sign_leaf", lambda *_: damaged, HONEST), watch))
    with pytest.raises(GuardError) as caught:
        provider.sign_leaf(ASKED)
    assert watch.violations == [caught.value]


HONEST = World()
ASKED = leaf_request()
