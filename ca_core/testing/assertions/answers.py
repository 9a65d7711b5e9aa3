"""Assertions that an answer is what a request asked for, judged by the guard's own rules."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from cryptography import x509

from ca_core.authority.authorityrules import AUTHORITY_RULES, AuthorityFacts
from ca_core.authority.carules import CROSS_RULES, INTERMEDIATE_RULES, CrossFacts, IntermediateFacts
from ca_core.authority.documentrules import CRL_RULES, CSR_RULES, CrlFacts, CsrFacts
from ca_core.authority.known import known_signer
from ca_core.authority.leafrules import LEAF_RULES, LeafFacts, asked_names
from ca_core.authority.rules import Rule, Seen, first_broken, read_extensions, seen_below
from ca_core.authority.signerrules import SIGNER_RULES, ExpectedSigner, SignerFacts
from ca_core.contract import (
    BACKDATE,
    AuthorityRequest,
    CrossSignRequest,
    IntermediateRequest,
    KeySpec,
    LeafRequest,
    Signer,
    SignerRequest,
    TrustChain,
    TrustDomain,
)
from ca_core.testing.assertions.wording import GUARD, alternative_names, named
from ca_core.testing.conformance.verdict import Violation, require

FactsT = TypeVar("FactsT")

_BY_SIGNER = frozenset({"leaf.2", "leaf.3", "leaf.16", "leaf.17", "leaf.20"})
_BY_MEMORY = "leaf.22"  # the guard remembers serial numbers, an assertion does not


def assert_leaf_is_for(
    leaf: x509.Certificate,
    request: LeafRequest,
    *,
    signer: Signer | None = None,
    now: datetime | None = None,
) -> None:
    """Assert that this is exactly the leaf that ``request`` asks for, of the SVID profile.

    Args:
        leaf: what ``sign_leaf`` returned.
        request: what it was given.
        signer: what must have signed it; None asks nothing about signature, AKI and signer's life.
        now: when it was signed, aware UTC; None takes the moment that the request was made.

    Raises:
        Violation: with the guard's rule, for example ``leaf.5``.
    Source: SPIFFE X509-SVID §2, §4; the rules ``leaf.*``.
    """
    issuer = signer.certificate if signer else leaf
    facts = LeafFacts(
        **_seen(leaf, issuer, now or request.not_before + BACKDATE),
        request=request,
        strict_key_usage=False,
        as_asked=alternative_names(leaf) == asked_names(request),
        fresh=lambda _certificate, _request_id: True,
        permits=known_signer(signer, TrustChain(signer.chain)).permits if signer else _permitted,
    )
    left_out = {_BY_MEMORY} | (_BY_SIGNER if signer is None else frozenset())
    rules = [rule for rule in LEAF_RULES if rule.id not in left_out]
    _hold(rules, facts, f"the leaf for {request.identity}")


def assert_authority_is_for(
    answer: TrustChain, request: AuthorityRequest, *, now: datetime
) -> None:
    """Assert that this is an authority as ``request`` asks for it, or one that was adopted.

    Raises:
        Violation: with the guard's rule, for example ``authority.5``.
    Source: the rules ``authority.*``.
    """
    facts = AuthorityFacts(
        chain=answer.certificates,
        known=None,
        installed=None,
        csr=None,
        key=None if answer.adopted else request.key,
        trust_domain=request.trust_domain,
        now=now,
    )
    _hold(AUTHORITY_RULES, facts, f"authority {request.id}")


def assert_signer_is_for(
    signer: Signer,
    request: SignerRequest,
    authority: TrustChain,
    *,
    trust_domain: TrustDomain,
    now: datetime,
) -> None:
    """Assert that this is a new signer as ``request`` asks for it, below ``authority``.

    Raises:
        Violation: with the guard's rule, for example ``signer.9``.
    Source: the rules ``signer.*``.
    """
    expected = ExpectedSigner(id=request.id, authority=authority, key=request.key, ttl=request.ttl)
    facts = SignerFacts(signer=signer, expected=expected, trust_domain=trust_domain, now=now)
    _hold(SIGNER_RULES, facts, f"signer {request.id}")


def assert_intermediate_is_for(
    certificate: x509.Certificate,
    request: IntermediateRequest,
    authority: TrustChain,
    *,
    now: datetime,
) -> None:
    """Assert that this is the secondary's intermediate that ``request`` asks for.

    Raises:
        Violation: with the guard's rule, for example ``intermediate.7``.
    Source: the rules ``intermediate.*``.
    """
    facts = IntermediateFacts(**_seen(certificate, authority.primary, now), request=request)
    _hold(INTERMEDIATE_RULES, facts, f"the intermediate {named(certificate)}")


def assert_cross_certificate_is_for(
    certificate: x509.Certificate,
    request: CrossSignRequest,
    authority: TrustChain,
    *,
    now: datetime,
) -> None:
    """Assert that this is the cross-certificate that ``request`` asks ``authority`` for.

    Raises:
        Violation: with the guard's rule, for example ``cross.6``.
    Source: the rules ``cross.*``.
    """
    facts = CrossFacts(**_seen(certificate, authority.primary, now), request=request)
    _hold(CROSS_RULES, facts, f"the cross-certificate {named(certificate)}")


def assert_csr_is_for(
    csr: x509.CertificateSigningRequest,
    *,
    key: KeySpec | None = None,
    known: x509.Certificate | x509.CertificateSigningRequest | None = None,
    trust_domain: TrustDomain | None = None,
) -> None:
    """Assert that a CA's CSR proves possession of its key, and is for what was asked.

    Args:
        csr: what a provider made.
        key: the kind of key asked for; None asks nothing.
        known: a document with the key that it must have; None asks nothing.
        trust_domain: must be its one alternative name; None asks nothing.

    Raises:
        Violation: with the guard's rule, for example ``csr.4``.
    Source: RFC 2986 §3; the rules ``csr.*``.
    """
    facts = CsrFacts(csr=csr, key=key, known=known, trust_domain=trust_domain)
    _hold(CSR_RULES, facts, f"the CSR of {csr.subject.rfc4514_string() or 'nobody'}")


def assert_crl_is_by(
    crl: x509.CertificateRevocationList,
    signer: Signer,
    *,
    now: datetime,
    revokes: Iterable[x509.Certificate] = (),
) -> None:
    """Assert that this is the signer's current CRL, and that it revokes ``revokes``.

    Raises:
        Violation: with the guard's rule, for example ``crl.5``, or naming what is not revoked.
    Source: RFC 5280 §5, §6.3; the rules ``crl.*``.
    """
    what = f"the CRL of signer {signer.id}"
    _hold(CRL_RULES, CrlFacts(crl=crl, issuer=signer.certificate, now=now), what)
    for certificate in revokes:
        listed = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
        require(listed is not None, f"{what} does not list {named(certificate)} (RFC 5280 §6.3.3)")


def _hold(rules: Sequence[Rule[FactsT]], facts: FactsT, what: str) -> None:
    broken = first_broken(rules, facts)
    if broken is not None:
        raise Violation(f"{what}: {broken.fault} ({broken.rule} in {GUARD})")


def _seen(certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> Seen:
    extensions = read_extensions(certificate)
    if isinstance(extensions, str):
        raise Violation(f"the certificate cannot be judged: {extensions} (leaf.1 in {GUARD})")
    return seen_below(issuer, certificate, extensions, now)


def _permitted(_names: Iterable[x509.GeneralName]) -> str | None:
    return None
