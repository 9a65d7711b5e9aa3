"""The built-in provider in a secondary datacenter: signers below another datacenter's authority."""

from typing import ClassVar

from cryptography import x509

from ca_core.contract import (
    ROOT,
    AuthorityRequest,
    Capability,
    CapabilityUnsupportedError,
    InstallRequest,
    RequestError,
    Signer,
    SignerRequest,
    TrustChain,
    ca_csr,
    intermediate_faults,
    pem_chain,
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
        name = signer_name(request.id)
        self.kept.refuse_retired(name)
        standing = self.kept.chain_or_none(name)
        if standing is None:
            self._refuse_faulty(request, name)
            self.kept.installed(ROOT, request.chain[1:])
            standing = self.kept.installed(name, request.chain)
        if pem_chain(standing) != pem_chain(request.chain):
            raise RequestError("another chain is installed for this signer", field="chain")
        return self.signer_of(request.id, standing)

    def _refuse_faulty(self, request: InstallRequest, name: str) -> None:
        key = self.kept.key_or_none(name)
        if key is None:
            raise RequestError("no CSR was made for this signer", field="id")
        faults = intermediate_faults(
            request.chain,
            key=key,
            trust_domain=self.context.trust_domain,
            now=self.now(),
        )
        if faults:
            raise RequestError("; ".join(faults), field="chain")
        known = self.kept.chain_or_none(ROOT)
        if known is not None and known[-1] != request.chain[-1]:
            raise RequestError("it leads to another authority's anchor", field="chain")
