"""The guard: a provider whose every answer is checked before anybody sees it.

A rule that does not hold, or cannot be evaluated, is a violation: it raises ``GuardError`` with the
provider's name, the rule's id and the certificate's fingerprint, is counted, and nothing is
released. The numbered lists stand beside their code: ``leaf.*`` in ``leafrules``,
``intermediate.*`` and ``cross.*`` in ``carules``, ``authority.*`` in ``authorityrules``,
``signer.*`` in ``signerrules``, ``csr.*`` and ``crl.*`` in ``documentrules``. The first rule of
each list, that the answer can be judged at all, is asked by ``checks``.
"""

import logging
from collections.abc import Callable, Iterable

from cryptography import x509

from ca_core.authority.checks import Checks
from ca_core.authority.healthrules import health_fault
from ca_core.authority.judge import Judge, RuleBook
from ca_core.authority.rules import Certificates
from ca_core.authority.signerrules import Bundle
from ca_core.clock import Clock
from ca_core.contract.answers import Findings, Health, Signer, TrustChain
from ca_core.contract.capabilities import Capability
from ca_core.contract.provider import Provider
from ca_core.contract.requests import (
    AuthorityRequest,
    CrlRequest,
    CrossSignRequest,
    CsrRequest,
    InstallRequest,
    IntermediateRequest,
    LeafRequest,
    ProbeRequest,
    RetireRequest,
    RetireSignerRequest,
    RevokeRequest,
    SignerRequest,
)
from ca_core.errors import (
    CapabilityUnsupportedError,
    GuardError,
    PendingError,
    ProviderError,
)
from ca_core.identity.spiffe import TrustDomain

RULES = RuleBook()
"""Every rule there is."""


def _uncounted(error: ProviderError) -> None:
    """Count nothing."""


