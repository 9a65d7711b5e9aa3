"""What both roles share: signing leaves with a named signer, revoking, retiring, health."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import ClassVar

from cryptography import x509

from ca_core.contract import (
    ROOT,
    AuthorityRetiredError,
    Capability,
    CapabilityUnsupportedError,
    CrlRequest,
    Error,
    Findings,
    Health,
    Kept,
    LeafRequest,
    NotReadyError,
    ProbeRequest,
    Provider,
    ProviderContext,
    ProviderError,
    RequestError,
    RetireRequest,
    RetireSignerRequest,
    RevokeRequest,
    SignerUnknownError,
    TrustChain,
    is_signed_by,
    signer_name,
)
from ca_provider_vault.client import AbsentError, RefusedError
from ca_provider_vault.config import VaultConfig
from ca_provider_vault.probing import Probing, hinders_leaves
from ca_provider_vault.remote import Server, soon
from ca_provider_vault.revoking import Revoking
from ca_provider_vault.signers import Signers

_INSTALLED = "installed"
"""Recorded once the server has the signer's certificate, its name and its role."""

ADOPTED = "issuer"
"""Recorded beside the root's chain: what the server calls the issuer that was adopted."""

_EXPIRED = "the token has expired"

_SIGNERS = "signer/"


class RemoteSigning(Provider):
    """The half of the Vault provider that a primary and a secondary have in common.

    The state decides which chain an id has; the server's objects are named after the id, so that
    whoever comes next finds and finishes what was begun.
    """

    ABILITIES: ClassVar[frozenset[Capability]] = frozenset({Capability.REVOKE, Capability.TEMPLATE})

    def __init__(self, config: VaultConfig, context: ProviderContext) -> None:
        self.config = config
        self.context = context
        self.kept = Kept(context)
        self.server = Server(config, context)
        self.signers = Signers(self.server.intermediate, context.authority_id, context.trust_domain)
        self._revoking = Revoking(self.signers, self.kept)
        self.capabilities = self.ABILITIES
        self.concurrency = config.concurrency

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.context.authority_id!r})"

    def probe(self, request: ProbeRequest) -> Findings:
        """Say whether the authority exists, and what the token may not do."""
        return self.probed(request)

    def probed(self, request: ProbeRequest, *, adopted: str = "") -> Findings:
        """Return what ``probe`` sees; ``adopted`` is the id of an existing issuer, if there is."""
        exists = self.kept.chain_or_none(ROOT) is not None
        probing = Probing(self.server, self.config, self.context)
        return probing.findings(request, exists=exists, adopted=adopted)

    def trust_chain(self) -> TrustChain:
        """Return the chain of this authority as the store has it; asks no server."""
        return TrustChain(self.kept.chain(ROOT))

    def sign_leaf(self, request: LeafRequest) -> x509.Certificate:
        """Have the named signer sign by our role; of the CSR only the public key is used."""
        chain = self.alive(self.chain_of(request.signer), f"signer {request.signer!r}")
        ends = min(request.not_after, *(link.not_valid_after_utc for link in chain))
        self.install(request.signer, chain[0], deadline=request.deadline)
        try:
            return self.signers.sign_leaf(request, ends=ends)
        except AbsentError as error:
            raise self._gone(request.signer) from error

    def revoke(self, request: RevokeRequest) -> None:
        """Revoke a leaf on the server; the first reason stands."""
        chain = self.chain_of(request.signer)
        if not is_signed_by(request.certificate, chain[0]):
            raise RequestError("this signer did not issue that certificate", field="certificate")
        try:
            self._revoking.revoke(request, now=self.now())
        except AbsentError as error:
            raise self._gone(request.signer) from error

    def crl(self, request: CrlRequest) -> x509.CertificateRevocationList:
        """Return the signer's CRL; it is made again when less than half of its life is left."""
        chain = self.alive(self.chain_of(request.signer), f"signer {request.signer!r}")
        self.install(request.signer, chain[0], deadline=request.deadline)
        try:
            return self._revoking.crl(request, now=self.now())
        except AbsentError as error:
            raise self._gone(request.signer) from error

    def retire_signer(self, request: RetireSignerRequest) -> None:
        """Remove that signer's issuer and key from the server, then its records."""
        self.kept.mark_retired(request.id)
        if self.kept.recorded(signer_name(request.id), "key") is not None:
            self._remove(request.id, request.deadline)
        self.kept.retire_signer(request.id)

    def retire(self, request: RetireRequest) -> None:
        """Remove every issuer, key and role of this authority, then its records; mounts stay."""
        self.kept.mark_retired()
        names = self.kept.names()
        for name in names:
            if name.startswith(_SIGNERS):
                self._remove(name.removeprefix(_SIGNERS), request.deadline)
        if names or self.kept.chain_or_none(ROOT) is not None:
            self.signers.delete_role(deadline=request.deadline)
            self.retire_root(request.deadline)
        self.kept.retire()

    def retire_root(self, deadline: datetime) -> None:
        """Remove the primary CA, where there is one on this server."""

    def health(self, *, deep: bool = False) -> Health:
        """Say whether the token lives; deep also asks the server what the token may do."""
        try:
            if deep:
                return self._deep_health()
        except Exception as error:  # noqa: BLE001 - health never raises, whatever the server does
            message = str(error) if isinstance(error, Error) else type(error).__name__
            return self._health(message, ok=False)
        standing = self.server.keeper.standing()
        dead = standing.is_dead(self.context.clock.now())
        return self._health(standing.last_error or _EXPIRED * dead, ok=not dead)

    def close(self) -> None:
        """End the renewal of the token and close the connections; the server keeps everything."""
        self.server.close()
        self.kept.drop_loaded()

    def now(self) -> datetime:
        """Return the time, in whole seconds as certificates have it."""
        return self.context.clock.now().replace(microsecond=0)

    def require(self, capability: Capability) -> None:
        """Refuse what this instance does not declare.

        Raises:
            CapabilityUnsupportedError: it does not.
        """
        if capability not in self.capabilities:
            raise CapabilityUnsupportedError(capability)

    def chain_of(self, signer: str) -> tuple[x509.Certificate, ...]:
        """Return the chain of a signer that was not retired.

        Raises:
            SignerUnknownError: this authority has none of that id.
            AuthorityRetiredError: the authority was retired.
        """
        try:
            name = signer_name(signer)
            self.kept.refuse_retired(name)
            return self.kept.chain(name)
        except (NotReadyError, RequestError):
            raise SignerUnknownError(signer) from None

    def alive(self, chain: tuple[x509.Certificate, ...], what: str) -> tuple[x509.Certificate, ...]:
        """Return ``chain`` unless a certificate in it has expired.

        Raises:
            ProviderError: one has.
        """
        ends = min(link.not_valid_after_utc for link in chain)
        if ends <= self.context.clock.now():
            raise ProviderError(
                f"{what} or a CA above it expired at {ends.isoformat()}",
                hint="prepare a new signer, or rotate the root",
            )
        return chain

    def install(self, signer: str, certificate: x509.Certificate, *, deadline: datetime) -> None:
        """Give the server the certificate that the state has decided on, once."""
        name = signer_name(signer)
        if self.kept.recorded(name, _INSTALLED) is not None:
            return
        with self.undone_if_retired(signer, deadline):
            self.signers.install(signer, certificate, deadline=deadline)
            self.kept.standing(name, _INSTALLED, "yes")

    @contextmanager
    def undone_if_retired(self, signer: str, deadline: datetime) -> Iterator[None]:
        """Take back what was made meanwhile, if the signer or its authority was retired.

        Raises:
            RequestError: the signer was retired.
            AuthorityRetiredError: the authority was retired.
        """
        name = signer_name(signer)
        try:
            yield
            self.kept.refuse_retired(name)
        except Error:
            if self.is_retired(name):
                with suppress(Error):
                    self.signers.delete(signer, deadline=deadline)
                    self.kept.retire_signer(signer)
            raise

    def is_retired(self, name: str) -> bool:
        """Say whether a name's id is dead; no, if the store does not answer."""
        try:
            self.kept.refuse_retired(name)
        except (AuthorityRetiredError, RequestError):
            return True
        except Error:
            return False
        return False

    def _deep_health(self) -> Health:
        """Ask whether the server works, and whether the token may still have leaves signed."""
        probing, deadline = Probing(self.server, self.config, self.context), soon(self.context)
        fault = self._fault(probing, deadline)
        if fault:
            return self._health(fault, ok=False)
        adopted = self.kept.recorded(ROOT, ADOPTED) or self.config.root_issuer
        missing = probing.missing(deadline, adopted)
        message = f"the token may not {', '.join(missing)}" if missing else ""
        return self._health(message, ok=not hinders_leaves(missing))

    def _remove(self, signer: str, deadline: datetime) -> None:
        """Remove a signer from the server, also one whose issuer was not given its name yet."""
        try:
            self.signers.delete(signer, deadline=deadline)
        except RefusedError:  # its key is in use by that issuer
            chain = self.kept.chain_or_none(signer_name(signer))
            if chain is None:
                raise
            self.signers.delete_issuer(chain[0], deadline=deadline)
            self.signers.delete(signer, deadline=deadline)

    def _fault(self, probing: Probing, deadline: datetime) -> str:
        fault = probing.outage(deadline)
        if fault:
            return fault
        self.server.authenticate(deadline=deadline)
        exists = self.kept.chain_or_none(ROOT) is not None
        return probing.lost_mount(deadline) if exists else ""

    def _gone(self, signer: str) -> ProviderError:
        return ProviderError(
            f"the server has lost signer {signer!r}",
            hint=f"was {self.config.intermediate_pki_path}/ made anew? Prepare a new signer",
        )

    def _health(self, message: str, *, ok: bool) -> Health:
        """Return an answer with what is known of the token; asks nobody."""
        standing = self.server.keeper.standing()
        details = {"address": self.config.address, "token": standing.method}
        return Health(ok=ok, message=message, details=details, credential=standing.credential)
