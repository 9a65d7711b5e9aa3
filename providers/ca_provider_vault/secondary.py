"""The Vault provider in a secondary datacenter: signers below another datacenter's authority."""

from typing import ClassVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.contract import (
    AuthorityRequest,
    Capability,
    CapabilityUnsupportedError,
    InstallRequest,
    Signer,
    SignerRequest,
    TrustChain,
    installed_intermediate,
    load_csr,
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
        chain = installed_intermediate(
            request,
            self.kept,
            lambda: self._csr_key(signer_name(request.id)),
            trust_domain=self.context.trust_domain,
            now=self.now(),
        )
        self.install(request.id, chain[0], deadline=request.deadline)
        return Signer(request.id, chain)

    def _csr_key(self, name: str) -> CertificatePublicKeyTypes | None:
        csr = self.kept.recorded(name, _CSR)
        return None if csr is None else load_csr(csr).public_key()
