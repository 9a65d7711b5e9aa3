"""The guard's checks and its memory: one method per kind of answer."""

from collections.abc import Iterable
from datetime import datetime

from cryptography import x509

from ca_core.authority.authorityrules import AuthorityFacts, unreadable_trust_chain
from ca_core.authority.carules import CrossFacts, IntermediateFacts
from ca_core.authority.documentrules import CrlFacts, CsrFacts, unreadable_crl, unreadable_csr
from ca_core.authority.judge import Judge, RuleBook
from ca_core.authority.known import KnownSigner, known_signer
from ca_core.authority.leafrules import LeafFacts, asked_names, leaf_notes
from ca_core.authority.rules import Certificates, Extensions, seen_below
from ca_core.authority.signerrules import (
    Bundle,
    ExpectedSigner,
    ReachFacts,
    SignerFacts,
    unreadable_signer,
)
from ca_core.clock import Clock
from ca_core.contract.answers import Signer, TrustChain
from ca_core.contract.requests import (
    AuthorityRequest,
    CrossSignRequest,
    InstallRequest,
    IntermediateRequest,
    LeafRequest,
    SignerRequest,
)
from ca_core.errors import PendingError, RequestError, SignerUnknownError
from ca_core.identity.certificates import fingerprint
from ca_core.identity.csr import load_csr
from ca_core.identity.keys import KeySpec
from ca_core.identity.spiffe import TrustDomain

_AUTHORITY = ""  # the authority's own key among the CSRs by signer id; no id is empty


def _san(extensions: Extensions) -> object:
    found = extensions.get(x509.SubjectAlternativeName)
    return None if found is None else found.value


