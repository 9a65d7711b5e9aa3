"""The certificate authority as the rest of the server sees it."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime

from cryptography import x509

from ca_core.acl.principal import Principal, describe
from ca_core.authority.bringup import BringUp, Leadership, drawn_ids
from ca_core.authority.configuration import seeded, settings_of
from ca_core.authority.crls import CrlService
from ca_core.authority.introductions import Introductions
from ca_core.authority.leafrequests import SIGN_LIMIT, IssuedLeaf, check_shape, leaf_request
from ca_core.authority.limiter import Limiter
from ca_core.authority.opening import Opener
from ca_core.authority.patience import PatientSigning
from ca_core.authority.pulse import Pulse
from ca_core.authority.record import IssuanceRecord
from ca_core.authority.reviews import ReviewerState
from ca_core.authority.rows import (
    CONFIGURATION,
    ConfigurationRow,
    current_signer,
    decoded,
    read,
)
from ca_core.authority.settings import CASettings
from ca_core.authority.slot import ProviderSlot
from ca_core.authority.slots import Place, Slots, place_of, places, until_open
from ca_core.authority.standing import Signing, Standing
from ca_core.contract.answers import Health
from ca_core.contract.requests import LeafRequest
from ca_core.errors import Error, GuardError, NotReadyError, UnavailableError
from ca_core.identity.certificates import pem_of
from ca_core.identity.csr import CheckedCsr
from ca_core.identity.spiffe import TrustDomain

_log = logging.getLogger("ca_core.authority")


class CAManager:
    """Keeps the authority, and signs under it.

    Lives on one event loop; ``prepare`` blocks and is called before the loop serves. Provider calls
    run on the provider's own threads. ``pulse`` tells how the provider is, or why it is not open.

    Args:
        opener: the store, and how a provider is opened on it.
        run: names this server in the issuance record; the same after a crash.

    Attributes:
        crls: revokes, and serves what was revoked.
    """

    def __init__(self, opener: Opener, *, run: str) -> None:
        store, clock = opener.store, opener.clock
        self.opener = opener
        self._store = store
        self._clock = clock
        self.record = IssuanceRecord(store, clock, run=run)
        self._settings = (0, CASettings())
        self._bystanders = opener.bystanders
        self.slots = Slots(opener)
        self.pulse = Pulse(self._health)
        self._signing_hand = PatientSigning(clock)
        self._introduced = Introductions(store)
        self.crls = CrlService(store, self.slots, self._introduced, clock)
        self._limiter = Limiter(clock)
        self._standing = Standing(store)
        self._bringup = BringUp(store, clock, self.slots, events=self._bystanders.events)

    def prepare(self, settings: CASettings) -> None:
        """Read what stands in the store, seeding it with ``settings`` at the first start. Blocks.

        Raises:
            ConfigError: it is the first start, and the provider is unknown or refuses its
                configuration.
            UnavailableError: the store cannot be written.
        """
        opener = self.opener
        seeded(opener.store, opener.own_secrets, settings, opener.registry)
        drawn_ids(self._store)
        self._limiter.set_rate(self.settings.csr_max_per_second)
        self.record.open(self.settings.leaf_ttl)

    async def run(self, leadership: Leadership) -> None:
        """Open the providers that live, bring up the first authority, and stay; cancel to end."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.slots.run())
            tasks.create_task(self._bringup.run(leadership))

    async def opened(self) -> None:
        """Return when the provider that signs is open; ``run`` opens it."""
        await until_open(self._store, lambda: self.slots.at(self.place))

    async def close(self) -> None:
        """Let running calls end, make the record durable; ``run`` must have ended.

        A record that cannot be written holds up nothing else: the next start finds it incomplete.
        """
        await self.slots.close()
        try:
            await asyncio.to_thread(self.record.close)
        except Error as error:
            _log.warning("the record of issued leaves was not closed, it is incomplete: %s", error)

    @property
    def configuration(self) -> ConfigurationRow | None:
        """Return the configuration that stands, or None before ``prepare``."""
        return read(self._store.snapshot, ConfigurationRow, CONFIGURATION, "ca")

    @property
    def settings(self) -> CASettings:
        """Return the settings that stand (not those of a file that was edited since)."""
        stored = self._store.snapshot.get(CONFIGURATION, "ca")
        if stored is None:
            return CASettings()
        if self._settings[0] != stored.version:  # parsed once for each configuration
            self._settings = (stored.version, settings_of(decoded(ConfigurationRow, stored.value)))
            self._limiter.set_rate(self._settings[1].csr_max_per_second)
        return self._settings[1]

    @property
    def place(self) -> Place:
        """Return the authority that signs, or is to be the first, and how it is reached.

        Raises:
            NotReadyError: ``prepare`` comes first.
        """
        view = self._store.snapshot
        current = current_signer(view)
        if current is not None:
            return place_of(current[0])
        found = places(view)
        if not found:
            raise NotReadyError("prepare() comes first")
        return min(found, key=lambda place: place.authority)

    @property
    def trust_domain(self) -> TrustDomain:
        """Return the cluster's trust domain; ``NotReadyError`` before it was drawn."""
        return self.opener.trust_domain()

    @property
    def datacenter(self) -> str:
        """Return this datacenter's name; empty before the cluster row is written."""
        return self.opener.datacenter()

    @property
    def consul_names(self) -> Mapping[str, str]:
        """Return Consul's spelling of the configured provider's keys."""
        return self.opener.registry.get(self.settings.provider).consul_names

    def why_not_ready(self) -> str:
        """Return in one sentence why nothing can be signed now; empty if it can."""
        slot = self._slot
        if not slot.is_open:
            return f"the CA provider is opening: {slot.opening.last_error or 'no error yet'}"
        if current_signer(self._store.snapshot) is None:
            return self._bringup.waiting_for or "the first authority is being made"
        return self._keyring_gap() or self._bystanders.reviews.why_not_ready()

    async def sign(
        self,
        csr: CheckedCsr,
        *,
        principal: Principal,
        through: Principal | None = None,
        replaces: datetime | None = None,
    ) -> IssuedLeaf:
        """Sign a leaf for what ``csr`` asks; the caller has asked ``may`` about every name in it.

        1. The current signer is read from the store. 2. Review plugins. 3. Admission, ordered by
        expiry. 4. The guarded provider signs. 5. The ceiling is committed, the record appended.
        6. Released. Where another one signs meanwhile, and the former has left, it begins anew.

        Args:
            csr: what is asked for.
            principal: who asked, for the record.
            through: the agent that asked for them, if they did not ask themselves.
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
        who = describe(principal, through)
        while True:
            signing = self._signing()  # (1)
            try:
                return await self._signed(csr, signing, who=who, replaces=replaces)
            except NotReadyError:
                if self._signing() == signing:
                    raise

    async def _signed(
        self,
        csr: CheckedCsr,
        signing: Signing,
        *,
        who: str,
        replaces: datetime | None,
    ) -> IssuedLeaf:
        authority, signer = signing
        slot = self.slots.at(place_of(authority))
        check_shape(csr, slot.provider)
        now = self._clock.now().replace(microsecond=0)
        not_after = min(now + self.settings.leaf_ttl, signer.certificates[0].not_valid_after_utc)
        await self._bystanders.review(  # (2)
            csr, principal=who, authority=authority.id, not_after=not_after
        )
        await self._limiter.admit(replaces or self._clock.now())  # (3)
        await self._introduced.make(slot, authority, signer)
        deadline = self._clock.now() + SIGN_LIMIT
        request = leaf_request(csr, signer, now, not_after, deadline=deadline)
        leaf = await self._guarded(slot, request, who)  # (4)
        await self.record.cover(authority.id, signer.id, leaf.not_valid_after_utc)  # (5)
        index = self.record.add(
            leaf,
            identity=str(csr.identity),
            principal=who,
            authority=authority.id,
            signer=signer.id,
            replaces=replaces,
        )
        self.opener.counters.on_issued(authority.id)
        self._bystanders.tell_issued(
            leaf, request, principal=who, authority=authority.id, index=index
        )
        pem = pem_of(leaf) + self._standing.chain(signing)
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

    def _health(self) -> Health:
        if not self._slot.is_open:
            return Health(ok=False, message=self.why_not_ready())
        return self._slot.provider.health()

    def _signing(self) -> Signing:
        current = self._standing.signing()
        if current is None or not self.slots.at(place_of(current[0])).is_open:
            raise NotReadyError(self.why_not_ready())
        gap = self._keyring_gap()
        if gap:
            raise UnavailableError(gap)
        if current[1].certificates[0].not_valid_after_utc <= self._clock.now():
            raise UnavailableError(f"signer {current[1].id} has expired and signs nothing any more")
        return current

    @property
    def _slot(self) -> ProviderSlot:
        return self.slots.at(self.place)

    def _keyring_gap(self) -> str:
        missing = self._standing.missing_keys(self.opener.keyring())
        if not missing:
            return ""
        return f"key-encryption key {', '.join(missing)} is missing; nothing can be signed"

    async def _guarded(
        self, slot: ProviderSlot, request: LeafRequest, who: str
    ) -> x509.Certificate:
        try:
            return await self._signing_hand.signed(slot, request)
        except GuardError as refused:
            self._bystanders.tell_refused(request, who, refused)
            raise
