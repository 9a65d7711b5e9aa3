"""What a rule of the guard is, and the rules that every kind of certificate shares."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypedDict, TypeVar

from cryptography import x509

from ca_core.identity.certificates import subject_key_id
from ca_core.identity.paths import is_signed_by

CLOCK_TOLERANCE = timedelta(seconds=60)
"""Clocks of a backend and of this server may differ by so much."""

MIN_SERIAL_BITS = 40
"""64 random bits begin with 24 zeros once in 16 million times; counters and seconds are shorter."""

MAX_SERIAL_BITS = 159
"""20 octets, the first bit being the sign. Source: RFC 5280 §4.1.2.2."""

FactsT = TypeVar("FactsT")
FactsT_contra = TypeVar("FactsT_contra", contravariant=True)
ValueT = TypeVar("ValueT", bound=x509.ExtensionType)

Certificates = tuple[x509.Certificate, ...]
Extensions = Mapping[type[x509.ExtensionType], x509.Extension[Any]]


@dataclass(frozen=True, slots=True)
class Rule(Generic[FactsT_contra]):
    """One numbered rule; ``fault`` returns what is wrong in a sentence, or None."""

    id: str
    fault: Callable[[FactsT_contra], str | None]


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that did not hold, and the sentence for people."""

    rule: str
    fault: str


def first_broken(rules: Sequence[Rule[FactsT]], facts: FactsT) -> Broken | None:
    """Return the first rule that does not hold; one that cannot be evaluated does not hold."""
    for rule in rules:
        try:
            fault = rule.fault(facts)
        except Exception as error:  # noqa: BLE001 - whatever a strange certificate makes pyca raise
            fault = f"cannot be evaluated ({type(error).__name__})"
        if fault is not None:
            return Broken(rule.id, fault)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A certificate that a provider made for us, and where it stands.

    Attributes:
        certificate: what came back.
        extensions: its extensions by the type of their value.
        issuer: the certificate that must have issued it.
        issuer_key_id: the issuer's SKI.
        issuer_not_after: the issuer's, aware UTC.
        not_after: the certificate's, aware UTC, read once.
        now: aware UTC, read after the answer came.
    """

    certificate: x509.Certificate
    extensions: Extensions
    issuer: x509.Certificate
    issuer_key_id: bytes | None
    issuer_not_after: datetime
    not_after: datetime
    now: datetime

    def value(self, kind: type[ValueT]) -> ValueT | None:
        """Return the value of an extension, or None if the certificate has none."""
        found = self.extensions.get(kind)
        return None if found is None else found.value


class Seen(TypedDict):
    """The fields of ``Made``, ready to be given to the facts of one kind of certificate."""

    certificate: x509.Certificate
    extensions: Extensions
    issuer: x509.Certificate
    issuer_key_id: bytes | None
    issuer_not_after: datetime
    not_after: datetime
    now: datetime


def seen_below(
    issuer: x509.Certificate, certificate: x509.Certificate, extensions: Extensions, now: datetime
) -> Seen:
    """Return a certificate, whose extensions were read, beside the one that must have issued it."""
    return {
        "certificate": certificate,
        "extensions": extensions,
        "issuer": issuer,
        "issuer_key_id": subject_key_id(issuer),
        "issuer_not_after": issuer.not_valid_after_utc,
        "not_after": certificate.not_valid_after_utc,
        "now": now,
    }


def read_extensions(certificate: x509.Certificate) -> Extensions | str:
    """Return the extensions by type, or why they cannot be read."""
    try:
        return {type(extension.value): extension for extension in certificate.extensions}
    except Exception as error:  # noqa: BLE001 - ValueError, DuplicateExtension and others of pyca
        return f"its extensions cannot be read ({type(error).__name__})"


def unreadable_chain(answer: object) -> str | None:
    """Return why an answer is no chain that can be judged, or None."""
    if not isinstance(answer, tuple) or not answer:
        return "the chain is not a tuple with at least one certificate"
    return next((fault for fault in map(_unreadable, answer) if fault is not None), None)


def _unreadable(answer: object) -> str | None:
    if not isinstance(answer, x509.Certificate):
        return f"the chain holds a {type(answer).__name__}, not an x509.Certificate"
    found = read_extensions(answer)
    return found if isinstance(found, str) else None


def listed(faults: Iterable[str]) -> str | None:
    """Return faults as one sentence, or None if there are none."""
    return "; ".join(faults) or None


def not_signed_by_issuer(facts: Made) -> str | None:
    """Refuse another issuer name or a signature that does not verify; pyca verifies no SHA-1."""
    if not is_signed_by(facts.certificate, facts.issuer):
        return "not issued by the expected signer (issuer name or signature)"
    return None


def foreign_authority_key(facts: Made) -> str | None:
    """Refuse an AKI that is not the issuer's SKI: mixing methods breaks chains."""
    ours = facts.value(x509.AuthorityKeyIdentifier)
    if ours is None or ours.key_identifier != facts.issuer_key_id:
        return "its authority key identifier is not the signer's subject key identifier"
    return None


def begins_later(facts: Made) -> str | None:
    """Refuse a NotBefore in the future."""
    if facts.certificate.not_valid_before_utc > facts.now + CLOCK_TOLERANCE:
        return f"valid only from {facts.certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}"
    return None


def poor_serial(facts: Made) -> str | None:
    """Refuse a serial number that is not random, not positive or too long."""
    serial = facts.certificate.serial_number
    bits = serial.bit_length()
    if serial <= 0 or not MIN_SERIAL_BITS <= bits <= MAX_SERIAL_BITS:
        return f"a serial number of {bits} bits is not a random one of 64 to {MAX_SERIAL_BITS}"
    return None


def outlives_issuer(facts: Made) -> str | None:
    """Refuse a life beyond the issuer's."""
    if facts.not_after > facts.issuer_not_after:
        return "outlives its issuer"
    return None


def outside_profile(
    certificate: x509.Certificate, profile: tuple[type[x509.ExtensionType], ...]
) -> str | None:
    """Refuse an extension whose type the profile does not know."""
    for extension in certificate.extensions:
        if not isinstance(extension.value, profile):
            return f"extension {extension.oid.dotted_string} is outside the profile"
    return None


def same_key(
    one: x509.Certificate, other: x509.Certificate | x509.CertificateSigningRequest
) -> bool:
    """Say whether two documents carry one public key."""
    return one.public_key() == other.public_key()


def other_names(certificate: Made, wanted: str) -> str | None:
    """Refuse a SAN other than exactly one URI."""
    names = certificate.value(x509.SubjectAlternativeName)
    found = [] if names is None else list(names)
    if found != [x509.UniformResourceIdentifier(wanted)]:
        return f"its alternative names are not exactly {wanted}"
    return None
