"""What is said of a chain that was shown: our sentences, never words of whoever made it."""

from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from ca_core.agent.shownchain import shown_chain
from ca_core.identity.certificates import pem_of
from ca_core.identity.spiffe import parse_spiffe_id
from tests.fuzz.mesh import NOW, WEB

KEY = ec.derive_private_key(12, ec.SECP256R1())
KEY_ID = x509.SubjectKeyIdentifier.from_public_key(KEY.public_key())
AUTHORITY_KEY_ID = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(KEY_ID)
NAME = x509.Name.from_rfc4514_string("CN=bound")
USAGE = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
    encipher_only=False, decipher_only=False,
)  # fmt: skip


def signed(subject, *extensions):
    """Return a certificate by the one key there is."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(NAME)
        .public_key(KEY.public_key())
        .serial_number(5)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(AUTHORITY_KEY_ID, critical=False)
    )
    for each in extensions:
        builder = builder.add_extension(each, critical=True)
    return builder.sign(KEY, hashes.SHA256())


def test_a_name_that_is_not_allowed_is_not_repeated():
    """Whoever connects chose it; it would stand in a header and in memory."""
    allowed = x509.NameConstraints([x509.DNSName("allowed.example")], None)
    basic = x509.BasicConstraints(ca=True, path_length=0)
    anchor = signed(NAME, basic, USAGE, allowed, KEY_ID)
    for host, fault in (
        ("allowed.example", ""),
        ("evil.example", "a CA above it does not allow its names"),
    ):
        names = [x509.UniformResourceIdentifier(WEB), x509.DNSName(host)]
        leaf = signed(x509.Name([]), x509.SubjectAlternativeName(names))
        found = shown_chain(pem_of(leaf), parse_spiffe_id(WEB), (anchor,), now=NOW)
        assert found.fault == fault
