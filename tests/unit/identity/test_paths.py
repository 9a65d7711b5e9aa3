from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from hypothesis import given
from hypothesis import strategies as st

from ca_core.identity.paths import (
    is_alive,
    is_signed_by,
    issue_faults,
    path_faults,
    path_length_allows,
    path_length_of,
    shape_faults,
)
from tests.unit.identity.chains import DAY, NOW, Link, altered, chain, honest

SECOND = timedelta(seconds=1)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
GARBAGE = x509.UnrecognizedExtension(ExtensionOID.NAME_CONSTRAINTS, b"\x05\x00")
SERVER_ONLY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
ANY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
BOTH = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


def setting(**values: Any) -> Callable[[Link], None]:
    """Return a change that sets these fields."""

    def change(link: Link) -> None:
        for name, value in values.items():
            setattr(link, name, value)

    return change


def only_below(*bases: x509.GeneralName) -> x509.NameConstraints:
    """Return constraints that permit these subtrees."""
    return x509.NameConstraints(permitted_subtrees=bases, excluded_subtrees=None)


NAMED = (x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://a.example")]), False)

FAULTS = {
    "not a CA": (0, setting(ca=False), "certificate 0: not a CA"),
    "no keyCertSign": (1, setting(signs=False), "certificate 1: no keyCertSign"),
    "no key usage": (1, setting(without=(x509.KeyUsage,)), "certificate 1: no keyCertSign"),
    "an empty subject": (0, setting(name=""), "certificate 0: empty subject"),
    "no SKI": (0, setting(without=(x509.SubjectKeyIdentifier,)), "certificate 0: no subject key"),
    "a weak key": (0, setting(key=rsa.generate_private_key(65537, 1024)), "certificate 0: its key"),
    "expired": (1, setting(ends=NOW - SECOND), "certificate 1: expired"),
    "not valid yet": (0, setting(begins=NOW + SECOND), "certificate 0: expired or not yet"),
    "an expired anchor": (2, setting(ends=NOW - SECOND), "certificate 2: expired"),
    "another issuer": (0, setting(issuer="other"), "certificate 0: issuer name differs"),
    "another AKI": (0, setting(aki=b"0" * 20), "certificate 0: authority key identifier"),
    "no AKI": (1, setting(without=(x509.AuthorityKeyIdentifier,)), "certificate 1: authority key"),
    "signed by another key": (
        0,
        setting(signed_by=ec.generate_private_key(ec.SECP256R1())),
        "certificate 0: signature does not verify",
    ),
    "signed by a key of another kind": (
        1,
        setting(signed_by=ed25519.Ed25519PrivateKey.generate()),
        "certificate 1: signature does not verify",
    ),
    "a path too long": (1, setting(path_length=0), "certificate 1: path length does not allow 1"),
    "a root's path too long": (2, setting(path_length=1), "certificate 2: path length does not"),
    "an unknown critical extension": (
        1,
        setting(extensions=[(UNKNOWN, True)]),
        "certificate 1: critical extension 1.2.3.4",
    ),
    "a CA for servers only": (
        1,
        setting(extensions=[(SERVER_ONLY, False)]),
        "certificate 1: its extended key usages",
    ),
    "garbage": (1, setting(extensions=[(GARBAGE, False)]), "a certificate cannot be read"),
}


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_an_honest_path_has_no_fault(length: int):
    """From a root alone to a root with three CAs below it."""
    assert path_faults(chain(*honest(length)), now=NOW) == ()


@pytest.mark.parametrize(("position", "change", "fault"), FAULTS.values(), ids=FAULTS)
def test_each_fault_is_found_alone(position: int, change: Callable[[Link], None], fault: str):
    """A chain with one thing wrong has exactly one fault, and it names the certificate."""
    found = path_faults(altered(position, change), now=NOW)
    assert len(found) == 1
    assert found[0].startswith(fault)


def test_a_ca_outside_name_constraints_is_a_fault():
    """Constraints hold for every certificate below, here by URI."""
    links = honest()
    links[0].extensions = [NAMED]
    inside = only_below(x509.UniformResourceIdentifier("a.example"))
    outside = only_below(x509.UniformResourceIdentifier("b.example"))
    links[2].extensions = [(inside, True)]
    assert path_faults(chain(*links), now=NOW) == ()
    links[2].extensions = [(outside, True)]
    assert path_faults(chain(*links), now=NOW) == (
        "certificate 2: name constraints do not permit spiffe://a.example",
    )


def test_constraints_of_a_kind_nobody_evaluates_are_a_fault_once_such_a_name_occurs():
    """What cannot be judged is refused."""
    links = honest()
    links[1].extensions = [(only_below(x509.RFC822Name("example")), True)]
    assert path_faults(chain(*links), now=NOW) == ()
    mail = x509.SubjectAlternativeName([x509.RFC822Name("a@example")])
    links[0].extensions = [(mail, False)]
    assert path_faults(chain(*links), now=NOW) == ("a certificate cannot be read (ValueError)",)


@pytest.mark.parametrize(
    "extension", [(UNKNOWN, False), (ANY, False), (BOTH, True)], ids=["unknown", "any", "both"]
)
def test_harmless_extensions_are_no_fault(extension: tuple[x509.ExtensionType, bool]):
    """Unknown but not critical; purposes that serve both ends."""
    assert path_faults(altered(1, setting(extensions=[extension])), now=NOW) == ()


def test_a_certificate_stands_in_a_path_once():
    """A root signs itself, so only counting shows that it was doubled (RFC 5280 §6.1)."""
    path = chain(*honest(2))
    assert path_faults((*path, path[-1]), now=NOW) == ("certificate 2: stands in the path twice",)


def test_an_empty_path_is_a_fault():
    """Nothing leads nowhere."""
    assert path_faults((), now=NOW) == ("the path is empty",)


def test_the_anchors_own_signature_is_not_asked_for():
    """It is trusted by being the anchor: a corporate-signed CA ends a path as well as a root."""
    assert path_faults(chain(*honest(3))[:2], now=NOW) == ()


def test_the_ends_of_a_life_belong_to_it():
    """Both instants are valid; a second beyond either is not."""
    (root,) = chain(*honest(1))
    begins, ends = root.not_valid_before_utc, root.not_valid_after_utc
    assert is_alive(root, now=begins)
    assert is_alive(root, now=ends)
    assert not is_alive(root, now=begins - SECOND)
    assert not is_alive(root, now=ends + SECOND)


def test_the_shape_of_a_path_does_not_depend_on_the_time():
    """A path long expired still has its shape."""
    path = chain(*honest())
    assert shape_faults(path) == ()
    assert path_faults(path, now=NOW + 2 * DAY) != ()


def test_path_lengths_are_read_and_compared():
    """None allows any number, 0 none."""
    unlimited, none = (
        chain(Link(name="a"), Link(name="b"))[0],
        altered(0, setting(path_length=0))[0],
    )
    assert path_length_of(unlimited) is None
    assert path_length_of(none) == 0
    assert path_length_allows(unlimited, 99)
    assert path_length_allows(none, 0)
    assert not path_length_allows(none, 1)


def test_a_cross_certificate_opens_a_second_path():
    """The same key under another issuer: both ways up are sound, and only those."""
    signer, new, old = honest()[0], Link(name="new"), Link(name="old")
    own = chain(signer, new)
    cross = chain(new, old)
    assert path_faults((own[0], *cross), now=NOW) == ()
    assert issue_faults(own[0], cross[0]) == ()
    assert path_faults((own[0], cross[1]), now=NOW) != ()


KEYS = {
    "ec-256": partial(ec.generate_private_key, ec.SECP256R1()),
    "ec-384": partial(ec.generate_private_key, ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(KEYS)), st.none() | st.integers(0, 4)),
        min_size=1,
        max_size=5,
    )
)
def test_a_path_is_sound_exactly_when_every_path_length_allows_it(made: list[tuple[str, Any]]):
    """Over chains of any length, key and constraint: the rule of RFC 5280 and no other."""
    links = [
        Link(name=f"ca-{n}", key=KEYS[kind](), path_length=limit)
        for n, (kind, limit) in enumerate(made)
    ]
    fits = all(limit is None or below <= limit for below, (_, limit) in enumerate(made))
    assert (path_faults(chain(*links), now=NOW) == ()) == fits


