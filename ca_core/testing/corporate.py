"""A corporate CA: what signs the primary CA of a provider that has an external issuer."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import NameOID

from ca_core.contract import KeySpec, generate_key, new_serial, signature_hash

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
    """A CA without a SPIFFE ID, that signs whatever CA it is asked to.

    Args:
        now: its NotBefore lies a day before; aware UTC.
        key: kind of its key.
        below: the corporate CA that signs this one; None: it is a root.
        ttl: its life.

    Attributes:
        chain: its own certificate first, the corporate root last.
    """

    def __init__(
        self,
        *,
        now: datetime,
        key: KeySpec | None = None,
        below: "CorporateCA | None" = None,
        ttl: timedelta = _LIFE,
    ) -> None:
        self._key = generate_key(key or KeySpec())
        public = self._key.public_key()
        self._key_id = x509.SubjectKeyIdentifier.from_public_key(public).digest
        above = () if below is None else below.chain
        self._name = _name(f"Corporate CA {len(above)}" if above else "Corporate Root CA")
        start = now.replace(microsecond=0) - timedelta(days=1)
        builder = _ca(self._name, public, path_length=None).not_valid_before(start)
        made = (below or self)._issued(builder.not_valid_after(start + ttl))  # noqa: SLF001 - one of us
        self.chain: tuple[x509.Certificate, ...] = (made, *above)

    @property
    def root(self) -> x509.Certificate:
        """Return the corporate root."""
        return self.chain[-1]

    def signed(
        self,
        csr: x509.CertificateSigningRequest,
        *,
        now: datetime,
        ttl: timedelta = timedelta(days=3650),
        path_length: int | None = 1,
    ) -> tuple[x509.Certificate, ...]:
        """Return what an operator would install: the new CA, then this chain.

        Subject and alternative names are the CSR's.
        """
        start = now.replace(microsecond=0) - timedelta(seconds=60)
        builder = (
            _ca(csr.subject, csr.public_key(), path_length=path_length)
            .not_valid_before(start)
            .not_valid_after(min(start + ttl, self.chain[0].not_valid_after_utc))
        )
        for extension in csr.extensions:
            if isinstance(extension.value, x509.SubjectAlternativeName):
                builder = builder.add_extension(extension.value, critical=False)
        return self._issued(builder), *self.chain

    def _issued(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        key_id = x509.AuthorityKeyIdentifier(self._key_id, None, None)
        return (
            builder.issuer_name(self._name)
            .add_extension(key_id, critical=False)
            .sign(self._key, signature_hash(self._key))
        )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


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
