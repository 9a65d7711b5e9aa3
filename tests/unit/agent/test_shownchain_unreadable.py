"""Certificates that nobody honest makes: a reason or a refusal, never another exception."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID

from ca_core.agent.shownchain import shown_chain
from ca_core.errors import RequestError
from ca_core.identity.certificates import pem_of
from ca_core.identity.spiffe import parse_spiffe_id
from tests.fuzz.mesh import NOW, OF_NO_VERSION, ROOT, WEB

KEY = ec.derive_private_key(12, ec.SECP256R1())
EXTENSIONS = (
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
)
CONTENTS = (
    b"", b"\xff", b"\x30\x80", b"\x30\x00", b"\x03\x02\x07\xff", b"\x03\x01\x00",
    b"\x30\x02\xa5\x00",  # an EDI party name
    b"\x30\x04\xa3\x02\x30\x00",  # an X.400 address
    b"\x30\x06\xa0\x04\x30\x02\xa5\x00", b"\x30\x04\xa1\x02\xa5\x00",
    b"\x30\x03\x86\x01\xff",  # a URI that is no ASCII
    b"\x30\x03\x87\x01\x01",  # an address of one byte
)  # fmt: skip


def made(oid, content):
    """Return a leaf of web by a stranger, with one extension as it is told."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(ROOT.subject)
        .public_key(KEY.public_key())
        .serial_number(5)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
    )
    if oid != ExtensionOID.SUBJECT_ALTERNATIVE_NAME:
        names = [x509.UniformResourceIdentifier(WEB)]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    odd = x509.UnrecognizedExtension(oid, content)
    return builder.add_extension(odd, critical=True).sign(KEY, hashes.SHA256())


@pytest.mark.parametrize("content", CONTENTS, ids=bytes.hex)
@pytest.mark.parametrize("oid", EXTENSIONS, ids=lambda oid: oid._name)
def test_an_extension_that_cannot_be_read_is_a_reason(oid, content):
    """Whatever stands in it; the chain leads nowhere."""
    found = shown_chain(pem_of(made(oid, content)), parse_spiffe_id(WEB), (ROOT,), now=NOW)
    assert found.fault
    assert found.path == ()


def test_a_version_that_does_not_exist_is_no_certificate():
    """A fuzzer found that pyca has an exception of its own for it."""
    with pytest.raises(RequestError, match="ClientCert: not a PEM certificate"):
        shown_chain(OF_NO_VERSION, parse_spiffe_id(WEB), (ROOT,), now=NOW)
