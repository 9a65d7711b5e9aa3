import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtensionOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from ca_core.errors import RequestError
from ca_core.identity.certificates import MAX_PEM_BYTES
from ca_core.identity.csr import (
    MAX_NAMES,
    CheckedCsr,
    check_csr,
    csr_public_key,
    load_csr,
)
from ca_core.identity.leafcsr import csr_pem, key_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import ServiceId, TrustDomain

TD = TrustDomain("1234.consul")
WEB = ServiceId(trust_domain=TD, datacenter="dc1", service="web")
URI = x509.UniformResourceIdentifier(str(WEB))
KEY = new_leaf_key()
CN = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web")])


def request(*names, key=KEY, subject=x509.Name([]), critical=True, extra=(), digest=...):  # noqa: B008 - immutable
    """Return a CSR for these SANs."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=critical)
    for value in extra:
        builder = builder.add_extension(value, critical=True)
    eddsa = isinstance(key, ed25519.Ed25519PrivateKey)
    return builder.sign(key, (None if eddsa else hashes.SHA256()) if digest is ... else digest)


def refused(csr, reason):
    """Assert that the check names this reason."""
    with pytest.raises(RequestError, match=reason):
        check_csr(csr)


def test_our_own_csr_asks_exactly_for_what_it_was_made_for():
    """Identity, names and addresses come back in order; nothing else is in it."""
    address = ipaddress.ip_address("::1")
    found = check_csr(leaf_csr(KEY, WEB, ("web.local", "w"), (address,)))
    assert isinstance(found, CheckedCsr)
    assert found.identity == WEB
    assert found.dns_names == ("web.local", "w")
    assert found.ip_addresses == (address,)
    assert found.plain


@pytest.mark.parametrize(
    "csr",
    [
        request(URI, subject=CN),
        request(URI, critical=False),
        request(URI, extra=[x509.BasicConstraints(ca=False, path_length=None)]),
        request(
            URI, extra=[x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\0")]
        ),
    ],
    ids=["CN", "SAN not critical", "BasicConstraints", "unknown extension"],
)
def test_what_go_and_openssl_add_is_accepted_and_marked(csr):
    """Such a CSR is never shown to a provider that copies CSRs."""
    found = check_csr(csr)
    assert found.identity == WEB
    assert not found.plain


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-384", "P-521", "Ed25519", "RSA-2048"],
)
def test_every_strong_key_is_accepted(key):
    """Leaves need not have our own P-256."""
    assert check_csr(request(URI, key=key)).plain


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP224R1()),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65537, 1024),
        rsa.generate_private_key(3, 2048),
    ],
    ids=["P-224", "secp256k1", "RSA-1024", "RSA-2048 with exponent 3"],
)
def test_a_weak_key_is_refused(key):
    """The message lists what is accepted."""
    refused(request(URI, key=key), "csr.key: key must be")


def flipped(csr, at):
    """Return the CSR with one bit of one byte flipped."""
    der = bytearray(csr.public_bytes(serialization.Encoding.DER))
    der[at] ^= 1
    return x509.load_der_x509_csr(bytes(der))


def test_a_csr_not_signed_by_its_own_key_is_refused():
    """A corrupt signature, and somebody else's key in place of the signer's."""
    honest = request(URI)
    refused(flipped(honest, -1), "csr.signature: not signed by its own key")
    other = csr_public_key(request(URI, key=new_leaf_key()))
    own = honest.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    foreign = other.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    der = honest.public_bytes(serialization.Encoding.DER).replace(own, foreign)
    refused(x509.load_der_x509_csr(der), "csr.signature: not signed by its own key")


def test_a_changed_name_breaks_the_signature():
    """Proof of possession covers what is asked for."""
    der = request(URI).public_bytes(serialization.Encoding.DER).replace(b"svc/web", b"svc/wex")
    refused(x509.load_der_x509_csr(der), "not signed by its own key")


OTHER = x509.UniformResourceIdentifier("spiffe://1234.consul/ns/default/dc/dc1/svc/db")
NAMED = {
    "no SAN": ((), "csr.san: no subject alternative name"),
    "no URI": ((x509.DNSName("web"),), "exactly one URI is needed, found 0"),
    "two URIs": ((URI, OTHER), "exactly one URI is needed, found 2"),
    "the same URI twice": ((URI, URI), "found 2"),
    "no SPIFFE ID": ((x509.UniformResourceIdentifier("https://web"),), "scheme"),
    "a signing ID": ((x509.UniformResourceIdentifier("spiffe://1234.consul"),), "signing ID"),
    "an e-mail address": ((URI, x509.RFC822Name("a@b.example")), "not RFC822Name"),
    "a directory name": ((URI, x509.DirectoryName(CN)), "not DirectoryName"),
    "a registered id": (
        (URI, x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))),
        "not RegisteredID",
    ),
    "another name": (
        (URI, x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x0c\x01a")),
        "not OtherName",
    ),
    "a wildcard": ((URI, x509.DNSName("*.local")), "'\\*.local' is not a host name"),
    "too many names": (
        (URI, *(x509.DNSName(f"w{n}") for n in range(MAX_NAMES + 1))),
        f"more than {MAX_NAMES} names",
    ),
}


@pytest.mark.parametrize(("names", "reason"), NAMED.values(), ids=NAMED)
def test_names_outside_the_profile_are_refused(names, reason):
    """One SPIFFE URI, DNS names and addresses, and nothing else."""
    refused(request(*names), reason)


def test_as_many_names_as_allowed_are_fine():
    """The limit is inclusive."""
    many = tuple(f"w{n}" for n in range(MAX_NAMES))
    assert check_csr(leaf_csr(KEY, WEB, many)).dns_names == many


def usage(**bits):
    """Return a key usage with these bits."""
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: bits.get(name, False) for name in names.split()})


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (x509.BasicConstraints(ca=True, path_length=None), "asks to be a CA"),
        (usage(key_cert_sign=True), "the right to sign"),
        (usage(crl_sign=True), "the right to sign"),
    ],
)
def test_a_csr_that_asks_to_sign_is_refused(value, reason):
    """A leaf is never a CA, and says so before a provider sees it."""
    refused(request(URI, extra=[value]), reason)


def test_an_extension_that_cannot_be_read_is_refused():
    """Garbage in place of a SAN."""
    garbage = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x05\x00")
    refused(request(extra=[garbage]), "csr.extensions: unreadable")


def test_the_same_extension_twice_is_refused():
    """Two SANs, properly signed: nobody could say which one counts."""
    key = ed25519.Ed25519PrivateKey.generate()
    again = x509.SubjectAlternativeName([OTHER]).public_bytes()
    stand_in = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.99"), again)
    once = request(URI, key=key, extra=[stand_in])
    der = once.public_bytes(serialization.Encoding.DER).replace(b"U\x1d\x63", b"U\x1d\x11")
    signature = key.sign(x509.load_der_x509_csr(der).tbs_certrequest_bytes)
    twice = x509.load_der_x509_csr(der[: -len(signature)] + signature)
    assert twice.is_signature_valid
    refused(twice, "csr.extensions: unreadable")


HONEST = csr_pem(request(URI))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no PEM-encoded data"),
        ("hello", "no PEM-encoded data"),
        (request(URI).public_bytes(serialization.Encoding.DER), "this is DER"),
        (HONEST[:200], "not a certificate request"),
        (HONEST.replace("MII", "!!!", 1), "not a certificate request"),
        (key_pem(KEY), "must be a CERTIFICATE REQUEST"),
        (HONEST.replace("CERTIFICATE REQUEST", "CERTIFICATE"), "must be a CERTIFICATE REQUEST"),
        (key_pem(KEY) + HONEST, "one PEM block is needed"),
        (HONEST + HONEST, "one PEM block is needed"),
        (HONEST + "x" * MAX_PEM_BYTES, "larger than"),
        (b"\xff" * 100, "no PEM-encoded data"),
        ("\ud800-----BEGIN", "no PEM-encoded data"),
    ],
    ids=[
        *("empty", "words", "DER", "truncated", "corrupt", "a key", "a certificate"),
        *("a key first", "two", "huge", "bytes", "half a character"),
    ],
)
def test_text_that_is_no_csr_is_refused_with_its_reason(text, reason):
    """Empty, DER, truncated, corrupt, a key, a certificate, several blocks, huge."""
    with pytest.raises(RequestError, match=reason):
        load_csr(text)


def test_words_around_a_csr_and_the_older_header_are_read_over():
    """``openssl req -text`` writes both."""
    older = HONEST.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
    assert load_csr("Certificate Request:\n  Data\n" + older).is_signature_valid


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_fail_otherwise(junk: bytes):
    """Hostile input gives ``RequestError``, inside PEM armour too."""
    for raw in (junk, b"-----BEGIN CERTIFICATE REQUEST-----\n" + junk):
        with pytest.raises(RequestError):
            load_csr(raw)


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_damaged_csr_is_refused_and_nothing_else_happens(at: int, by: int):
    """Whatever byte is changed: a reason, never a crash, never an acceptance."""
    der = bytearray(request(URI, x509.DNSName("web")).public_bytes(serialization.Encoding.DER))
    der[at % len(der)] ^= by
    try:
        damaged = x509.load_der_x509_csr(bytes(der))
    except (ValueError, x509.InvalidVersion):
        return
    with pytest.raises(RequestError):
        check_csr(damaged)


def test_a_signature_that_ends_within_an_octet_is_refused():
    """The bits that count are the same, and so it verifies: but nobody signs like that."""
    while True:
        csr = request(URI, x509.DNSName("web"))
        if not csr.signature[-1] & 1:  # DER wants bits that do not count to be 0
            break
    der = bytearray(csr.public_bytes(serialization.Encoding.DER))
    der[-len(csr.signature) - 1] = 1
    damaged = x509.load_der_x509_csr(bytes(der))
    assert damaged.is_signature_valid
    with pytest.raises(RequestError, match="octets"):
        check_csr(damaged)
