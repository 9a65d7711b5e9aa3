"""The least that signing a leaf can cost: pyca calls and nothing of ours around them."""

import os
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID

from ca_core.identity.keys import signature_hash

_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
_EKU = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
_NO_CA = x509.BasicConstraints(ca=False, path_length=None)
_NOBODY = x509.Name([])


def csr_pem(uri: str) -> bytes:
    """Return a CSR as our agent makes it: a fresh P-256 key, no subject, one critical URI."""
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(_NOBODY)
    request = builder.add_extension(names, critical=True).sign(
        ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()
    )
    return request.public_bytes(serialization.Encoding.PEM)


class Primitives:
    """CSR load and signature check, build and sign, verify under the signer, PEM."""

    def __init__(
        self, issuer: x509.Certificate, key: CertificateIssuerPrivateKeyTypes, uri: str
    ) -> None:
        self._issuer = issuer
        self._key = key
        self._hash = signature_hash(key)
        self._names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
        self._aki = x509.AuthorityKeyIdentifier(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest, None, None
        )

    def leaf_pem(self, csr: bytes) -> bytes:
        """Do the four steps once; return the leaf.

        Raises:
            ValueError: the CSR is not signed by its own key.
        """
        request = x509.load_pem_x509_csr(csr)
        if not request.is_signature_valid:
            raise ValueError("not signed by its own key")
        leaf = self._signed(request)
        leaf.verify_directly_issued_by(self._issuer)
        return leaf.public_bytes(serialization.Encoding.PEM)

    def _signed(self, request: x509.CertificateSigningRequest) -> x509.Certificate:
        now = datetime.now(UTC)
        key = request.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(_NOBODY)
            .issuer_name(self._issuer.subject)
            .public_key(key)
            .serial_number(int.from_bytes(os.urandom(16), "big") | 1)
            .not_valid_before(now - timedelta(seconds=60))
            .not_valid_after(now + timedelta(hours=72))
            .add_extension(self._names, critical=True)
            .add_extension(_NO_CA, critical=True)
            .add_extension(_USAGE, critical=True)
            .add_extension(_EKU, critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(self._aki, critical=False)
            .sign(self._key, self._hash)
        )
