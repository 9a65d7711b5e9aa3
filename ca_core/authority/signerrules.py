"""The rules for what signs leaves, asked once per signer and remembered.

- signer.1   A ``Signer`` with a chain of certificates whose extensions can be read.
- signer.2   The id that was asked for.
- signer.3   A sound path (``identity.paths``) up to the primary CA.
- signer.4   A chain that ends at the anchor of its authority.
- signer.5   A life within every certificate above it.
- signer.6   A new intermediate lives at most as long as asked (60 s tolerance).
- signer.7   An intermediate has the kind of key that was asked for.
- signer.8   An intermediate has the key of the CSR that was signed for it.
- signer.9   An intermediate has path length 0.
- signer.10  An intermediate's URI SAN is exactly our trust domain's.
- signer.11  An intermediate has no extension outside the profile.
- signer.12  The same chain for the same id, for ever.
- signer.13  The certificate that was installed, if one was.
- signer.14  Every bundle in use holds an anchor that its chain, or a cross-certificate, leads to.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from ca_core.authority.carules import CA_PROFILE
from ca_core.authority.rules import (
    CLOCK_TOLERANCE,
    Certificates,
    Rule,
    listed,
    outside_profile,
    same_key,
    unreadable_chain,
)
from ca_core.contract.answers import Signer, TrustChain
from ca_core.identity.certificates import fingerprint, uri_sans
from ca_core.identity.keys import KeySpec, key_spec_of
from ca_core.identity.paths import path_faults, path_length_of
from ca_core.identity.spiffe import TrustDomain

Bundle = frozenset[str]
"""Fingerprints of the anchors that somebody trusts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedSigner:
    """What a signer must be.

    Attributes:
        id: the id asked for.
        authority: the chain of its authority.
        key: the key asked for, or None.
        csr: the CSR that was signed for it, or None.
        ttl: the life asked for, or None.
        installed: what was handed to the provider to install, or None.
        known: the chain that stands for this id already, or None.
    """

    id: str
    authority: TrustChain
    key: KeySpec | None = None
    csr: x509.CertificateSigningRequest | None = None
    ttl: timedelta | None = None
    installed: Certificates | None = None
    known: Certificates | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerFacts:
    """A signer that came back, and what it must be."""

    signer: Signer
    expected: ExpectedSigner
    trust_domain: TrustDomain
    now: datetime

    @property
    def is_primary(self) -> bool:
        """Say whether the primary CA itself signs leaves."""
        return self.signer.certificate == self.expected.authority.primary


def unreadable_signer(answer: object) -> str | None:
    """Return why an answer is no ``Signer`` that can be judged, or None."""
    if not isinstance(answer, Signer):
        return f"the answer is a {type(answer).__name__}, not a Signer"
    return unreadable_chain(answer.chain)


def _other_id(facts: SignerFacts) -> str | None:
    return None if facts.signer.id == facts.expected.id else f"its id is not {facts.expected.id!r}"


def _unsound_path(facts: SignerFacts) -> str | None:
    return listed(path_faults(up_to_primary(facts.signer, facts.expected.authority), now=facts.now))


def up_to_primary(signer: Signer, authority: TrustChain) -> Certificates:
    """Return the signer's chain up to and with the primary CA, or all of it if it is not there."""
    if authority.primary not in signer.chain:
        return signer.chain
    return signer.chain[: signer.chain.index(authority.primary) + 1]


def _elsewhere(facts: SignerFacts) -> str | None:
    below = len(up_to_primary(facts.signer, facts.expected.authority)) - 1
    above = facts.signer.chain[below:]
    if above != facts.expected.authority.certificates[: len(above)]:
        return "its chain does not end at the anchor of its authority"
    return None


def _outlives_above(facts: SignerFacts) -> str | None:
    end = min(certificate.not_valid_after_utc for certificate in facts.signer.chain)
    if facts.signer.certificate.not_valid_after_utc > end:
        return "it outlives a certificate above it"
    return None


