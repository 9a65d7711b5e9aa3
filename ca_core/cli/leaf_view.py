"""One certificate file as one screen that a person can read, and the same facts as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509

from ca_core.cli.profile import Finding, chain_findings, findings, names_of
from ca_core.cli.times import relative, span_text
from ca_core.errors import RequestError
from ca_core.identity.certificates import (
    authority_key_id,
    colon_hex,
    fingerprint,
    is_ca,
    is_self_signed,
    serial_hex,
    subject_key_id,
    uri_sans,
)
from ca_core.identity.keys import key_spec_of
from ca_core.identity.spiffe import kind_of, parse_spiffe_id
from ca_core.wire.times import wire_time


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateView:
    """What there is to say about the first certificate of a file and about those after it.

    Attributes:
        certificate: the first one.
        rest: those after it, in the order of the file.
        now: aware UTC; relative times count from here.
        remarks: findings about the first one and about the order of the chain.
    """

    certificate: x509.Certificate
    rest: tuple[x509.Certificate, ...]
    now: datetime
    remarks: tuple[Finding, ...]

    @property
    def is_wrong(self) -> bool:
        """Say whether verifiers would refuse it."""
        return any(finding.wrong for finding in self.remarks)


def view_of(chain: Sequence[x509.Certificate], now: datetime) -> CertificateView:
    """Return the view of a chain with at least one certificate, leaf first."""
    first, *rest = chain
    return CertificateView(
        certificate=first,
        rest=tuple(rest),
        now=now,
        remarks=findings(first, now) + chain_findings(tuple(chain)),
    )


def facts(view: CertificateView) -> list[tuple[str, str]]:
    """Return what people read, as (name, value); a value may have several lines."""
    certificate = view.certificate
    return [
        ("identity", _identity(certificate)),
        ("kind", _kind(certificate)),
        ("valid", _validity(certificate, view.now)),
        ("names", _names(certificate)),
        ("key", _key(certificate)),
        ("issuer", _issuer(certificate)),
        ("serial", serial_hex(certificate)),
        ("SHA-256", fingerprint(certificate)),
        ("chain", "\n".join(_chain_lines(view)) or "nothing after it in this file"),
    ]


def remark_lines(view: CertificateView) -> list[str]:
    """Return the findings as lines, or one line that says there are none."""
    marks = {True: "WRONG  ", False: "note   "}
    lines = [marks[finding.wrong] + finding.text for finding in view.remarks]
    kind = "a CA" if is_ca(view.certificate) else "an X.509-SVID"
    return lines or [f"ok     follows the profile of {kind}"]


def as_json(view: CertificateView) -> dict[str, Any]:
    """Return the same facts for programs. Stable: keys are added, never renamed."""
    certificate = view.certificate
    uris = uri_sans(certificate)
    return {
        "SpiffeID": uris[0] if len(uris) == 1 else "",
        "Kind": _kind(certificate),
        "NotBefore": wire_time(certificate.not_valid_before_utc),
        "NotAfter": wire_time(certificate.not_valid_after_utc),
        "SecondsLeft": int((certificate.not_valid_after_utc - view.now).total_seconds()),
        "Names": names_of(certificate),
        "Key": _key(certificate),
        "Subject": certificate.subject.rfc4514_string(),
        "Issuer": certificate.issuer.rfc4514_string(),
        "SerialNumber": serial_hex(certificate),
        "SubjectKeyID": colon_hex(subject_key_id(certificate) or b""),
        "AuthorityKeyID": colon_hex(authority_key_id(certificate) or b""),
        "SHA256": fingerprint(certificate),
        "Chain": [fingerprint(above) for above in view.rest],
        "Findings": [
            {"Level": "wrong" if finding.wrong else "note", "Text": finding.text}
            for finding in view.remarks
        ],
    }


def _identity(certificate: x509.Certificate) -> str:
    return "\n".join(uri_sans(certificate)) or "none: no URI name"


def _kind(certificate: x509.Certificate) -> str:
    if is_ca(certificate):
        return "root" if is_self_signed(certificate) else "intermediate"
    try:
        return kind_of(parse_spiffe_id(next(iter(uri_sans(certificate)), "")))
    except RequestError:
        return "certificate"


def _validity(certificate: x509.Certificate, now: datetime) -> str:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    verb = "expires" if end >= now else "expired"
    return (
        f"{verb} {relative(end, now)}, a life of {span_text(end - begin)}\n"
        f"{wire_time(begin)} to {wire_time(end)}"
    )


def _names(certificate: x509.Certificate) -> str:
    names = names_of(certificate)
    return "\n".join(f"{kind} {', '.join(values)}" for kind, values in names.items()) or "none"


def _key(certificate: x509.Certificate) -> str:
    try:
        return str(key_spec_of(certificate.public_key()))
    except RequestError:
        return type(certificate.public_key()).__name__


def _issuer(certificate: x509.Certificate) -> str:
    name = certificate.issuer.rfc4514_string() or "empty name"
    return f"{name}\nkey id {colon_hex(authority_key_id(certificate) or b'') or 'unknown'}"


def _chain_lines(view: CertificateView) -> list[str]:
    return [
        f"{_kind(above)}, expires {relative(above.not_valid_after_utc, view.now)}, "
        f"{above.subject.rfc4514_string() or 'empty name'}"
        for above in view.rest
    ]
