"""The rules for an authority: its primary CA and what stands above it.

- authority.1  A ``TrustChain`` of certificates whose extensions can be read.
- authority.2  A sound path (``identity.paths``) from the primary CA up, whenever it is looked at.
- authority.3  A primary CA that is alive.
- authority.4  A last certificate that names itself as issuer is signed by itself.
- authority.5  The kind of key that was asked for, unless an existing CA was adopted.
- authority.6  No URI SAN, or exactly our trust domain's.
- authority.7  The same chain for the same id, for ever.
- authority.8  The certificate that was installed, if one was.
- authority.9  The key of the CSR by which an outside signature was asked for.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from ca_core.authority.rules import Certificates, Rule, listed, same_key, unreadable_chain
from ca_core.contract.answers import TrustChain
from ca_core.identity.certificates import uri_sans
from ca_core.identity.keys import KeySpec, key_spec_of
from ca_core.identity.paths import is_alive, is_signed_by, shape_faults
from ca_core.identity.spiffe import TrustDomain


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityFacts:
    """An authority's chain, and what is known of it.

    Attributes:
        chain: primary CA first, its issuers after it.
        known: the chain that stands for this id already, or None.
        installed: what was handed to the provider to install, or None.
        csr: the CSR by which an outside signature was asked for, or None.
        key: the key asked for, or None if nobody asked for one now.
    """

    chain: Certificates
    known: Certificates | None
    installed: Certificates | None
    csr: x509.CertificateSigningRequest | None
    key: KeySpec | None
    trust_domain: TrustDomain
    now: datetime


def unreadable_trust_chain(answer: object) -> str | None:
    """Return why an answer is no ``TrustChain`` that can be judged, or None."""
    if not isinstance(answer, TrustChain):
        return f"the answer is a {type(answer).__name__}, not a TrustChain"
    return unreadable_chain(answer.certificates)


def _unsound(facts: AuthorityFacts) -> str | None:
    return listed(shape_faults(facts.chain))


def _dead(facts: AuthorityFacts) -> str | None:
    alive = is_alive(facts.chain[0], now=facts.now)
    return None if alive else "the primary CA has expired or is not valid yet"


def _false_root(facts: AuthorityFacts) -> str | None:
    last = facts.chain[-1]
    if last.subject == last.issuer and not is_signed_by(last, last):
        return "the last certificate names itself as issuer and is not signed by itself"
    return None


def _other_authority_key(facts: AuthorityFacts) -> str | None:
    found = key_spec_of(facts.chain[0].public_key())
    if facts.key is not None and found != facts.key:
        return f"its key is {found}, not {facts.key}"
    return None


def _other_trust_domain(facts: AuthorityFacts) -> str | None:
    names = uri_sans(facts.chain[0])
    if names not in {(), (f"spiffe://{facts.trust_domain}",)}:
        return f"its URI names are {', '.join(names)}, not spiffe://{facts.trust_domain}"
    return None


def _other_authority(facts: AuthorityFacts) -> str | None:
    if facts.known is not None and facts.chain != facts.known:
        return "another chain stands for this authority already"
    return None


def _other_installation(facts: AuthorityFacts) -> str | None:
    if facts.installed is not None and facts.chain[0] != facts.installed[0]:
        return "it is not the certificate that was installed"
    return None


def _other_waiting_key(facts: AuthorityFacts) -> str | None:
    if facts.csr is not None and not same_key(facts.chain[0], facts.csr):
        return "it carries another public key than the CSR it waited with"
    return None


AUTHORITY_RULES: tuple[Rule[AuthorityFacts], ...] = (
    Rule("authority.2", _unsound),
    Rule("authority.3", _dead),
    Rule("authority.4", _false_root),
    Rule("authority.5", _other_authority_key),
    Rule("authority.6", _other_trust_domain),
    Rule("authority.7", _other_authority),
    Rule("authority.8", _other_installation),
    Rule("authority.9", _other_waiting_key),
)