def _longer_signer(facts: SignerFacts) -> str | None:
    if facts.expected.ttl is None or facts.expected.known is not None or facts.is_primary:
        return None
    if (
        facts.signer.certificate.not_valid_after_utc
        > facts.now + facts.expected.ttl + CLOCK_TOLERANCE
    ):
        return f"it lives longer than the {facts.expected.ttl} asked"
    return None


def _other_signer_key(facts: SignerFacts) -> str | None:
    if facts.expected.key is None or facts.is_primary:
        return None
    found = key_spec_of(facts.signer.certificate.public_key())
    return None if found == facts.expected.key else f"its key is {found}, not {facts.expected.key}"


def _other_csr_key(facts: SignerFacts) -> str | None:
    csr = facts.expected.csr
    if csr is not None and not same_key(facts.signer.certificate, csr):
        return "it carries another public key than its CSR"
    return None


def _signs_cas(facts: SignerFacts) -> str | None:
    if not facts.is_primary and path_length_of(facts.signer.certificate) != 0:
        return "it is an intermediate, and its path length is not 0"
    return None


def _other_domain(facts: SignerFacts) -> str | None:
    names = uri_sans(facts.signer.certificate)
    if not facts.is_primary and names != (f"spiffe://{facts.trust_domain}",):
        return f"its URI names are not exactly spiffe://{facts.trust_domain}"
    return None


def _signer_profile(facts: SignerFacts) -> str | None:
    if facts.is_primary:
        return None
    return outside_profile(facts.signer.certificate, CA_PROFILE)


def _other_signer(facts: SignerFacts) -> str | None:
    if facts.expected.known is not None and facts.signer.chain != facts.expected.known:
        return "another chain stands for this signer already"
    return None


def _other_installed(facts: SignerFacts) -> str | None:
    if (
        facts.expected.installed is not None
        and facts.signer.certificate != facts.expected.installed[0]
    ):
        return "it is not the certificate that was installed"
    return None


SIGNER_RULES: tuple[Rule[SignerFacts], ...] = (
    Rule("signer.2", _other_id),
    Rule("signer.3", _unsound_path),
    Rule("signer.4", _elsewhere),
    Rule("signer.5", _outlives_above),
    Rule("signer.6", _longer_signer),
    Rule("signer.7", _other_signer_key),
    Rule("signer.8", _other_csr_key),
    Rule("signer.9", _signs_cas),
    Rule("signer.10", _other_domain),
    Rule("signer.11", _signer_profile),
    Rule("signer.12", _other_signer),
    Rule("signer.13", _other_installed),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachFacts:
    """A signer whose own chain is sound, one bundle that somebody holds, and the ways up to it.

    ``crosses`` are paths beside the authority's own: a cross-certificate of its primary CA first,
    an anchor last.
    """

    signer: Signer
    authority: TrustChain
    bundle: Bundle
    crosses: tuple[Certificates, ...]
    now: datetime


def _unreached(facts: ReachFacts) -> str | None:
    below = up_to_primary(facts.signer, facts.authority)[:-1]
    for way in _ways(facts):
        trusted = fingerprint(way[-1]) in facts.bundle
        if trusted and not path_faults(below + way, now=facts.now):
            return None
    return "a bundle in use holds no anchor that its chain leads to"


def _ways(facts: ReachFacts) -> list[Certificates]:
    """Return the ways up from the primary CA: itself, its issuers, cross-certificates."""
    chain, primary = facts.authority.certificates, facts.authority.primary
    own = [chain[: length + 1] for length in range(len(chain))]
    stand_ins = [
        cross
        for cross in facts.crosses
        if cross[0].subject == primary.subject and same_key(cross[0], primary)
    ]
    return own + stand_ins


REACH_RULES: tuple[Rule[ReachFacts], ...] = (Rule("signer.14", _unreached),)