class Checks:
    """Judges answers, and remembers what stands for an id. Thread-safe.

    Every method raises ``GuardError`` when a rule is broken.

    Attributes:
        chain: the authority's chain, once an answer with it has passed; None before.
    """

    def __init__(
        self,
        judge: Judge,
        rules: RuleBook,
        *,
        trust_domain: TrustDomain,
        clock: Clock,
        strict_key_usage: bool,
    ) -> None:
        self._judge = judge
        self._rules = rules
        self._trust_domain = trust_domain
        self._clock = clock
        self._strict = strict_key_usage
        self._signers: dict[str, KnownSigner] = {}
        self._csrs: dict[str, x509.CertificateSigningRequest] = {}
        self.chain: TrustChain | None = None

    def leaf(self, answer: object, request: LeafRequest, signer: KnownSigner) -> x509.Certificate:
        """Return a leaf that passed ``leaf.*``."""
        certificate, extensions = self._judge.readable("leaf.1", answer)
        facts = LeafFacts(
            certificate=certificate,
            extensions=extensions,
            issuer=signer.signer.certificate,
            issuer_key_id=signer.key_id,
            issuer_not_after=signer.not_after,
            not_after=certificate.not_valid_after_utc,
            now=self._clock.now(),
            request=request,
            strict_key_usage=self._strict,
            as_asked=_san(extensions) == asked_names(request),
            fresh=signer.serials.is_fresh,
            permits=signer.permits,
        )
        self._judge.hold(self._rules.leaf, facts, certificate)
        for kind, note in leaf_notes(facts):
            self._judge.warn_once(f"{request.signer}.{kind}", note)
        return certificate

    def intermediate(
        self, answer: object, request: IntermediateRequest, authority: TrustChain
    ) -> x509.Certificate:
        """Return an intermediate that passed ``intermediate.*``."""
        certificate, extensions = self._judge.readable("intermediate.1", answer)
        seen = seen_below(authority.primary, certificate, extensions, self._clock.now())
        facts = IntermediateFacts(**seen, request=request)
        self._judge.hold(self._rules.intermediate, facts, certificate)
        return certificate

    def cross(
        self, answer: object, request: CrossSignRequest, authority: TrustChain
    ) -> x509.Certificate:
        """Return a cross-certificate that passed ``cross.*``."""
        certificate, extensions = self._judge.readable("cross.1", answer)
        seen = seen_below(authority.primary, certificate, extensions, self._clock.now())
        facts = CrossFacts(**seen, request=request)
        self._judge.hold(self._rules.cross, facts, certificate)
        return certificate

    def authority(
        self,
        answer: object,
        *,
        key: KeySpec | None = None,
        installed: Certificates | None = None,
    ) -> TrustChain:
        """Return an authority's chain that passed ``authority.*``, and remember it."""
        fault = unreadable_trust_chain(answer)
        if fault is not None or not isinstance(answer, TrustChain):
            self._judge.refuse("authority.1", fault or "", answer)
        facts = AuthorityFacts(
            chain=answer.certificates,
            known=self.chain.certificates if self.chain else None,
            installed=installed,
            csr=self._csrs.get(_AUTHORITY),
            key=None if answer.adopted else key,
            trust_domain=self._trust_domain,
            now=self._clock.now(),
        )
        self._judge.hold(self._rules.authority, facts, answer.primary)
        self.chain = answer
        return answer

    def adopt_authority(self, chain: TrustChain) -> None:
        """Remember the authority's chain as it stands in the store."""
        if self.chain is not None and self.chain.certificates != chain.certificates:
            self._judge.refuse("authority.7", "the store knows another chain", chain.primary)
        self.chain = chain

    def waiting_authority(self, pending: PendingError, request: AuthorityRequest) -> None:
        """Judge the CSR by which a provider asks for an outside signature, if it asks for one."""
        if not pending.csr:
            return
        try:
            found = load_csr(pending.csr)
        except RequestError as error:
            self._judge.refuse("csr.1", str(error), pending.csr)
        known = self._csrs.get(_AUTHORITY)
        self._csrs[_AUTHORITY] = self.csr(found, key=request.key, known=known, named=True)

    def intermediate_csr(
        self, answer: object, request: SignerRequest
    ) -> x509.CertificateSigningRequest:
        """Return a secondary's CSR that passed ``csr.*``; the same id has the same key for ever."""
        known = self._csrs.get(request.id)
        found = self.csr(answer, key=request.key, known=known, named=True)
        self._csrs[request.id] = found
        return found

    def csr(
        self,
        answer: object,
        *,
        key: KeySpec | None = None,
        known: x509.Certificate | x509.CertificateSigningRequest | None = None,
        named: bool = False,
    ) -> x509.CertificateSigningRequest:
        """Return a CSR that passed ``csr.*``; ``named`` asks for our trust domain in it."""
        fault = unreadable_csr(answer)
        if fault is not None or not isinstance(answer, x509.CertificateSigningRequest):
            self._judge.refuse("csr.1", fault or "", answer)
        domain = self._trust_domain if named else None
        facts = CsrFacts(csr=answer, key=key, known=known, trust_domain=domain)
        self._judge.hold(self._rules.csr, facts, answer)
        return answer

    def crl(self, answer: object, signer: KnownSigner) -> x509.CertificateRevocationList:
        """Return a revocation list that passed ``crl.*``."""
        fault = unreadable_crl(answer)
        if fault is not None or not isinstance(answer, x509.CertificateRevocationList):
            self._judge.refuse("crl.1", fault or "", answer)
        facts = CrlFacts(crl=answer, issuer=signer.signer.certificate, now=self._clock.now())
        self._judge.hold(self._rules.crl, facts, answer)
        return answer

    def prepared(self, answer: object, request: SignerRequest, authority: TrustChain) -> Signer:
        """Return a signer that passed ``signer.*``, and remember it."""
        expected = ExpectedSigner(
            id=request.id,
            authority=authority,
            key=request.key,
            ttl=request.ttl,
            known=self._known_chain(request.id),
        )
        return self._judged_signer(answer, expected, now=self._clock.now())

    def installed(self, answer: object, request: InstallRequest) -> Signer:
        """Return a secondary's signer that passed ``signer.*``, and remember it."""
        expected = ExpectedSigner(
            id=request.id,
            authority=self.chain or TrustChain(request.chain[-1:]),
            csr=self._csrs.get(request.id),
            installed=request.chain,
            known=self._known_chain(request.id),
        )
        return self._judged_signer(answer, expected, now=self._clock.now())

    def adopt(self, signer: Signer, authority: TrustChain) -> None:
        """Remember a signer as it stands in the store, judged at the latest moment of its life."""
        ends = (certificate.not_valid_after_utc for certificate in signer.chain)
        expected = ExpectedSigner(
            id=signer.id, authority=authority, known=self._known_chain(signer.id)
        )
        self._judged_signer(signer, expected, now=min(self._clock.now(), *ends))
        if self.chain is None:
            self.adopt_authority(authority)

    def knows(self, signer: Signer) -> bool:
        """Say whether exactly this signer was checked before."""
        return self._known_chain(signer.id) == signer.chain

    def signer(self, signer: str) -> KnownSigner:
        """Return a signer that was checked before.

        Raises:
            SignerUnknownError: none of that id was.
        """
        known = self._signers.get(signer)
        if known is None:
            raise SignerUnknownError(signer)
        return known

    def reach(
        self, signer: str, bundles: Iterable[Bundle], crosses: Iterable[Certificates]
    ) -> None:
        """Check a known signer against every bundle in use; verdicts are remembered."""
        known, ways = self.signer(signer), tuple(crosses)
        marks = tuple(fingerprint(certificate) for way in ways for certificate in way)
        for bundle in frozenset(bundles):
            if (bundle, marks) in known.reached:
                continue
            facts = ReachFacts(
                signer=known.signer,
                authority=known.authority,
                bundle=bundle,
                crosses=ways,
                now=min(self._clock.now(), known.ends),
            )
            self._judge.hold(self._rules.reach, facts, known.signer.certificate)
            known.remember_reached(bundle, marks)

    def forget_signer(self, signer: str) -> None:
        """Know a signer no more."""
        self._signers.pop(signer, None)

    def forget_all(self) -> None:
        """Know neither signers nor authority any more."""
        self._signers.clear()
        self._csrs.clear()
        self.chain = None

    def _known_chain(self, signer: str) -> Certificates | None:
        known = self._signers.get(signer)
        return known.signer.chain if known else None

    def _judged_signer(self, answer: object, expected: ExpectedSigner, *, now: datetime) -> Signer:
        fault = unreadable_signer(answer)
        if fault is not None or not isinstance(answer, Signer):
            self._judge.refuse("signer.1", fault or "", answer)
        facts = SignerFacts(
            signer=answer, expected=expected, trust_domain=self._trust_domain, now=now
        )
        self._judge.hold(self._rules.signer, facts, answer.certificate)
        if expected.known is None:
            self._signers[answer.id] = known_signer(answer, expected.authority)
        return answer