@given(st.permutations(range(4)))
def test_only_one_order_of_a_path_is_sound(order: list[int]):
    """Certificates out of order lead nowhere."""
    path = chain(*honest(4))
    shuffled = tuple(path[n] for n in order)
    assert (path_faults(shuffled, now=NOW) == ()) == (order == [0, 1, 2, 3])


def test_is_signed_by_never_raises():
    """Other keys, other kinds of key, other names: just no."""
    (root,) = chain(Link(name="a"))
    (other,) = chain(Link(name="a", key=ed25519.Ed25519PrivateKey.generate()))
    (named,) = chain(Link(name="b"))
    assert is_signed_by(root, root)
    assert not is_signed_by(root, other)
    assert not is_signed_by(other, root)
    assert not is_signed_by(root, named)


def test_a_signature_that_claims_unused_bits_does_not_count():
    """The one byte that no signature covers is checked too; pyca reads over it."""
    certificate, issuer = next(
        (path[0], path[1])
        for path in iter(lambda: chain(*honest()), None)
        if path[0].signature[-1] % 2 == 0
    )
    der = bytearray(certificate.public_bytes(serialization.Encoding.DER))
    der[-len(certificate.signature) - 1] = 1
    damaged = x509.load_der_x509_certificate(bytes(der))
    damaged.verify_directly_issued_by(issuer)
    assert is_signed_by(certificate, issuer)
    assert not is_signed_by(damaged, issuer)
