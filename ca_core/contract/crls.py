"""Certificate revocation lists by template."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from ca_core.contract.issuing import KeyPair
from ca_core.identity.certificates import subject_key_id
from ca_core.identity.keys import signature_hash


@dataclass(frozen=True, slots=True)
class RevokedEntry:
    """One line of a CRL: the serial number, when it was revoked (aware UTC), and why."""

    serial: int
    at: datetime
    reason: x509.ReasonFlags = x509.ReasonFlags.unspecified


def issue_crl(
    issuer: KeyPair,
    entries: Iterable[RevokedEntry],
    *,
    number: int,
    this_update: datetime,
    next_update: datetime,
) -> x509.CertificateRevocationList:
    """Sign a CRL of everything ``issuer`` revoked; the caller sees that ``number`` only grows.

    Source: RFC 5280 §5.2.3 (number), §5.3.1 (``unspecified`` is expressed by absence).
    """
    key_id = x509.AuthorityKeyIdentifier(subject_key_id(issuer.certificate), None, None)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(this_update)
        .next_update(next_update)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(key_id, critical=False)
    )
    for entry in entries:
        builder = builder.add_revoked_certificate(_revoked(entry))
    return builder.sign(issuer.key, signature_hash(issuer.key))


def _revoked(entry: RevokedEntry) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(entry.serial)
    builder = builder.revocation_date(entry.at)
    if entry.reason is not x509.ReasonFlags.unspecified:
        builder = builder.add_extension(x509.CRLReason(entry.reason), critical=False)
    return builder.build()