class GuardedProvider(Provider):
    """A provider that releases only what passed the rules of this module. Thread-safe as ``inner``.

    Every method may raise ``GuardError`` (a rule was broken) and ``ProviderError``
    (something foreign escaped the provider) besides what ``Provider`` says; an undeclared
    capability is refused here.

    Args:
        inner: the provider that is not trusted.
        name: its entry point, for errors and counters.
        trust_domain: ours; stands in every certificate.
        clock: the time that lives are judged by.
        on_violation: told of every broken rule, on the calling thread.
        on_bug: told of every foreign exception and of answers that are no certificates at all.
        logger: for violations, bugs and warnings.
        strict_key_usage: refuse keyEncipherment in leaves instead of warning of it.
        rules: all of them, outside tests.
    """

    def __init__(  # noqa: PLR0913 - the composition root names every part once
        self,
        inner: Provider,
        *,
        name: str,
        trust_domain: TrustDomain,
        clock: Clock,
        on_violation: Callable[[GuardError], None],
        logger: logging.Logger,
        on_bug: Callable[[ProviderError], None] = _uncounted,
        strict_key_usage: bool = False,
        rules: RuleBook = RULES,
    ) -> None:
        self._inner = inner
        self._judge = Judge(name, on_violation=on_violation, on_bug=on_bug, logger=logger)
        self._checks = Checks(
            self._judge,
            rules,
            trust_domain=trust_domain,
            clock=clock,
            strict_key_usage=strict_key_usage,
        )

    @property
    def capabilities(self) -> frozenset[Capability]:  # type: ignore[override] # read through, live
        """Return what the provider declares now; some learn it from the CA they have adopted."""
        return frozenset(self._inner.capabilities)

    @property
    def concurrency(self) -> int:  # type: ignore[override] # read through, live
        """Return how many calls the provider takes at once."""
        return self._inner.concurrency

    @property
    def only_computes(self) -> bool:  # type: ignore[override] # read through, live
        """Say whether the provider promises that signing a leaf waits for nothing."""
        return self._inner.only_computes

    def adopt_authority(self, trust_chain: TrustChain) -> None:
        """Take the authority as it stands in the store, at start: no other chain passes any more.

        Raises:
            GuardError: ``authority.7``: another chain is known already.
        """
        self._checks.adopt_authority(trust_chain)

    def adopt_signer(
        self, signer: Signer, trust_chain: TrustChain, bundles: Iterable[Bundle]
    ) -> None:
        """Take a signer as it stands in the store, at start; its leaves can be judged from then on.

        One that has expired is taken too, judged at the last moment of its life: it signs nothing
        that would pass.

        Args:
            signer: id and chain.
            trust_chain: its authority's chain.
            bundles: fingerprints of the anchors that somebody trusts, one set per holder.

        Raises:
            GuardError: ``signer.*``.
        """
        self._checks.adopt(signer, trust_chain)
        self._checks.reach(signer.id, bundles, ())

    def check_signer(
        self,
        signer: Signer,
        trust_chain: TrustChain,
        bundles: Iterable[Bundle],
        *,
        crosses: Iterable[Certificates] = (),
    ) -> None:
        """Check that every bundle in use holds an anchor the signer's chain leads to.

        The verdict is remembered per signer and set of bundles.

        Args:
            signer: id and chain, as prepared.
            trust_chain: its authority's chain.
            bundles: fingerprints of the anchors that counted agents hold.
            crosses: other ways up: a cross-certificate of the primary CA first, an anchor last.

        Raises:
            GuardError: ``signer.*``.
        """
        if not self._checks.knows(signer):
            self._checks.adopt(signer, trust_chain)
        self._checks.reach(signer.id, bundles, crosses)

    def probe(self, request: ProbeRequest) -> Findings:
        """Ask what exists."""
        answer: object = self._judge.asked(self._inner.probe, request)
        if not isinstance(answer, Findings):
            raise self._judge.bug(f"probe() returned {type(answer).__name__}, not Findings")
        return answer

    def ensure_authority(self, request: AuthorityRequest) -> TrustChain:
        """Make, adopt or return the authority, checked by ``authority.*``.

        The CSR of an authority that waits for an outside signature is checked by ``csr.*``.
        """
        try:
            answer = self._judge.asked(self._inner.ensure_authority, request)
        except PendingError as pending:
            self._checks.waiting_authority(pending, request)
            raise
        return self._checks.authority(answer, key=request.key)

    def install_authority(self, request: InstallRequest) -> TrustChain:
        """Continue with what was signed outside, checked by ``authority.*``."""
        self._declared(Capability.EXTERNAL_ISSUER)
        answer = self._judge.asked(self._inner.install_authority, request)
        return self._checks.authority(answer, installed=request.chain)

    def trust_chain(self) -> TrustChain:
        """Return the authority's chain, checked by ``authority.*``."""
        return self._checks.authority(self._judge.asked(self._inner.trust_chain))

    def prepare_signer(self, request: SignerRequest) -> Signer:
        """Make or return a signer, checked by ``signer.*`` and remembered."""
        answer = self._judge.asked(self._inner.prepare_signer, request)
        return self._checks.prepared(answer, request, self._authority())

    def intermediate_csr(self, request: SignerRequest) -> x509.CertificateSigningRequest:
        """Return a CSR for this secondary's signer, checked by ``csr.*``."""
        self._declared(Capability.SECONDARY)
        answer = self._judge.asked(self._inner.intermediate_csr, request)
        return self._checks.intermediate_csr(answer, request)

    def install_intermediate(self, request: InstallRequest) -> Signer:
        """Keep what the primary signed, checked by ``signer.*`` and remembered."""
        self._declared(Capability.SECONDARY)
        answer = self._judge.asked(self._inner.install_intermediate, request)
        return self._checks.installed(answer, request)

    def sign_leaf(self, request: LeafRequest) -> x509.Certificate:
        """Sign a leaf, checked by ``leaf.*``; the signer must be one that was checked before."""
        signer = self._checks.signer(request.signer)
        answer = self._judge.asked(self._inner.sign_leaf, request)
        return self._checks.leaf(answer, request, signer)

    def sign_intermediate(self, request: IntermediateRequest) -> x509.Certificate:
        """Sign a secondary's intermediate, checked by ``intermediate.*``."""
        self._declared(Capability.SIGN_INTERMEDIATE)
        answer = self._judge.asked(self._inner.sign_intermediate, request)
        return self._checks.intermediate(answer, request, self._authority())

    def cross_sign(self, request: CrossSignRequest) -> x509.Certificate:
        """Re-issue another CA's certificate, checked by ``cross.*``."""
        self._declared(Capability.CROSS_SIGN)
        answer = self._judge.asked(self._inner.cross_sign, request)
        return self._checks.cross(answer, request, self._authority())

    def cross_sign_csr(self, request: CsrRequest) -> x509.CertificateSigningRequest:
        """Return a CSR by the primary CA's key, checked by ``csr.*``."""
        self._declared(Capability.CROSS_SIGN_CSR)
        answer = self._judge.asked(self._inner.cross_sign_csr, request)
        return self._checks.csr(answer, known=self._authority().primary)

    def revoke(self, request: RevokeRequest) -> None:
        """Revoke a leaf."""
        self._declared(Capability.REVOKE)
        self._judge.asked(self._inner.revoke, request)

    def crl(self, request: CrlRequest) -> x509.CertificateRevocationList:
        """Return a signer's CRL, checked by ``crl.*``."""
        self._declared(Capability.REVOKE)
        signer = self._checks.signer(request.signer)
        return self._checks.crl(self._judge.asked(self._inner.crl, request), signer)

    def health(self, *, deep: bool = False) -> Health:
        """Say whether the provider can work; one that raises or answers nonsense cannot."""
        try:
            answer = self._judge.asked(lambda: self._inner.health(deep=deep))
            fault = self._judge.asked(health_fault, answer)
        except Exception as error:  # noqa: BLE001 - health never raises, whatever is inside
            return Health(ok=False, message=str(error))
        return Health(ok=False, message=str(self._judge.bug(fault))) if fault else answer

    def retire_signer(self, request: RetireSignerRequest) -> None:
        """Remove a signer; its leaves are refused from then on."""
        self._judge.asked(self._inner.retire_signer, request)
        self._checks.forget_signer(request.id)

    def retire(self, request: RetireRequest) -> None:
        """Remove the authority; everything under it is refused from then on."""
        self._judge.asked(self._inner.retire, request)
        self._checks.forget_all()

    def close(self) -> None:
        """Close the provider."""
        self._judge.asked(self._inner.close)

    def _authority(self) -> TrustChain:
        return self._checks.chain or self.trust_chain()

    def _declared(self, capability: Capability) -> None:
        if capability not in self.capabilities:
            raise CapabilityUnsupportedError(capability)
