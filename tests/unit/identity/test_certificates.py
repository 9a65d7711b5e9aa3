import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from ca_core.errors import RequestError
from ca_core.identity.certificates import (
    MAX_PEM_BYTES,
    authority_key_id,
    bundle_digest,
    colon_hex,
    fingerprint,
    is_ca,
    is_self_signed,
    parse_certificates,
    parsed_chain,
    pem_chain,
    pem_of,
    root_id,
    serial_hex,
    spki_digest,
    subject_key_id,
    uri_sans,
)
from ca_core.identity.leafcsr import new_leaf_key

NOW = datetime(2030, 1, 1, tzinfo=UTC)
KEY = new_leaf_key()


def certificate(*extensions, serial=0x08, name="one", issuer=None, key=KEY, by=KEY):
    """Return a certificate with these extensions."""

    def named(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer or name))
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
    )
    for value in extensions:
        builder = builder.add_extension(value, critical=False)
    return builder.sign(by, hashes.SHA256())


BARE = certificate()
FULL = certificate(
    x509.SubjectKeyIdentifier(b"\x01\x02"),
    x509.AuthorityKeyIdentifier(b"\x03\x04", None, None),
    x509.BasicConstraints(ca=True, path_length=None),
    x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://a"), x509.DNSName("b")]),
)


def test_ids_are_shown_as_consul_shows_them():
    """Lower-case bytes joined by colons."""
    assert colon_hex(b"\x0a\x1b\xff") == "0a:1b:ff"
    assert colon_hex(b"") == ""


@pytest.mark.parametrize(
    ("serial", "shown"), [(8, "08"), (0x100, "01:00"), (2**159 - 1, "7f" + ":ff" * 19)]
)
def test_a_serial_number_is_shown_byte_by_byte(serial: int, shown: str):
    """``08``, as Consul's ``IssuedCert.SerialNumber``; never truncated."""
    assert serial_hex(certificate(serial=serial)) == shown


def test_fingerprints_are_of_the_der():
    """SHA-256 for us, SHA-1 in colons for Consul's root id."""
    der = BARE.public_bytes(serialization.Encoding.DER)
    assert fingerprint(BARE) == hashlib.sha256(der).hexdigest()
    assert root_id(BARE).replace(":", "") == hashlib.sha1(der).hexdigest()


def test_facts_are_read_or_absent():
    """SKI, AKI, URIs and CA of a full certificate, and of one without extensions."""
    assert (subject_key_id(FULL), authority_key_id(FULL)) == (b"\x01\x02", b"\x03\x04")
    assert (uri_sans(FULL), is_ca(FULL)) == (("spiffe://a",), True)
    assert (subject_key_id(BARE), authority_key_id(BARE)) == (None, None)
    assert (uri_sans(BARE), is_ca(BARE)) == ((), False)


def test_self_signed_means_name_and_signature():
    """Another issuer name, or another key under the same name, is not self-signed."""
    assert is_self_signed(BARE)
    assert not is_self_signed(certificate(issuer="two"))
    assert not is_self_signed(certificate(by=new_leaf_key()))


def test_pem_goes_out_and_comes_back_in_order():
    """One block each, newline-terminated, the order kept."""
    text = pem_chain([FULL, BARE])
    assert text == pem_of(FULL) + pem_of(BARE)
    assert text.endswith("-----END CERTIFICATE-----\n")
    assert parse_certificates(text) == (FULL, BARE)
    assert parse_certificates(text.encode()) == (FULL, BARE)
    assert parsed_chain(text) == (FULL, BARE)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no PEM-encoded data"),
        (BARE.public_bytes(serialization.Encoding.DER), "this is DER"),
        (pem_of(BARE)[:100], "not a PEM certificate"),
        ("-----BEGIN RSA PRIVATE KEY-----\n-----END RSA PRIVATE KEY-----\n", "not a PEM cert"),
        ("x" * (MAX_PEM_BYTES + 1), "larger than"),
    ],
    ids=["empty", "DER", "truncated", "key", "huge"],
)
def test_text_that_is_no_certificate_is_refused_by_field(text, reason: str):
    """The message begins with the field that held it."""
    with pytest.raises(RequestError, match=f"^anchor: .*{reason}"):
        parse_certificates(text, field="anchor")


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fail_otherwise(junk: bytes):
    """Hostile input gives ``RequestError``."""
    for raw in (junk, b"-----BEGIN CERTIFICATE-----\n" + junk):
        with pytest.raises(RequestError):
            parse_certificates(raw)


ANCHORS = [certificate(serial=n) for n in range(1, 6)]


@given(st.lists(st.sampled_from(ANCHORS), max_size=8), st.randoms())
def test_a_bundle_is_its_set_of_anchors(anchors, random):
    """Order and repetition do not change the digest; another set does."""
    shuffled = [*anchors, *anchors[:2]]
    random.shuffle(shuffled)
    assert bundle_digest(shuffled) == bundle_digest(anchors)
    other = [anchor for anchor in ANCHORS if anchor not in anchors]
    assert other == [] or bundle_digest([*anchors, other[0]]) != bundle_digest(anchors)


def test_a_key_has_one_digest_wherever_it_stands():
    """The digest is of the SubjectPublicKeyInfo, not of the certificate."""
    assert spki_digest(BARE.public_key()) == spki_digest(KEY.public_key())
    assert spki_digest(new_leaf_key().public_key()) != spki_digest(KEY.public_key())
