"""The rules for CA certificates made for others.

Every intermediate signed for a secondary:

- intermediate.1   An ``x509.Certificate`` whose extensions can be read.
- intermediate.2   Issued by this authority's primary CA: issuer name and signature.
- intermediate.3   AKI equals the primary CA's SKI.
- intermediate.4   The CSR's public key.
- intermediate.5   No names but exactly our trust domain's URI SAN.
- intermediate.6   CA true and keyCertSign, both critical.
- intermediate.7   Path length 0.
- intermediate.8   A subject that is not empty.
- intermediate.9   An SKI.
- intermediate.10  NotAfter at most what was asked (60 s tolerance).
- intermediate.11  NotAfter within the primary CA's life.
- intermediate.12  NotBefore not in the future (60 s tolerance).
- intermediate.13  A serial number that can be random.
- intermediate.14  No extension outside the profile.

Every cross-certificate:

- cross.1   An ``x509.Certificate`` whose extensions can be read.
- cross.2   Issued by this authority's primary CA: issuer name and signature.
- cross.3   AKI equals the primary CA's SKI.
- cross.4   The subject of the CA that was to be cross-signed.
- cross.5   Its public key.
- cross.6   Its SKI.
- cross.7   Its SANs.
- cross.8   CA true and keyCertSign, both critical.
- cross.9   Path length as asked or lower.
- cross.10  NotAfter at most what was asked.
- cross.11  NotAfter within the primary CA's life.
- cross.12  NotBefore not in the future (60 s tolerance).
- cross.13  A serial number that can be random.
- cross.14  Another serial number than that CA's own certificate.
- cross.15  No extension outside the profile.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509

from ca_core.authority.rules import (
    CLOCK_TOLERANCE,
    Made,
    Rule,
    begins_later,
    foreign_authority_key,
    not_signed_by_issuer,
    other_names,
    outlives_issuer,
    outside_profile,
    poor_serial,
    same_key,
)
from ca_core.contract.requests import CrossSignRequest, IntermediateRequest
from ca_core.identity.certificates import subject_key_id
from ca_core.identity.paths import path_length_of

CA_PROFILE = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.SubjectAlternativeName,
    x509.SubjectKeyIdentifier,
    x509.AuthorityKeyIdentifier,
)
"""What a CA certificate made for us may carry; the path walk asks for an SKI."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntermediateFacts(Made):
    """A secondary's intermediate; ``issuer`` is this authority's primary CA."""

    request: IntermediateRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossFacts(Made):
    """A cross-certificate; ``issuer`` is this authority's primary CA."""

    request: CrossSignRequest


def not_a_ca(facts: Made) -> str | None:
    """Refuse what may not sign: CA false, no critical BasicConstraints, no keyCertSign."""
    found = facts.extensions.get(x509.BasicConstraints)
    if found is None or not found.critical or not found.value.ca:
        return "critical BasicConstraints CA:TRUE is missing"
    usage = facts.extensions.get(x509.KeyUsage)
    if usage is None or not usage.critical or not usage.value.key_cert_sign:
        return "critical key usage keyCertSign is missing"
    return None


def nameless(facts: Made) -> str | None:
    """Refuse an empty subject: a leaf below it would have an empty issuer."""
    return None if facts.certificate.subject.rdns else "its subject is empty"


def no_key_id(facts: Made) -> str | None:
    """Refuse a CA without an SKI: nothing below it could name its key."""
    found = facts.value(x509.SubjectKeyIdentifier)
    return "it has no subject key identifier" if found is None else None


def signs_below(facts: Made) -> str | None:
    """Refuse an intermediate that may sign further CAs."""
    if path_length_of(facts.certificate) != 0:
        return "its path length is not 0"
    return None


def foreign_ca_profile(facts: Made) -> str | None:
    """Refuse an extension that our CA certificates do not carry."""
    return outside_profile(facts.certificate, CA_PROFILE)


def _intermediate_key(facts: IntermediateFacts) -> str | None:
    if same_key(facts.certificate, facts.request.csr):
        return None
    return "it carries another public key than the CSR"


def _intermediate_names(facts: IntermediateFacts) -> str | None:
    return other_names(facts, f"spiffe://{facts.request.trust_domain}")


def _intermediate_life(facts: IntermediateFacts) -> str | None:
    if facts.not_after > facts.now + facts.request.ttl + CLOCK_TOLERANCE:
        return f"it lives longer than the {facts.request.ttl} asked"
    return None


INTERMEDIATE_RULES: tuple[Rule[IntermediateFacts], ...] = (
    Rule("intermediate.2", not_signed_by_issuer),
    Rule("intermediate.3", foreign_authority_key),
    Rule("intermediate.4", _intermediate_key),
    Rule("intermediate.5", _intermediate_names),
    Rule("intermediate.6", not_a_ca),
    Rule("intermediate.7", signs_below),
    Rule("intermediate.8", nameless),
    Rule("intermediate.9", no_key_id),
    Rule("intermediate.10", _intermediate_life),
    Rule("intermediate.11", outlives_issuer),
    Rule("intermediate.12", begins_later),
    Rule("intermediate.13", poor_serial),
    Rule("intermediate.14", foreign_ca_profile),
)


def _same(
    read: Callable[[x509.Certificate], object], what: str
) -> Callable[[CrossFacts], str | None]:
    """Return a rule: the cross-certificate has what the certificate asked for has."""

    def fault(facts: CrossFacts) -> str | None:
        if read(facts.certificate) == read(facts.request.certificate):
            return None
        return f"its {what} differs from the CA that was to be cross-signed"

    return fault


def _names_of(certificate: x509.Certificate) -> list[x509.GeneralName]:
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            return list(extension.value)
    return []


def _cross_path_length(facts: CrossFacts) -> str | None:
    asked, given = facts.request.path_length, path_length_of(facts.certificate)
    if asked is not None and (given is None or given > asked):
        return f"its path length is {given}, more than the {asked} asked"
    return None


def _cross_life(facts: CrossFacts) -> str | None:
    if facts.not_after > facts.request.not_after:
        return f"it lives until {facts.not_after}, longer than asked"
    return None


def _cross_serial(facts: CrossFacts) -> str | None:
    if facts.certificate.serial_number == facts.request.certificate.serial_number:
        return "its serial number is not a new one"
    return None


CROSS_RULES: tuple[Rule[CrossFacts], ...] = (
    Rule("cross.2", not_signed_by_issuer),
    Rule("cross.3", foreign_authority_key),
    Rule("cross.4", _same(lambda c: c.subject, "subject")),
    Rule("cross.5", _same(lambda c: c.public_key(), "public key")),
    Rule("cross.6", _same(subject_key_id, "subject key identifier")),
    Rule("cross.7", _same(_names_of, "set of alternative names")),
    Rule("cross.8", not_a_ca),
    Rule("cross.9", _cross_path_length),
    Rule("cross.10", _cross_life),
    Rule("cross.11", outlives_issuer),
    Rule("cross.12", begins_later),
    Rule("cross.13", poor_serial),
    Rule("cross.14", _cross_serial),
    Rule("cross.15", foreign_ca_profile),
)
