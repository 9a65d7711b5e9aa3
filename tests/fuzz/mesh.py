"""A mesh of one root and one client whose keys never change, so that a kept corpus stays good."""

from datetime import UTC, datetime, timedelta
from ssl import DER_cert_to_PEM_cert

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.identity.certificates import pem_of

NOW = datetime(2027, 1, 1, tzinfo=UTC)
TRUST_DOMAIN = "11111111-2222-3333-4444-555555555555.consul"
WEB = f"spiffe://{TRUST_DOMAIN}/ns/default/dc/dc1/svc/web"

_YEARS = timedelta(days=36500)
_ROOT_KEY = ec.derive_private_key(7, ec.SECP256R1())
_NAME = x509.Name.from_rfc4514_string("CN=root")


def _usage(*, ca):
    off = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "encipher_only", "decipher_only"),
        False,
    )  # fmt: skip
    return x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **off)


def _certificate(key, san, *, ca):
    root_id = x509.SubjectKeyIdentifier.from_public_key(_ROOT_KEY.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(_NAME if ca else x509.Name([]))
        .issuer_name(_NAME)
        .public_key(key.public_key())
        .serial_number(0x0FF1CE if ca else 0xBEEF)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + _YEARS)
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(san)]), critical=not ca
        )
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(_usage(ca=ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_id), critical=False
        )
        .sign(_ROOT_KEY, hashes.SHA256())
    )


ROOT = _certificate(_ROOT_KEY, f"spiffe://{TRUST_DOMAIN}", ca=True)
LEAF = _certificate(ec.derive_private_key(8, ec.SECP256R1()), WEB, ca=False)
FORGED = _certificate(ec.derive_private_key(9, ec.SECP256R1()), WEB.replace("web", "api"), ca=False)
"""Signed by the root too, but another service's."""

CHAIN = pem_of(LEAF)
OF_ANOTHER = pem_of(FORGED)

_VERSION = b"\xa0\x03\x02\x01"
OF_NO_VERSION = DER_cert_to_PEM_cert(
    LEAF.public_bytes(Encoding.DER).replace(_VERSION + b"\x02", _VERSION + b"\x06")
)
"""A certificate of a version that does not exist: pyca has an exception of its own for it."""
