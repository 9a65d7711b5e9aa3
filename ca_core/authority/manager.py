"""The certificate authority as the rest of the server sees it."""

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from ca_core.acl.principal import Principal, describe
from ca_core.authority.bringup import BringUp, Leadership, drawn_ids
from ca_core.authority.configuration import seeded, settings_of
from ca_core.authority.crls import CrlService
from ca_core.authority.guard import GuardedProvider
from ca_core.authority.limiter import Limiter
from ca_core.authority.opening import Opener
from ca_core.authority.patience import PatientSigning
from ca_core.authority.pulse import Pulse
from ca_core.authority.record import IssuanceRecord
from ca_core.authority.reviews import ReviewerState
from ca_core.authority.rows import (
    AuthorityRow,
    ConfigurationRow,
    SignerRow,
    current_signer,
    issuing_chain,
)
from ca_core.authority.settings import CASettings
from ca_core.authority.slot import ProviderSlot
from ca_core.contract.answers import Health, Signer, TrustChain
from ca_core.contract.capabilities import Capability
from ca_core.contract.issuing import BACKDATE
from ca_core.contract.requests import LeafRequest
from ca_core.errors import GuardError, NotReadyError, RequestError, UnavailableError
from ca_core.identity.certificates import fingerprint, pem_of
from ca_core.identity.csr import CheckedCsr
from ca_core.identity.spiffe import TrustDomain
from ca_core.state.secrets import missing_keys

SIGN_LIMIT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedLeaf:
    """A leaf that was checked, recorded and may be released.

    Attributes:
        certificate: the leaf.
        pem: leaf first, then what leads to the anchor, anchor excluded.
        index: its number in this cluster's record, at least 1.
    """

    certificate: x509.Certificate
    pem: str
    index: int


