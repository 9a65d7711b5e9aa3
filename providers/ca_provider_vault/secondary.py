"""The Vault provider in a secondary datacenter: signers below another datacenter's authority."""

from typing import ClassVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

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
    intermediate_faults,
    load_csr,
    pem_chain,
    signer_name,
)
from ca_provider_vault.signing import RemoteSigning

_CSR = "csr"


class VaultSecondary(RemoteSigning):
    """A key per signer; without the primary's certificate it signs nothing.

    The chain above the first installed signer is this authority's chain. No root mount is used.
    """

    ABILITIES: ClassVar[frozenset[Capability]] = RemoteSigning.ABILITIES | {Capability.SECONDARY}

    def ensure_authority(self, request: AuthorityRequest) -> TrustChain:
        """Refuse: the primary datacenter owns the authority."""
        raise CapabilityUnsupportedError("making an authority in a secondary datacenter")

    def prepare_signer(self, request: SignerRequest) -> Signer:
        """Refuse: ``intermediate_csr`` and ``install_intermediate`` make signers here."""
        raise CapabilityUnsupportedError("signing its own signers in a secondary datacenter")

    def intermediate_csr(self, request: SignerRequest) -> x509.CertificateSigningRequest:
        """Return the CSR of this signer; one for ever."""
        name = signer_name(request.id)
        self.kept.claim(name, request.key)
        known = self.kept.recorded(name, _CSR)
        if known is not None:
            return load_csr(known)
        with self.undone_if_retired(request.id, request.deadline):
            made = self.signers.csr(request.id, request.key, deadline=request.deadline)
            return load_csr(
                self.kept.standing(name, _CSR, made.public_bytes(Encoding.PEM).decode())
            )

    def install_intermediate(self, request: InstallRequest) -> Signer:
        """Keep what the primary signed for that CSR, and give it to the server."""
        name = signer_name(request.id)
        self.kept.refuse_retired(name)
        standing = self.kept.chain_or_none(name)
        if standing is None:
            self._refuse_faulty(request, name)
            self.kept.installed(ROOT, request.chain[1:])
            standing = self.kept.installed(name, request.chain)
        if pem_chain(standing) != pem_chain(request.chain):
            raise RequestError("another chain is installed for this signer", field="chain")
        self.install(request.id, standing[0], deadline=request.deadline)
        return Signer(request.id, standing)

    def _refuse_faulty(self, request: InstallRequest, name: str) -> None:
        csr = self.kept.recorded(name, _CSR)
        if csr is None:
            raise RequestError("no CSR was made for this signer", field="id")
        faults = intermediate_faults(
            request.chain,
            key=load_csr(csr).public_key(),
            trust_domain=self.context.trust_domain,
            now=self.now(),
        )
        if faults:
            raise RequestError("; ".join(faults), field="chain")
        known = self.kept.chain_or_none(ROOT)
        if known is not None and known[-1] != request.chain[-1]:
            raise RequestError("it leads to another authority's anchor", field="chain")
