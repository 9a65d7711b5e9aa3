"""The provider contract: an abstract class with four methods that must be written."""

from abc import ABC, abstractmethod

from cryptography import x509

from ca_core.contract.answers import Findings, Health, Signer, TrustChain
from ca_core.contract.capabilities import Capability
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
    AuthorityRetiredError,
    CapabilityUnsupportedError,
    NotReadyError,
)


class Provider(ABC):
    """A certificate authority's hands: it makes keys and signs, and decides nothing else.

    One object serves one authority (``context.authority_id``). **The constructor creates nothing,
    locally or remotely**; it may be called for an authority that does not exist yet.

    Calls may come from several threads, never more at once than ``concurrency`` says (``health``
    aside). Whatever fixes an id (a root, a signer certificate, an ARN) is stored with
    ``context.state.create`` or ``context.secrets.create`` before a method waits on the backend or
    returns; the loser of a race returns the winner's.

    Any method may raise ``RateLimitedError``, ``UnavailableError``, ``OutcomeUnknownError``,
    ``PendingError`` or ``PermissionDeniedError``. Anything outside ``ca_core.errors`` that escapes
    is wrapped, named and counted as a bug of the provider.

    Attributes:
        capabilities: what this *instance* can do; declared must work, undeclared must refuse.
        concurrency: how many calls may run at once; 1 is right for a local EC key.
        only_computes: a promise that ``sign_leaf`` waits for nothing: no network, no disk, no other
            process. The core may then call it on its event loop, which is cheaper; whoever waits
            all the same stops the server.
    """

    capabilities: frozenset[Capability] = frozenset()
    concurrency: int = 1
    only_computes: bool = False

    def probe(self, request: ProbeRequest) -> Findings:
        """Say what exists, which permissions are missing, which limits hold. Changes nothing.

        Unless you write it, it asks ``trust_chain`` whether the authority exists.
        """
        try:
            self.trust_chain()
        except (NotReadyError, AuthorityRetiredError):
            return Findings(exists=False)
        return Findings(exists=True)

    @abstractmethod
    def ensure_authority(self, request: AuthorityRequest) -> TrustChain:
        """Make, adopt or return the authority of ``request.id``; its key is durable on return.

        Idempotent for ever: the same id gives the same authority. ``ttl`` counts only when it is
        made.

        Raises:
            RequestError: a known id with another key.
            ConfigError: the existing CA named in the configuration serves another id already, or
                does not fit (not a CA, expired, key does not match).
            AuthorityRetiredError: the id was retired.
            PendingError: somebody else must sign first (``csr`` set), or the backend is slow.
            CapabilityUnsupportedError: in a secondary, whose authority is the primary's.
        """

    @abstractmethod
    def trust_chain(self) -> TrustChain:
        """Return the chain of the authority this object serves; a pure read.

        Raises:
            NotReadyError: it does not exist yet.
            AuthorityRetiredError: it was retired.
        """

    @abstractmethod
    def prepare_signer(self, request: SignerRequest) -> Signer:
        """Make or return the signer of ``request.id``; changes nothing that signs now.

        The chain is signer first, anchor last; its life is clamped within every certificate above.
        Without intermediates the primary CA itself is the signer: return its own chain.

        Raises:
            NotReadyError: the authority does not exist yet.
            AuthorityRetiredError: the authority was retired.
            RequestError: a known id with another key, or the id of a retired signer.
            CapabilityUnsupportedError: in a secondary, whose signers the primary signs.
        """

    @abstractmethod
    def sign_leaf(self, request: LeafRequest) -> x509.Certificate:
        """Sign exactly the identity, names and key asked for, under exactly the named signer.

        The leaf lives at most until ``request.not_after`` and never longer than its signer.

        Raises:
            SignerUnknownError: this authority has no signer of that id, or it was retired.
            ProviderError: the signer has expired.
        """

    def install_authority(self, request: InstallRequest) -> TrustChain:
        """Continue an ``ensure_authority`` that waits for an outside signature.

        Raises:
            CapabilityUnsupportedError: ``EXTERNAL_ISSUER`` is not declared.
            RequestError: the chain is for another key or not sound (``authority_faults``),
                or another chain was installed for this id.
        """
        raise CapabilityUnsupportedError(Capability.EXTERNAL_ISSUER)

    def intermediate_csr(self, request: SignerRequest) -> x509.CertificateSigningRequest:
        """Return a CSR for this secondary's signer; on repeat the same key, bytes may differ.

        Raises:
            CapabilityUnsupportedError: ``SECONDARY`` is not declared.
        """
        raise CapabilityUnsupportedError(Capability.SECONDARY)

    def install_intermediate(self, request: InstallRequest) -> Signer:
        """Keep what the primary signed; changes nothing that signs or is reported now.

        Raises:
            CapabilityUnsupportedError: ``SECONDARY`` is not declared.
            RequestError: the chain is for another key or not sound (``intermediate_faults``),
                or another chain was installed for this id.
        """
        raise CapabilityUnsupportedError(Capability.SECONDARY)

    def sign_intermediate(self, request: IntermediateRequest) -> x509.Certificate:
        """Sign a secondary's intermediate: path length 0, exactly our trust domain, clamped life.

        Raises:
            CapabilityUnsupportedError: ``SIGN_INTERMEDIATE`` is not declared.
        """
        raise CapabilityUnsupportedError(Capability.SIGN_INTERMEDIATE)

    def cross_sign(self, request: CrossSignRequest) -> x509.Certificate:
        """Re-issue ``request.certificate`` under this authority's primary key.

        Same subject, key, SANs and SKI; our AKI, a new serial, keyCertSign.

        Raises:
            CapabilityUnsupportedError: ``CROSS_SIGN`` is not declared.
            RequestError: ``CROSS_SIGN_NEEDS_CSR`` is declared and the request has no CSR; or the
                certificate is no CA's, or this authority's own.
        """
        raise CapabilityUnsupportedError(Capability.CROSS_SIGN)

    def cross_sign_csr(self, request: CsrRequest) -> x509.CertificateSigningRequest:
        """Return a CSR by this authority's primary key; changes nothing.

        Raises:
            CapabilityUnsupportedError: ``CROSS_SIGN_CSR`` is not declared.
        """
        raise CapabilityUnsupportedError(Capability.CROSS_SIGN_CSR)

    def revoke(self, request: RevokeRequest) -> None:
        """Revoke a leaf; visible in its signer's next CRL. Idempotent.

        Raises:
            CapabilityUnsupportedError: ``REVOKE`` is not declared.
            SignerUnknownError: this authority has no signer of that id.
            RequestError: that signer did not issue this certificate.
        """
        raise CapabilityUnsupportedError(Capability.REVOKE)

    def crl(self, request: CrlRequest) -> x509.CertificateRevocationList:
        """Return the signer's current CRL, signed by that signer.

        Raises:
            CapabilityUnsupportedError: ``REVOKE`` is not declared.
            SignerUnknownError: this authority has no signer of that id.
        """
        raise CapabilityUnsupportedError(Capability.REVOKE)

    def health(self, *, deep: bool = False) -> Health:
        """Say whether this provider can work; never raises.

        Shallow: no network, under 50 ms. Deep: may ask the backend. Both tell how long the
        credential lives, as far as that is known: metrics ask at every scrape.
        """
        return Health(ok=True)

    def retire_signer(self, request: RetireSignerRequest) -> None:
        """Remove what carries that signer's id and nothing else; safe to repeat.

        Afterwards the id is dead: no signer is made under it again.
        """

    def retire(self, request: RetireRequest) -> None:
        """Remove what carries this authority's id and nothing else; safe to repeat.

        Afterwards the id is dead: ``ensure_authority`` raises ``AuthorityRetiredError``.
        """

    def close(self) -> None:
        """This process is done: release threads, connections, tokens; destroy nothing remote."""