class CAManager:
    """Keeps the authority, and signs under it.

    Lives on one event loop; ``prepare`` blocks and is called before the loop serves. Provider calls
    run on the provider's own threads. ``pulse`` tells how the provider is, or why it is not open.

    Args:
        opener: the store, and how a provider is opened on it.
        run: names this server in the issuance record; the same after a crash.
    """

    def __init__(self, opener: Opener, *, run: str) -> None:
        store, clock = opener.store, opener.clock
        self._opener = opener
        self._store = store
        self._clock = clock
        self.record = IssuanceRecord(store, clock, run=run)
        self._settings = CASettings()
        self._bystanders = opener.bystanders
        self._slot = ProviderSlot(clock, self._opened)
        self.pulse = Pulse(self._health)
        self._signing_hand = PatientSigning(self._slot, clock)
        self._crls = CrlService(store, self._slot, clock)
        self._introduced: set[str] = set()
        self._limiter = Limiter(clock)
        self._bringup = self._bring_up()
        self.configuration: ConfigurationRow | None = None

    def prepare(self, settings: CASettings) -> None:
        """Read what stands in the store, seeding it with ``settings`` at the first start. Blocks.

        Raises:
            ConfigError: it is the first start, and the provider is unknown or refuses its
                configuration.
            UnavailableError: the store cannot be written.
        """
        opener = self._opener
        self.configuration = seeded(opener.store, opener.own_secrets, settings, opener.registry)
        self._settings = settings_of(self.configuration)
        self._limiter = Limiter(self._clock, rate=self._settings.csr_max_per_second)
        self._bringup = self._bring_up()
        drawn_ids(self._store)
        self.record.open(self._settings.leaf_ttl)

    async def run(self, leadership: Leadership) -> None:
        """Open the provider, bring up the first authority, and stay; cancel to end."""
        await self._slot.open()
        await self._bringup.run(leadership)
        await asyncio.get_running_loop().create_future()

    async def opened(self) -> None:
        """Return when the provider is open; ``run`` opens it."""
        await self._slot.opened()

    async def close(self) -> None:
        """Let running calls end, make the record durable; ``run`` must have ended."""
        await asyncio.to_thread(self._slot.close)
        await asyncio.to_thread(self.record.close)

    @property
    def settings(self) -> CASettings:
        """Return the settings that stand (not those of a file that was edited since)."""
        return self._settings

    @property
    def trust_domain(self) -> TrustDomain:
        """Return the cluster's trust domain; ``NotReadyError`` before it was drawn."""
        return self._opener.trust_domain()

    @property
    def datacenter(self) -> str:
        """Return this datacenter's name; empty before the cluster row is written."""
        return self._opener.datacenter()

    @property
    def consul_names(self) -> Mapping[str, str]:
        """Return Consul's spelling of the configured provider's keys."""
        return self._opener.registry.get(self._settings.provider).consul_names

    def why_not_ready(self) -> str:
        """Return in one sentence why nothing can be signed now; empty if it can."""
        if not self._slot.is_open:
            return f"the CA provider is opening: {self._slot.opening.last_error or 'no error yet'}"
        if current_signer(self._store.snapshot) is None:
            return self._bringup.waiting_for or "the first authority is being made"
        return self._keyring_gap() or self._bystanders.reviews.why_not_ready()

    async def sign(
        self, csr: CheckedCsr, *, principal: Principal, replaces: datetime | None = None
    ) -> IssuedLeaf:
        """Sign a leaf for what ``csr`` asks; the caller has asked ``may`` about every name in it.

        1. The current signer is read from the store. 2. Review plugins. 3. Admission, ordered by
        expiry. 4. The guarded provider signs. 5. The ceiling is committed, the record appended.
        6. Released.

        Args:
            csr: what is asked for.
            principal: who asked, for the record.
            replaces: NotAfter of the leaf it replaces; None for a first one.

        Raises:
            NotReadyError: nothing can sign yet.
            DeniedError: a review plugin denied it, or failed.
            PendingError: the backend answers later; come back with the same CSR.
            RateLimitedError: too many requests; says when to come back.
            RequestError: this provider copies CSRs, and this one asks for more than its names.
            GuardError: the provider's answer broke a rule.
            ProviderError: the provider failed.
            UnavailableError: the store cannot be written; nothing was released.
        """
        authority, signer = self._signing()  # (1)
        self._check_shape(csr)
        now = self._clock.now().replace(microsecond=0)
        not_after = min(now + self._settings.leaf_ttl, signer.certificates[0].not_valid_after_utc)
        who = describe(principal)
        await self._bystanders.review(  # (2)
            csr, principal=who, authority=authority.id, not_after=not_after
        )
        await self._limiter.admit(replaces or self._clock.now())  # (3)
        await self._introduce(authority, signer)
        request = self._leaf_request(csr, signer, now, not_after)
        leaf = await self._guarded(request, who)  # (4)
        await self.record.raise_ceiling(authority.id, leaf.not_valid_after_utc)  # (5)
        index = self.record.add(
            leaf,
            identity=str(csr.identity),
            principal=who,
            authority=authority.id,
            signer=signer.id,
        )
        self._opener.counters.on_issued(authority.id)
        self._bystanders.tell_issued(
            leaf, request, principal=who, authority=authority.id, index=index
        )
        pem = pem_of(leaf) + issuing_chain(authority, signer)
        return IssuedLeaf(certificate=leaf, pem=pem, index=index)  # (6)

    def reviewers(self) -> tuple[ReviewerState, ...]:
        """Return how each review plugin stands."""
        return self._bystanders.reviews.states()

    def waiting_csr(self) -> str:
        """Return the CSR that a corporate CA must sign before this cluster can, as PEM, or ''."""
        return self._bringup.waiting_csr()

    async def install_chain(self, chain: tuple[x509.Certificate, ...]) -> None:
        """Continue the first start with the chain that a corporate CA signed.

        Raises:
            RequestError: no CSR waits, or the chain is not for it.
            ProviderError: the provider failed.
        """
        await self._bringup.install(chain)

    async def crls(self, authority: str) -> tuple[x509.CertificateRevocationList, ...]:
        """Return the CRL of every signer of an authority, a few seconds old at most.

        Raises:
            NotFoundError: no authority of that id.
            CapabilityUnsupportedError: its provider does not revoke.
        """
        return await self._crls.current(authority)

    def _health(self) -> Health:
        if not self._slot.is_open:
            return Health(ok=False, message=self.why_not_ready())
        return self._slot.provider.health()

    def _signing(self) -> tuple[AuthorityRow, SignerRow]:
        current = current_signer(self._store.snapshot)
        if current is None or not self._slot.is_open:
            raise NotReadyError(self.why_not_ready())
        gap = self._keyring_gap()
        if gap:
            raise UnavailableError(gap)
        if current[1].certificates[0].not_valid_after_utc <= self._clock.now():
            raise UnavailableError(f"signer {current[1].id} has expired and signs nothing any more")
        return current

    async def _introduce(self, authority: AuthorityRow, signer: SignerRow) -> None:
        """Show the guard a signer that it has not seen: one of a former life, or of another server.

        Raises:
            GuardError: the signer does not lead to its authority's anchor.
        """
        if signer.id in self._introduced:
            return
        known = Signer(signer.id, signer.certificates)
        chain = TrustChain(authority.certificates)
        bundles = (frozenset({fingerprint(authority.anchor_certificate)}),)
        await self._slot.call(lambda guard: guard.adopt_signer(known, chain, bundles))
        self._introduced.add(signer.id)

    def _keyring_gap(self) -> str:
        missing = missing_keys(self._store.snapshot, self._opener.keyring())
        if not missing:
            return ""
        return f"key-encryption key {', '.join(missing)} is missing; nothing can be signed"

    def _check_shape(self, csr: CheckedCsr) -> None:
        copies = Capability.TEMPLATE not in self._slot.provider.capabilities
        if copies and not csr.plain:
            raise RequestError(
                "this CA copies CSRs, so it takes only an empty subject and one critical SAN",
                field="csr",
            )

    async def _guarded(self, request: LeafRequest, who: str) -> x509.Certificate:
        try:
            return await self._signing_hand.signed(request)
        except GuardError as refused:
            self._bystanders.tell_refused(request, who, refused)
            raise

    def _leaf_request(
        self, csr: CheckedCsr, signer: SignerRow, now: datetime, not_after: datetime
    ) -> LeafRequest:
        """Return the request for what was reviewed; waiting for a turn never lengthens a life."""
        return LeafRequest(
            request_id=uuid.uuid4().hex,
            deadline=self._clock.now() + SIGN_LIMIT,
            csr=csr.csr,
            identity=csr.identity,
            dns_names=csr.dns_names,
            ip_addresses=csr.ip_addresses,
            not_before=now - BACKDATE,
            not_after=not_after,
            signer=signer.id,
        )

    def _bring_up(self) -> BringUp:
        events = self._bystanders.events
        return BringUp(self._store, self._clock, self._slot, self._settings, events=events)

    def _opened(self) -> GuardedProvider:
        if self.configuration is None:
            raise NotReadyError("prepare() comes first")
        strict = self._settings.strict_key_usage
        return self._opener.opened(self.configuration, strict_key_usage=strict)
