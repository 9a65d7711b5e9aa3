"""What a certificate that already exists has to do with the profile: findings, each one sentence.

Source: SPIFFE X509-SVID §2 to §5, RFC 5280 §4.1 and §4.2, the profile of this project.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from ca_core.errors import RequestError
from ca_core.identity.certificates import is_ca, uri_sans
from ca_core.identity.keys import check_leaf_key, key_spec_of
from ca_core.identity.spiffe import parse_spiffe_id

ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)

_BROKEN_HASHES = (hashes.MD5, hashes.SHA1)
_MIN_SERIAL_BITS = 64  # CA/Browser Forum BR §7.1: 64 bits from a random source


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark; ``wrong`` says that verifiers refuse it, otherwise it is only unusual."""

    wrong: bool
    text: str


def findings(certificate: x509.Certificate, now: datetime) -> tuple[Finding, ...]:
    """Return what is wrong or unusual about one certificate at ``now``, the wrong first."""
    checks = _CA_CHECKS if is_ca(certificate) else _LEAF_CHECKS
    found = [*_validity(certificate, now)]
    for check in (*_COMMON_CHECKS, *checks):
        found += check(certificate)
    return tuple(sorted(found, key=lambda finding: not finding.wrong))


def _wrong(text: str) -> Finding:
    return Finding(wrong=True, text=text)


def _unusual(text: str) -> Finding:
    return Finding(wrong=False, text=text)


def _extension(
    certificate: x509.Certificate, kind: type[ExtensionT]
) -> x509.Extension[ExtensionT] | None:
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def _validity(certificate: x509.Certificate, now: datetime) -> Iterator[Finding]:
    if now > certificate.not_valid_after_utc:
        yield _wrong("it has expired")
    if now < certificate.not_valid_before_utc:
        yield _wrong("it is not valid yet; check the clocks")


def _signature(certificate: x509.Certificate) -> Iterator[Finding]:
    if isinstance(certificate.signature_hash_algorithm, _BROKEN_HASHES):
        yield _wrong("it is signed with a broken hash (MD5 or SHA-1)")


def _serial(certificate: x509.Certificate) -> Iterator[Finding]:
    if certificate.serial_number.bit_length() < _MIN_SERIAL_BITS // 2:
        yield _unusual("its serial number looks like a counter, not like a random number")


def _identity(certificate: x509.Certificate) -> Iterator[Finding]:
    uris = uri_sans(certificate)
    if len(uris) != 1:
        yield _wrong(f"it has {len(uris)} URI names; an SVID has exactly one, its SPIFFE ID")
        return
    try:
        parse_spiffe_id(uris[0])
    except RequestError as error:
        yield _wrong(f"its URI is no ID of ours: {error}")


def _subject(certificate: x509.Certificate) -> Iterator[Finding]:
    names = _extension(certificate, x509.SubjectAlternativeName)
    if certificate.subject.rdns:
        yield _unusual("its subject is not empty; the identity is the URI alone")
    elif names is not None and not names.critical:
        yield _wrong("its subject is empty and its alternative name is not critical")


def _leaf_usage(certificate: x509.Certificate) -> Iterator[Finding]:
    usage = _extension(certificate, x509.KeyUsage)
    if usage is None or not usage.value.digital_signature:
        yield _wrong("key usage digitalSignature is missing; it cannot be used in TLS")
        return
    if not usage.critical:
        yield _wrong("its key usage is not critical")
    if usage.value.key_cert_sign or usage.value.crl_sign:
        yield _wrong("its key usage allows signing certificates or CRLs; a leaf must not")
    if usage.value.key_encipherment or usage.value.key_agreement:
        yield _unusual("its key usage allows more than digitalSignature")


def _leaf_constraints(certificate: x509.Certificate) -> Iterator[Finding]:
    if _extension(certificate, x509.BasicConstraints) is None:
        yield _unusual("BasicConstraints CA:FALSE is missing")


def _purposes(certificate: x509.Certificate) -> Iterator[Finding]:
    usage = _extension(certificate, x509.ExtendedKeyUsage)
    present = set(usage.value) if usage else set()
    for oid, name in (
        (ExtendedKeyUsageOID.SERVER_AUTH, "serverAuth"),
        (ExtendedKeyUsageOID.CLIENT_AUTH, "clientAuth"),
    ):
        if oid not in present:
            yield _wrong(f"extended key usage {name} is missing")


def _leaf_key(certificate: x509.Certificate) -> Iterator[Finding]:
    try:
        check_leaf_key(certificate.public_key())
    except RequestError as error:
        yield _wrong(str(error).partition(": ")[2])


def _ca_usage(certificate: x509.Certificate) -> Iterator[Finding]:
    usage = _extension(certificate, x509.KeyUsage)
    if usage is None or not usage.value.key_cert_sign:
        yield _wrong("key usage keyCertSign is missing; it cannot sign certificates")
    constraints = _extension(certificate, x509.BasicConstraints)
    if constraints is not None and not constraints.critical:
        yield _wrong("its BasicConstraints are not critical")


def _ca_key(certificate: x509.Certificate) -> Iterator[Finding]:
    try:
        key_spec_of(certificate.public_key())
    except RequestError as error:
        yield _unusual(str(error))


Check = Callable[[x509.Certificate], Iterator[Finding]]

_COMMON_CHECKS: tuple[Check, ...] = (_signature, _serial)
_LEAF_CHECKS: tuple[Check, ...] = (
    _identity,
    _subject,
    _leaf_usage,
    _leaf_constraints,
    _purposes,
    _leaf_key,
)
_CA_CHECKS: tuple[Check, ...] = (_ca_usage, _ca_key)


def chain_findings(chain: tuple[x509.Certificate, ...]) -> tuple[Finding, ...]:
    """Return where a chain, leaf first, is out of order: each must be signed by the next."""
    return tuple(
        _wrong(f"certificate {place + 1} is not signed by certificate {place + 2}")
        for place, (child, issuer) in enumerate(pairwise(chain))
        if not _signed_by(child, issuer)
    )


def _signed_by(child: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001 - pyca raises several types for "no"
        return False
    return True


def names_of(certificate: x509.Certificate) -> dict[str, list[str]]:
    """Return DNS, IP and other alternative names as text, by kind; the URI stands elsewhere."""
    found = _extension(certificate, x509.SubjectAlternativeName)
    names: list[Any] = [] if found is None else list(found.value)
    kinds: dict[type, str] = {x509.DNSName: "DNS", x509.IPAddress: "IP", x509.RFC822Name: "e-mail"}
    shown: dict[str, list[str]] = {}
    for name in names:
        if not isinstance(name, x509.UniformResourceIdentifier):
            shown.setdefault(kinds.get(type(name), "other"), []).append(str(name.value))
    return shown
