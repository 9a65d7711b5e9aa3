"""The rules for every leaf, cheap enough to ask each time.

- leaf.1   An ``x509.Certificate`` whose extensions can be read.
- leaf.2   Issued by the named signer: issuer name and signature.
- leaf.3   AKI equals the signer's SKI.
- leaf.4   The CSR's public key.
- leaf.5   Exactly the one URI SAN that was asked.
- leaf.6   No DNS name, address or other name beyond those granted.
- leaf.7   Every name granted is there.
- leaf.8   An empty subject.
- leaf.9   A critical SAN (RFC 5280 §4.2.1.6, since the subject is empty).
- leaf.10  BasicConstraints present, CA false.
- leaf.11  Critical key usage with digitalSignature.
- leaf.12  No keyAgreement, keyCertSign, cRLSign, dataEncipherment, nonRepudiation.
- leaf.13  No keyEncipherment if ``strict_key_usage``; otherwise a warning.
- leaf.14  Extended key usage exactly server and client.
- leaf.15  NotAfter at most what was asked.
- leaf.16  NotAfter within the signer's life.
- leaf.17  At least half of the life asked, itself clamped by the signer's; below 90 % a warning.
- leaf.18  NotBefore not in the future (60 s tolerance).
- leaf.19  No extension outside the profile.
- leaf.20  Its names pass the name constraints above.
- leaf.21  A serial number that can be random: positive, 64 random bits or more, at most 20 octets.
- leaf.22  A serial number not given out before.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from ca_core.authority.rules import (
    Made,
    Rule,
    begins_later,
    foreign_authority_key,
    not_signed_by_issuer,
    outlives_issuer,
    outside_profile,
    poor_serial,
)
from ca_core.contract.requests import LeafRequest
from ca_core.identity.csr import csr_public_key, subject_alternative_name

FreshSerial = Callable[[x509.Certificate, str], bool]
"""``(certificate, request id)``: say whether its serial number is new under this signer."""

_PURPOSES = frozenset({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH})
_PROFILE = (
    x509.SubjectAlternativeName,
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.SubjectKeyIdentifier,
    x509.AuthorityKeyIdentifier,
)
_ONLY_SIGNS = x509.KeyUsage(
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
_KINDS = frozenset(_PROFILE)
_ROUNDING = timedelta(seconds=1)  # certificates count whole seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafFacts(Made):
    """A leaf, what was asked, and what its signer allows.

    Attributes:
        request: what was asked.
        strict_key_usage: refuse keyEncipherment instead of tolerating it.
        fresh: remembers serial numbers.
        as_asked: the SAN is the one asked for, in the same order, as honest leaves have it.
        permits: what name constraints above the leaf say about its names: a fault or None.
    """

    request: LeafRequest
    strict_key_usage: bool
    as_asked: bool
    fresh: FreshSerial
    permits: Callable[[Iterable[x509.GeneralName]], str | None]

    @property
    def names(self) -> tuple[x509.GeneralName, ...]:
        """Return the names in the SAN; none if there is no SAN."""
        return tuple(self.value(x509.SubjectAlternativeName) or ())

    @property
    def asked(self) -> x509.SubjectAlternativeName:
        """Return the SAN that was asked for."""
        return asked_names(self.request)


def asked_names(request: LeafRequest) -> x509.SubjectAlternativeName:
    """Return the SAN that a request asks for."""
    return subject_alternative_name(request.identity, request.dns_names, request.ip_addresses)


def _foreign_key(facts: LeafFacts) -> str | None:
    if facts.certificate.public_key() != csr_public_key(facts.request.csr):
        return "it carries another public key than the CSR"
    return None


def _foreign_identity(facts: LeafFacts) -> str | None:
    if facts.as_asked:
        return None
    uris = [name.value for name in facts.names if _is_uri(name)]
    if not uris:
        return f"it has no URI name; {facts.request.identity} was asked"
    if uris != [str(facts.request.identity)]:
        return f"its URI names are not exactly {facts.request.identity}"
    return None


def _is_uri(name: x509.GeneralName) -> bool:
    return isinstance(name, x509.UniformResourceIdentifier)


def _names_beyond(facts: LeafFacts) -> str | None:
    if facts.as_asked:
        return None
    granted = list(facts.asked)
    extra = [name for name in facts.names if not _is_uri(name) and name not in granted]
    return f"it carries a name nobody granted: {extra[0]!r}" if extra else None


def _names_missing(facts: LeafFacts) -> str | None:
    if facts.as_asked:
        return None
    missing = [name for name in facts.asked if not _is_uri(name) and name not in facts.names]
    return f"a granted name is missing: {missing[0]!r}" if missing else None


def _subject(facts: LeafFacts) -> str | None:
    return "its subject is not empty" if facts.certificate.subject.rdns else None


def _san_not_critical(facts: LeafFacts) -> str | None:
    found = facts.extensions.get(x509.SubjectAlternativeName)
    if found is None:
        return "it has no alternative name, though its subject is empty"
    if not found.critical:
        return "its alternative name is not critical, though its subject is empty"
    return None


def _may_be_ca(facts: LeafFacts) -> str | None:
    constraints = facts.value(x509.BasicConstraints)
    if constraints is None or constraints.ca or constraints.path_length is not None:
        return "BasicConstraints CA:FALSE is missing"
    return None


def _no_digital_signature(facts: LeafFacts) -> str | None:
    found = facts.extensions.get(x509.KeyUsage)
    if found is None or not found.critical or not found.value.digital_signature:
        return "critical key usage digitalSignature is missing"
    return None


def _usage_beyond(facts: LeafFacts) -> str | None:
    usage = facts.value(x509.KeyUsage)
    if usage is None or usage == _ONLY_SIGNS:
        return None  # leaf.11 speaks of no key usage at all
    refused = {
        "keyAgreement": usage.key_agreement,
        "keyCertSign": usage.key_cert_sign,
        "cRLSign": usage.crl_sign,
        "dataEncipherment": usage.data_encipherment,
        "nonRepudiation": usage.content_commitment,
    }
    found = [name for name, present in refused.items() if present]
    return f"key usage {', '.join(found)} is refused" if found else None


def _key_encipherment(facts: LeafFacts) -> str | None:
    usage = facts.value(x509.KeyUsage)
    if facts.strict_key_usage and usage is not None and usage.key_encipherment:
        return "key usage keyEncipherment is refused (strict_key_usage)"
    return None


def _purpose(facts: LeafFacts) -> str | None:
    usage = facts.value(x509.ExtendedKeyUsage)
    if usage is None or frozenset(usage) != _PURPOSES:
        return "its extended key usage is not exactly serverAuth and clientAuth"
    return None


def _longer_than_asked(facts: LeafFacts) -> str | None:
    if facts.not_after > facts.request.not_after:
        return f"it lives until {facts.not_after}, longer than asked"
    return None


def _lives(facts: LeafFacts) -> tuple[timedelta, timedelta]:
    """Return the life given and the life asked, from now on; backdating does not count."""
    asked = min(facts.request.not_after, facts.issuer_not_after) - facts.now
    return facts.not_after - facts.now, asked


def _too_short(facts: LeafFacts) -> str | None:
    given, asked = _lives(facts)
    if given <= timedelta() or given + _ROUNDING < asked * 0.5:
        return f"it lives {given}, less than half of the {asked} asked"
    return None


def _foreign_profile(facts: LeafFacts) -> str | None:
    if facts.extensions.keys() <= _KINDS:
        return None
    return outside_profile(facts.certificate, _PROFILE)


def _constrained(facts: LeafFacts) -> str | None:
    return facts.permits(facts.names)


def _serial_seen(facts: LeafFacts) -> str | None:
    if not facts.fresh(facts.certificate, facts.request.request_id):
        return "its serial number was given out before"
    return None


LEAF_RULES: tuple[Rule[LeafFacts], ...] = (
    Rule("leaf.2", not_signed_by_issuer),
    Rule("leaf.3", foreign_authority_key),
    Rule("leaf.4", _foreign_key),
    Rule("leaf.5", _foreign_identity),
    Rule("leaf.6", _names_beyond),
    Rule("leaf.7", _names_missing),
    Rule("leaf.8", _subject),
    Rule("leaf.9", _san_not_critical),
    Rule("leaf.10", _may_be_ca),
    Rule("leaf.11", _no_digital_signature),
    Rule("leaf.12", _usage_beyond),
    Rule("leaf.13", _key_encipherment),
    Rule("leaf.14", _purpose),
    Rule("leaf.15", _longer_than_asked),
    Rule("leaf.16", outlives_issuer),
    Rule("leaf.17", _too_short),
    Rule("leaf.18", begins_later),
    Rule("leaf.19", _foreign_profile),
    Rule("leaf.20", _constrained),
    Rule("leaf.21", poor_serial),
    Rule("leaf.22", _serial_seen),
)
"""In this order; ``leaf.22`` is last, since it remembers the serial number of what is released."""


def leaf_notes(facts: LeafFacts) -> tuple[tuple[str, str], ...]:
    """Return (kind, sentence) of what a leaf that broke no rule may have, yet earns a warning."""
    notes = []
    usage = facts.value(x509.KeyUsage)
    if usage is not None and usage.key_encipherment:
        notes.append(("usage", "leaves have key usage keyEncipherment, which EC keys cannot do"))
    given, asked = _lives(facts)
    if given + _ROUNDING < asked * 0.9:
        notes.append(("life", f"leaves get less than 90 % of the life asked ({given} of {asked})"))
    return tuple(notes)
