"""A corporate CA: what signs the primary CA of a provider that has an external issuer."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import NameOID

from ca_core.contract import KeySpec, generate_key, new_serial, signature_hash

_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Corporate Root CA")])
_LIFE = timedelta(days=7300)
_CA_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class CorporateCA:
    """A self-signed root without a SPIFFE ID, that signs whatever CA it is asked to.

    Args:
        now: its NotBefore lies a day before; aware UTC.
        key: kind of its key.
    """

    def __init__(self, *, now: datetime, key: KeySpec | None = None) -> None:
        self._key = generate_key(key or KeySpec())
        public = self._key.public_key()
        self._key_id = x509.SubjectKeyIdentifier.from_public_key(public).digest
        start = now.replace(microsecond=0) - timedelta(days=1)
        builder = _ca(_NAME, public, path_length=None).not_valid_before(start)
        self.root: x509.Certificate = self._issued(builder.not_valid_after(start + _LIFE))

    def signed(
        self,
        csr: x509.CertificateSigningRequest,
        *,
        now: datetime,
        ttl: timedelta = timedelta(days=3650),
        path_length: int | None = 1,
    ) -> tuple[x509.Certificate, ...]:
        """Return what an operator would install: the new CA, then this root.

        Subject and alternative names are the CSR's.
        """
        start = now.replace(microsecond=0) - timedelta(seconds=60)
        builder = (
            _ca(csr.subject, csr.public_key(), path_length=path_length)
            .not_valid_before(start)
            .not_valid_after(min(start + ttl, self.root.not_valid_after_utc))
        )
        for extension in csr.extensions:
            if isinstance(extension.value, x509.SubjectAlternativeName):
                builder = builder.add_extension(extension.value, critical=False)
        return self._issued(builder), self.root

    def _issued(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        key_id = x509.AuthorityKeyIdentifier(self._key_id, None, None)
        return (
            builder.issuer_name(_NAME)
            .add_extension(key_id, critical=False)
            .sign(self._key, signature_hash(self._key))
        )


def _ca(
    name: x509.Name, key: CertificatePublicKeyTypes, *, path_length: int | None
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key)
        .serial_number(new_serial())
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_CA_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
