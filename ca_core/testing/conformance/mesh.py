"""A cluster that lends to providers, and one authority in it as the core would use it."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from cryptography import x509

from ca_core.contract import (
    Findings,
    KeySpec,
    LeafRequest,
    PendingError,
    Provider,
    ProviderContext,
    ProviderState,
    RateLimitedError,
    Request,
    Role,
    SecretStore,
    Signer,
    TrustChain,
    load_csr,
)
from ca_core.testing.conformance.asking import AUTHORITY_LIFE, SIGNER_LIFE, Asking
from ca_core.testing.conformance.tempo import Tempo
from ca_core.testing.lending import MemoryProviderState, MemorySecrets, provider_context

AnswerT = TypeVar("AnswerT")
RequestT = TypeVar("RequestT", bound=Request)

Open = Callable[[Mapping[str, Any] | None, ProviderContext], Provider]
"""``(raw configuration, None for the usual one; context)`` → a provider object, which is closed
when its check ends."""

PATIENCE = timedelta(minutes=1)
"""How long a call may stay pending or rate limited altogether."""


def _forgotten(_mesh: "Mesh") -> None:
    """Nobody tidies up."""


@dataclass(slots=True, kw_only=True)
class Cluster:
    """What one cluster lends: state, secrets, time. Every ``server`` is a provider object on it.

    Replace ``state`` or ``secrets`` to lend something nastier to the servers that follow.
    ``remember`` is told of every server, so that what it made can be retired.
    """

    open: Open
    tempo: Tempo
    remember: Callable[["Mesh"], None] = _forgotten
    role: Role = Role.PRIMARY
    state: ProviderState = field(default_factory=MemoryProviderState)
    secrets: SecretStore = field(default_factory=MemorySecrets)

    def server(
        self, authority: str | None = None, *, config: Mapping[str, Any] | None = None
    ) -> "Mesh":
        """Open a provider object for ``authority`` (None: a new id); nothing is created by it."""
        name = authority or self.tempo.new_id("a")
        context = provider_context(
            name, state=self.state, secrets=self.secrets, clock=self.tempo.clock, role=self.role
        )
        mesh = Mesh(cluster=self, authority=name, provider=self.open(config, context))
        self.remember(mesh)
        return mesh


class Mesh:
    """One provider object for one authority, called as the core calls it.

    Every method comes back for what is pending or rate limited; for a bare call use ``provider``
    and ``ask``, which builds requests.

    Attributes:
        cluster: what is lent.
        authority: the id.
        provider: the object under test.
        ask: builds requests for this authority.
        signer: id of the signer that leaves are signed by unless told otherwise.
    """

    def __init__(
        self, *, cluster: Cluster, authority: str, provider: Provider, signer: str = ""
    ) -> None:
        self.cluster = cluster
        self.authority = authority
        self.provider = provider
        self.ask: Asking = Asking(cluster.tempo, authority)
        self.signer: str = signer

    def another(self, *, config: Mapping[str, Any] | None = None) -> "Mesh":
        """Return another provider object for the same authority: a restart, or another server."""
        found = self.cluster.server(self.authority, config=config)
        found.signer = self.signer
        return found

    def patiently(self, method: Callable[[RequestT], AnswerT], request: RequestT) -> AnswerT:
        """Call as the core does: come back with the token while pending, later if rate limited.

        A ``PendingError`` with a CSR is raised: somebody outside must sign first.

        Raises:
            TimeoutError: it is not done after ``PATIENCE``.
        """
        tempo, left = self.cluster.tempo, PATIENCE
        while left > timedelta():
            try:
                return method(request)
            except PendingError as pending:
                if pending.csr:
                    raise
                request, pause = (
                    dataclasses.replace(request, pending=pending.token),
                    pending.poll_after,
                )
            except RateLimitedError as limited:
                pause = limited.retry_after
            tempo.pause(pause)
            left -= max(pause, timedelta(milliseconds=20))
            request = dataclasses.replace(request, deadline=tempo.deadline())
        name = getattr(method, "__name__", "the call")
        raise TimeoutError(f"{name}() is not done after {PATIENCE.total_seconds():.0f} s")

    def ensure(
        self,
        *,
        key: KeySpec | None = None,
        ttl: timedelta = AUTHORITY_LIFE,
        request_id: str | None = None,
    ) -> TrustChain:
        """Make or return the authority; a corporate CA signs it where the provider waits for it."""
        request = self.ask.authority(key=key, ttl=ttl, request_id=request_id)
        try:
            return self.patiently(self.provider.ensure_authority, request)
        except PendingError as pending:
            tempo = self.cluster.tempo
            csr, now = load_csr(pending.csr), tempo.clock.now()
            chain = tempo.corporate.signed(csr, now=now, ttl=ttl, path_length=None)
            return self.install_authority(chain)

    def install_authority(self, chain: tuple[x509.Certificate, ...]) -> TrustChain:
        """Give back what somebody else signed for the authority."""
        return self.patiently(self.provider.install_authority, self.ask.install(chain))

    def prepare(
        self,
        signer: str | None = None,
        *,
        key: KeySpec | None = None,
        ttl: timedelta = SIGNER_LIFE,
        request_id: str | None = None,
    ) -> Signer:
        """Make or return a signer (None: a new id); later leaves are signed by it."""
        name = signer or self.cluster.tempo.new_id("s")
        request = self.ask.signer(name, key=key, ttl=ttl, request_id=request_id)
        made = self.patiently(self.provider.prepare_signer, request)
        self.signer = name
        return made

    def csr(self, signer: str, *, key: KeySpec | None = None) -> x509.CertificateSigningRequest:
        """Return a secondary's CSR for a signer."""
        return self.patiently(self.provider.intermediate_csr, self.ask.signer(signer, key=key))

    def install(self, signer: str, chain: tuple[x509.Certificate, ...]) -> Signer:
        """Give a secondary what its primary signed; later leaves are signed by it."""
        request = self.ask.install(chain, signer=signer)
        made = self.patiently(self.provider.install_intermediate, request)
        self.signer = signer
        return made

    def leaf(self, request: LeafRequest | None = None) -> x509.Certificate:
        """Sign a leaf; without a request one of ``web``, under ``signer``."""
        wanted = request or self.ask.leaf(self.signer)
        return self.patiently(self.provider.sign_leaf, wanted)

    def intermediate(
        self, csr: x509.CertificateSigningRequest, *, ttl: timedelta = SIGNER_LIFE
    ) -> x509.Certificate:
        """Sign a secondary's intermediate."""
        return self.patiently(self.provider.sign_intermediate, self.ask.intermediate(csr, ttl=ttl))

    def cross(
        self,
        certificate: x509.Certificate,
        *,
        csr: x509.CertificateSigningRequest | None = None,
        ttl: timedelta = SIGNER_LIFE,
    ) -> x509.Certificate:
        """Re-issue another authority's primary CA for ``ttl`` from now."""
        request = self.ask.cross(certificate, csr=csr, ttl=ttl)
        return self.patiently(self.provider.cross_sign, request)

    def cross_csr(self) -> x509.CertificateSigningRequest:
        """Return a CSR by the primary key, for another authority to cross-sign."""
        return self.patiently(self.provider.cross_sign_csr, self.ask.cross_csr())

    def revoke(self, certificate: x509.Certificate) -> None:
        """Revoke a leaf of ``signer``."""
        self.patiently(self.provider.revoke, self.ask.revoke(certificate, self.signer))

    def crl(self) -> x509.CertificateRevocationList:
        """Return the CRL of ``signer``."""
        return self.patiently(self.provider.crl, self.ask.crl(self.signer))

    def probe(self) -> Findings:
        """Ask what exists."""
        return self.patiently(self.provider.probe, self.ask.probe())

    def retire_signer(self, signer: str) -> None:
        """Remove a signer."""
        self.patiently(self.provider.retire_signer, self.ask.retire_signer(signer))

    def retire(self) -> None:
        """Remove the authority."""
        self.patiently(self.provider.retire, self.ask.retire())
