"""The built-in provider in a secondary datacenter: signers below another datacenter's authority."""

from typing import ClassVar

from cryptography import x509

from ca_core.contract import (
    AuthorityRequest,
    Capability,
    CapabilityUnsupportedError,
    InstallRequest,
    Signer,
    SignerRequest,
    TrustChain,
    ca_csr,
    installed_intermediate,
    signer_name,
)
from ca_provider_builtin.signing import LocalSigning


class BuiltinSecondary(LocalSigning):
    """Keeps a key per signer; a key without the primary's certificate signs nothing.

    The chain above the first installed signer is this authority's chain.
    """

    ABILITIES: ClassVar[frozenset[Capability]] = LocalSigning.ABILITIES | {Capability.SECONDARY}

    def ensure_authority(self, request: AuthorityRequest) -> TrustChain:
        """Refuse: the primary datacenter owns the authority."""
        raise CapabilityUnsupportedError("making an authority in a secondary datacenter")

    def prepare_signer(self, request: SignerRequest) -> Signer:
        """Refuse: ``intermediate_csr`` and ``install_intermediate`` make signers here."""
        raise CapabilityUnsupportedError("signing its own signers in a secondary datacenter")

    def intermediate_csr(self, request: SignerRequest) -> x509.CertificateSigningRequest:
        """Return a CSR by this signer's key, which waits apart from every signer that signs."""
        key = self.kept.key(signer_name(request.id), request.key)
        return ca_csr(key, trust_domain=self.context.trust_domain, label=request.id)

    def install_intermediate(self, request: InstallRequest) -> Signer:
        """Keep what the primary signed for that CSR."""
        chain = installed_intermediate(
            request,
            self.kept,
            lambda: self.kept.key_or_none(signer_name(request.id)),
            trust_domain=self.context.trust_domain,
            now=self.now(),
        )
        return self.signer_of(request.id, chain)
