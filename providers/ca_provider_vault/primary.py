"""The Vault provider where the trust domain's authority lives."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import ClassVar

from cryptography import x509

from ca_core.contract import (
    ROOT,
    AuthorityRequest,
    Capability,
    CrossSignRequest,
    CsrRequest,
    Error,
    Findings,
    IntermediateRequest,
    PermissionDeniedError,
    ProbeRequest,
    ProviderContext,
    ProviderError,
    RequestError,
    RetireRequest,
    Signer,
    SignerRequest,
    TrustChain,
    checked_cross_sign,
    checked_intermediate,
    claim_ca,
    is_signed_by,
    positive_life,
    release_claims,
    room_below,
    signer_name,
    spki_digest,
    subject_key_id,
    uri_sans,
)
from ca_provider_vault.adoption import WHERE, read_existing
from ca_provider_vault.client import AbsentError
from ca_provider_vault.config import VaultConfig
from ca_provider_vault.naming import root_object
from ca_provider_vault.roots import Roots, life_within
from ca_provider_vault.signing import ADOPTED, RemoteSigning

_ROOM_FOR_SIGNER = 1
_ROOM_FOR_CROSS_SIGNED = 2
"""A cross-signed CA and a signer below it."""

_KEY_ID = "key-id"
"""Recorded beside it: what the server calls the key of an adopted issuer."""


class VaultPrimary(RemoteSigning):
    """Makes or adopts a primary CA in the root mount, and signers below it."""

    ABILITIES: ClassVar[frozenset[Capability]] = RemoteSigning.ABILITIES | {
        Capability.CROSS_SIGN,
        Capability.CROSS_SIGN_CSR,
        Capability.CROSS_SIGN_NEEDS_CSR,
        Capability.SIGN_INTERMEDIATE,
    }

    def __init__(self, config: VaultConfig, context: ProviderContext) -> None:
        super().__init__(config, context)
        self.roots = Roots(self.server.root, context.authority_id, context.trust_domain)

    def probe(self, request: ProbeRequest) -> Findings:
        """Say what exists and what the token may not do; a CA to adopt is read.

        Raises:
            ConfigError: that CA cannot be adopted.
        """
        named = self.kept.recorded(ROOT, ADOPTED) or self.config.root_issuer
        if not named:
            return self.probed(request)
        try:
            existing = read_existing(self.roots, named, self.context, deadline=request.deadline)
        except PermissionDeniedError as error:
            return Findings(missing_permissions=error.needed)
        return self.probed(request, adopted=existing.issuer)

    def ensure_authority(self, request: AuthorityRequest) -> TrustChain:
        """Make, adopt or return the primary CA."""
        own = self.context.authority_id
        if request.id != own:
            raise RequestError(f"this object serves {own!r}, not {request.id!r}", field="id")
        if request.trust_domain != self.context.trust_domain:
            raise RequestError("another trust domain than this cluster's", field="trust_domain")
        self.kept.claim(ROOT, request.key)
        chain = self.kept.chain_or_none(ROOT)
        if chain is None:
            chain = self._adopted(request) if self.config.root_issuer else self._made(request)
        return self._seen(chain)

    def trust_chain(self) -> TrustChain:
        """Return the chain of this authority as the store has it; asks no server."""
        return self._seen(self.kept.chain(ROOT))

    def prepare_signer(self, request: SignerRequest) -> Signer:
        """Make or return a signer below the primary CA."""
        above = self.trust_chain().certificates
        name = signer_name(request.id)
        self.kept.claim(name, request.key)
        chain = self.kept.chain_or_none(name) or self._signer(request, name, above)
        self.install(request.id, chain[0], deadline=request.deadline)
        return Signer(request.id, chain)

    def sign_intermediate(self, request: IntermediateRequest) -> x509.Certificate:
        """Sign a secondary's intermediate; of its CSR only the public key is used."""
        above = self._chain_that_can(Capability.SIGN_INTERMEDIATE)
        csr = checked_intermediate(request, self.context.trust_domain)
        with self._root_there():
            return self.roots.sign_intermediate(
                self._issuer(),
                csr,
                label=f"secondary {spki_digest(csr.public_key())[:16]}",
                ends=life_within(above, positive_life(request.ttl), now=self.now()),
                deadline=request.deadline,
            )

    def cross_sign(self, request: CrossSignRequest) -> x509.Certificate:
        """Sign another primary CA's own CSR: its subject, key and names, our root."""
        above = self._chain_that_can(Capability.CROSS_SIGN)
        fitting = checked_cross_sign(request, above, now=self.now())
        csr, theirs = request.csr, request.certificate
        if csr is None:
            raise RequestError("this provider needs a CSR by that CA's key", field="csr")
        if not csr.is_signature_valid or csr.subject != theirs.subject:
            raise RequestError("it is not that CA's own: signature or subject", field="csr")
        with self._root_there():
            made = self.roots.cross_sign(self._issuer(), csr, fitting)
        if _identity(made) != _identity(theirs):
            raise RequestError("it asks for other names than that CA has", field="csr")
        return made

    def cross_sign_csr(self, request: CsrRequest) -> x509.CertificateSigningRequest:
        """Return a CSR by the primary key, with the primary CA's own subject and URI."""
        primary = self.trust_chain().primary
        key = self.kept.recorded(ROOT, _KEY_ID) or root_object(self.context.authority_id)
        with self._root_there():
            csr = self.roots.cross_csr(key, primary, deadline=request.deadline)
        if csr.subject != primary.subject:
            raise ProviderError("the server cannot write this CA's subject into a CSR")
        return csr

    def retire(self, request: RetireRequest) -> None:
        """Remove what was made for this authority; an adopted CA stays, and is free again."""
        super().retire(request)
        release_claims(self.context)

    def retire_root(self, deadline: datetime) -> None:
        """Remove our own root; never an adopted one, nor one that was about to be."""
        if self.kept.recorded(ROOT, ADOPTED) is not None:
            return
        try:
            self.roots.delete(deadline=deadline)
        except PermissionDeniedError:
            if not self.config.root_issuer:  # who adopts need not be able to delete
                raise

    def _made(self, request: AuthorityRequest) -> tuple[x509.Certificate, ...]:
        ends = self.now() + positive_life(request.ttl)
        try:
            return self.kept.installed(ROOT, self.roots.made(request, ends=ends))
        except Error:
            if self.is_retired(ROOT):
                with suppress(Error):
                    self.roots.delete(deadline=request.deadline)
                    self.kept.retire()
            raise

    def _adopted(self, request: AuthorityRequest) -> tuple[x509.Certificate, ...]:
        named, deadline = self.config.root_issuer, request.deadline
        first = read_existing(self.roots, named, self.context, deadline=deadline)
        claim_ca(first.chain[0], self.context, where=WHERE)
        issuer = self.kept.standing(ROOT, ADOPTED, first.issuer)
        existing = first
        if issuer != first.issuer:  # another server was first, and saw another default
            existing = read_existing(self.roots, issuer, self.context, deadline=deadline)
            claim_ca(existing.chain[0], self.context, where=WHERE)
        self.kept.standing(ROOT, _KEY_ID, existing.key)
        return self.kept.installed(ROOT, existing.chain)

    def _signer(
        self, request: SignerRequest, name: str, above: tuple[x509.Certificate, ...]
    ) -> tuple[x509.Certificate, ...]:
        ends = life_within(above, positive_life(request.ttl), now=self.now())
        with self.undone_if_retired(request.id, request.deadline):
            csr = self.signers.csr(request.id, request.key, deadline=request.deadline)
            with self._root_there():
                made = self.roots.sign_intermediate(
                    self._issuer(), csr, label=request.id, ends=ends, deadline=request.deadline
                )
            if made.public_key() != csr.public_key() or not is_signed_by(made, above[0]):
                raise ProviderError("the server's certificate is not that of the new signer")
            return self.kept.installed(name, [made, above[0]])

    @contextmanager
    def _root_there(self) -> Iterator[None]:
        """Say what it means if the server does not find the issuer or its key.

        Raises:
            ProviderError: it does not.
        """
        try:
            yield
        except AbsentError as error:
            raise ProviderError(
                f"the server has lost the root of authority {self.context.authority_id!r}",
                hint=f"was {self.config.root_pki_path}/ made anew? Restore it, or rotate the root",
            ) from error

    def _issuer(self) -> str:
        return self.kept.recorded(ROOT, ADOPTED) or root_object(self.context.authority_id)

    def _chain_that_can(self, capability: Capability) -> tuple[x509.Certificate, ...]:
        """Return the authority's chain if this instance declares ``capability``, also once seen.

        Raises:
            CapabilityUnsupportedError: it does not, whether the authority exists or not.
        """
        self.require(capability)
        chain = self.trust_chain().certificates
        self.require(capability)
        return chain

    def _seen(self, chain: tuple[x509.Certificate, ...]) -> TrustChain:
        """Narrow what this instance declares to what the primary CA's path length allows."""
        room = room_below(chain)
        if room is not None and room < _ROOM_FOR_CROSS_SIGNED:
            self.capabilities -= {Capability.CROSS_SIGN, Capability.CROSS_SIGN_NEEDS_CSR}
        if room is not None and room < _ROOM_FOR_SIGNER:
            self.capabilities -= {Capability.SIGN_INTERMEDIATE}
        return TrustChain(chain, adopted=self.kept.recorded(ROOT, ADOPTED) is not None)


def _identity(certificate: x509.Certificate) -> tuple[object, ...]:
    """Return what a cross-signed certificate has in common with the original."""
    subject = certificate.subject.public_bytes()
    return subject, uri_sans(certificate), subject_key_id(certificate)
