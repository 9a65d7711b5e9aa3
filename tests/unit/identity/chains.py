"""Chains of CAs for the path walk: honest ones, and ones altered in one certificate."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

NOW = datetime(2030, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def named(text: str) -> x509.Name:
    """Return ``CN=text``, or the empty name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


def usage(*, signs: bool = True) -> x509.KeyUsage:
    """Return the key usage of a CA."""
    others = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(key_cert_sign=signs, **dict.fromkeys(others.split(), False))


@dataclass(kw_only=True)
class Link:
    """One CA certificate to be: what stands in it, and its key."""

    name: str
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    begins: datetime = NOW - DAY
    ends: datetime = NOW + DAY
    path_length: int | None = None
    ski: bytes | None = b""
    aki: bytes | None = b""
    issuer: str | None = None
    signed_by: Any = None
    extensions: list[tuple[x509.ExtensionType, bool]] = field(default_factory=list)
    without: tuple[type, ...] = ()
    signs: bool = True
    ca: bool = True

    def key_id(self) -> bytes:
        """Return the SKI: the one given, or RFC 5280 method 1."""
        found = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()).digest
        return self.ski or found


def certificate(link: Link, above: Link) -> x509.Certificate:
    """Return the certificate, issued by ``above`` but for what the link says otherwise."""
    by = link.signed_by or above.key
    values: list[tuple[x509.ExtensionType, bool]] = [
        (
            x509.BasicConstraints(ca=link.ca, path_length=link.path_length if link.ca else None),
            True,
        ),
        (usage(signs=link.signs), True),
        (x509.SubjectKeyIdentifier(link.key_id()), False),
        (x509.AuthorityKeyIdentifier(link.aki or above.key_id(), None, None), False),
        *link.extensions,
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(link.name))
        .issuer_name(named(above.name if link.issuer is None else link.issuer))
        .public_key(link.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(link.begins)
        .not_valid_after(link.ends)
    )
    for value, critical in values:
        if not isinstance(value, link.without):
            builder = builder.add_extension(value, critical=critical)
    return builder.sign(by, None if isinstance(by, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def chain(*links: Link) -> tuple[x509.Certificate, ...]:
    """Return the path, signer first; the last link signs itself."""
    above = (*links[1:], links[-1])
    return tuple(certificate(link, issuer) for link, issuer in zip(links, above, strict=True))


def honest(length: int = 3) -> list[Link]:
    """Return the links of an honest path: signer with path length 0, root last."""
    links = [Link(name=f"ca-{n}") for n in range(length)]
    if length > 1:
        links[0].path_length = 0
    return links


def altered(position: int, change: Callable[[Link], None], length: int = 3) -> tuple[Any, ...]:
    """Return a path with one link changed."""
    links = honest(length)
    change(links[position])
    return chain(*links)
