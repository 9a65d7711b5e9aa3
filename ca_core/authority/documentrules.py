"""The rules for what is no certificate: CSRs and revocation lists.

- csr.1  An ``x509.CertificateSigningRequest`` whose extensions can be read.
- csr.2  Signed by its own key.
- csr.3  The kind of key that was asked for.
- csr.4  The key that stands for this id already.
- csr.5  An intermediate's names are exactly our trust domain's URI SAN.

- crl.1  An ``x509.CertificateRevocationList`` whose extensions can be read.
- crl.2  Issued by the signer: issuer name and signature.
- crl.3  AKI equals the signer's SKI.
- crl.4  thisUpdate not in the future (60 s tolerance).
- crl.5  nextUpdate present and not past.
- crl.6  No critical extension: it is a complete list.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from ca_core.authority.rules import CLOCK_TOLERANCE, Rule
from ca_core.identity.certificates import subject_key_id
from ca_core.identity.keys import KeySpec, key_spec_of
from ca_core.identity.spiffe import TrustDomain


@dataclass(frozen=True, slots=True, kw_only=True)
class CsrFacts:
    """A CSR that a provider made by a CA's key.

    Attributes:
        csr: what came back.
        key: the key asked for, or None.
        known: a document with the key it must have (an earlier CSR, the primary CA), or None.
        trust_domain: must stand in it as URI name; None if no name is asked for.
    """

    csr: x509.CertificateSigningRequest
    key: KeySpec | None = None
    known: x509.Certificate | x509.CertificateSigningRequest | None = None
    trust_domain: TrustDomain | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlFacts:
    """A revocation list, and the signer whose it must be."""

    crl: x509.CertificateRevocationList
    issuer: x509.Certificate
    now: datetime


def unreadable_csr(answer: object) -> str | None:
    """Return why an answer is no CSR that can be judged, or None."""
    if not isinstance(answer, x509.CertificateSigningRequest):
        return f"the answer is a {type(answer).__name__}, not an x509.CertificateSigningRequest"
    try:
        list(answer.extensions)
    except Exception as error:  # noqa: BLE001 - pyca raises several types for "unreadable"
        return f"its extensions cannot be read ({type(error).__name__})"
    return None


def unreadable_crl(answer: object) -> str | None:
    """Return why an answer is no CRL that can be judged, or None."""
    if not isinstance(answer, x509.CertificateRevocationList):
        return f"the answer is a {type(answer).__name__}, not an x509.CertificateRevocationList"
    try:
        list(answer.extensions)
    except Exception as error:  # noqa: BLE001 - pyca raises several types for "unreadable"
        return f"its extensions cannot be read ({type(error).__name__})"
    return None


def _not_possessed(facts: CsrFacts) -> str | None:
    return None if facts.csr.is_signature_valid else "it is not signed by its own key"


def _other_kind_of_key(facts: CsrFacts) -> str | None:
    found = key_spec_of(facts.csr.public_key())
    if facts.key is not None and found != facts.key:
        return f"its key is {found}, not {facts.key}"
    return None


def _other_key(facts: CsrFacts) -> str | None:
    if facts.known is not None and facts.csr.public_key() != facts.known.public_key():
        return "it is signed by another key than the one that stands for this id"
    return None


def _other_csr_names(facts: CsrFacts) -> str | None:
    if facts.trust_domain is None:
        return None
    wanted = f"spiffe://{facts.trust_domain}"
    found = facts.csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if list(found) != [x509.UniformResourceIdentifier(wanted)]:
        return f"its alternative names are not exactly {wanted}"
    return None


CSR_RULES: tuple[Rule[CsrFacts], ...] = (
    Rule("csr.2", _not_possessed),
    Rule("csr.3", _other_kind_of_key),
    Rule("csr.4", _other_key),
    Rule("csr.5", _other_csr_names),
)


def _not_by_signer(facts: CrlFacts) -> str | None:
    if facts.crl.issuer != facts.issuer.subject:
        return "its issuer is not the signer"
    try:
        valid = facts.crl.is_signature_valid(facts.issuer.public_key())  # type: ignore[arg-type] # a CA's key signs
    except (TypeError, ValueError, UnsupportedAlgorithm):
        valid = False
    return None if valid else "its signature does not verify under the signer's key"


def _foreign_crl_key(facts: CrlFacts) -> str | None:
    found = facts.crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    if found.key_identifier != subject_key_id(facts.issuer):
        return "its authority key identifier is not the signer's subject key identifier"
    return None


def _early_crl(facts: CrlFacts) -> str | None:
    if facts.crl.last_update_utc > facts.now + CLOCK_TOLERANCE:
        return "its thisUpdate lies in the future"
    return None


def _stale_crl(facts: CrlFacts) -> str | None:
    upcoming = facts.crl.next_update_utc
    if upcoming is None or upcoming <= facts.now:
        return "its nextUpdate is missing or past: verifiers would refuse everything"
    return None


def _partial_crl(facts: CrlFacts) -> str | None:
    for extension in facts.crl.extensions:
        if extension.critical:
            return f"critical extension {extension.oid.dotted_string}: it may be no complete list"
    return None


CRL_RULES: tuple[Rule[CrlFacts], ...] = (
    Rule("crl.2", _not_by_signer),
    Rule("crl.3", _foreign_crl_key),
    Rule("crl.4", _early_crl),
    Rule("crl.5", _stale_crl),
    Rule("crl.6", _partial_crl),
)
