"""The first start: one authority and one signer, made once, whatever happens in between.

Every step is idempotent by an id that stands in the store before the step begins, so a server that
dies anywhere is continued by whoever holds the lease next.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4

import msgspec
from cryptography import x509

from ca_core.authority import rows
from ca_core.authority.configuration import settings_of
from ca_core.authority.events import Events
from ca_core.authority.milestones import tell_authority, tell_signer
from ca_core.authority.pending import PendingCalls
from ca_core.authority.rows import (
    AUTHORITIES,
    BOOTSTRAP,
    CONFIGURATION,
    CURRENT,
    ROOTS_TOPIC,
    SIGNERS,
    SIGNERS_TOPIC,
    AuthorityRow,
    BootstrapRow,
    ConfigurationRow,
    CurrentRow,
    Phase,
    SignerRow,
    current_signer,
    decoded,
    encoded,
    put,
    read,
    trust_domain,
)
from ca_core.authority.settings import CASettings
from ca_core.authority.slot import ProviderSlot, retry_pause
from ca_core.authority.slots import Slots, places, until_open
from ca_core.clock import Clock
from ca_core.contract.answers import Signer, TrustChain
from ca_core.contract.requests import AuthorityRequest, InstallRequest, SignerRequest
from ca_core.errors import ConflictError, Error, NotReadyError, PendingError, RequestError
from ca_core.identity.certificates import fingerprint, pem_chain, pem_of
from ca_core.identity.keys import key_spec_of
from ca_core.state.protocol import ABSENT, Fence, Transaction
from ca_core.state.store import Store

CALL_LIMIT = timedelta(seconds=30)
"""A provider gets this long for one step before it must answer or say ``PendingError``."""

_WAITS_FOR_SIGNATURE = (
    "the primary CA waits for your corporate CA's signature: sign what `ca-core ca csr` prints,"
    " then `ca-core ca install-chain FILE`"
)

_log = logging.getLogger("ca_core.authority")


class Leadership(Protocol):
    """What this module needs of the lease: be the one who makes authorities."""

    async def held(self) -> Fence:
        """Return once this server holds the lease; the fence goes into every commit."""
        ...


def new_id(prefix: str) -> str:
    """Return a fresh id for an authority or signer: ``[a-z0-9-]``, at most 32 characters."""
    return f"{prefix}-{uuid4().hex[:16]}"


class BringUp:
    """Brings the first authority into being; ``run`` ends when one signs.

    ``waiting_for`` says in one sentence what it is waiting for, or is empty.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        slots: Slots,
        *,
        events: Events,
    ) -> None:
        self._store = store
        self._clock = clock
        self._slots = slots
        self._events = events
        self._pending = PendingCalls(store, clock)
        self._nudged = asyncio.Event()
        self._drawn = ABSENT
        self.waiting_for = ""

    async def run(self, leadership: Leadership) -> None:
        """Return once a signer is current; retry for ever, with pauses that are bounded."""
        failures = 0
        while current_signer(self._store.snapshot) is None:
            try:
                fence = await leadership.held()
                await until_open(self._store, lambda: self._slot)
                await self._attempt(fence)
                failures = 0
            except ConflictError:
                continue  # somebody else was faster: look again
            except PendingError as pending:
                reason = _WAITS_FOR_SIGNATURE if pending.csr else "the backend answers later"
                await self._wait(reason, pending.poll_after)
            except Error as error:
                failures += 1
                await self._wait(str(error), retry_pause(failures, error))
        self.waiting_for = ""

    @property
    def _slot(self) -> ProviderSlot:
        """Return where the first authority is made."""
        (place,) = places(self._store.snapshot)
        return self._slots.at(place)

    @property
    def _settings(self) -> CASettings:
        row = read(self._store.snapshot, ConfigurationRow, CONFIGURATION, "ca")
        if row is None:
            raise NotReadyError("no configuration has been written yet")
        return settings_of(row)

    async def _wait(self, reason: str, pause: timedelta) -> None:
        self.waiting_for = reason
        _log.warning("the first authority is not ready: %s", reason)
        self._nudged.clear()
        sleeping = asyncio.ensure_future(self._clock.sleep(pause.total_seconds()))
        nudged = asyncio.ensure_future(self._nudged.wait())
        try:
            await asyncio.wait({sleeping, nudged}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            nudged.cancel()

    def waiting_csr(self) -> str:
        """Return the CSR that somebody outside must sign, as PEM; empty if none waits."""
        ids = read(self._store.snapshot, BootstrapRow, BOOTSTRAP, "first")
        row = ids and self._pending.row(f"{ids.authority}.ensure")
        return row.csr if row else ""

    async def install(self, chain: tuple[x509.Certificate, ...]) -> None:
        """Hand the provider the chain that was signed outside, and go on at once.

        Args:
            chain: the primary CA first, then its issuers, the corporate root last.

        Raises:
            RequestError: no CSR waits, or the chain is for another key.
            Error: the provider refuses or fails.
        """
        ids = read(self._store.snapshot, BootstrapRow, BOOTSTRAP, "first")
        if ids is None or not self.waiting_csr():
            raise RequestError("no authority waits for a signature from outside", field="chain")
        request = InstallRequest(
            request_id=f"{ids.authority}.install",
            deadline=self._clock.now() + CALL_LIMIT,
            id=ids.authority,
            chain=chain,
        )
        await self._slot.call(lambda provider: provider.install_authority(request))
        self._nudged.set()

    async def _attempt(self, fence: Fence) -> None:
        drawn = self._store.snapshot.get(BOOTSTRAP, "first")
        if drawn is None:  # written by the manager before the provider is opened
            raise NotReadyError("no authority id has been drawn yet")
        self._drawn, ids = drawn.version, decoded(BootstrapRow, drawn.value)
        chain = await self._authority(ids.authority)
        await self._commit_authority(ids.authority, chain, fence)
        signer = await self._signer(ids.signer)
        bundle = frozenset(fingerprint(anchor) for anchor in rows.bundle(self._store.snapshot))
        await self._slot.call(lambda guard: guard.check_signer(signer, chain, (bundle,)))
        await self._commit_signer(ids, signer, fence)

    async def _authority(self, authority: str) -> TrustChain:
        domain = trust_domain(self._store.snapshot)
        if domain is None:
            raise NotReadyError("the trust domain has not been drawn yet")
        request_id = f"{authority}.ensure"
        request = AuthorityRequest(
            request_id=request_id,
            deadline=self._clock.now() + CALL_LIMIT,
            pending=self._pending.token(request_id),
            id=authority,
            key=self._settings.key,
            ttl=self._settings.root_ttl,
            trust_domain=domain,
        )
        return await self._pending.call(
            self._slot, request_id, lambda provider: provider.ensure_authority(request)
        )

    async def _signer(self, signer: str) -> Signer:
        request_id = f"{signer}.prepare"
        request = SignerRequest(
            request_id=request_id,
            deadline=self._clock.now() + CALL_LIMIT,
            pending=self._pending.token(request_id),
            id=signer,
            key=self._settings.key,
            ttl=self._settings.intermediate_ttl,
        )
        return await self._pending.call(
            self._slot, request_id, lambda provider: provider.prepare_signer(request)
        )

    async def _commit_authority(self, authority: str, chain: TrustChain, fence: Fence) -> None:
        if self._store.snapshot.get(AUTHORITIES, authority) is not None:
            return
        configuration = read(self._store.snapshot, ConfigurationRow, CONFIGURATION, "ca")
        if configuration is None:
            raise NotReadyError("no configuration has been written yet")
        row = authority_row(authority, chain, configuration, Phase.TRUSTED, self._clock.now())
        await self._store.commit_async(
            Transaction(
                changes=(put(AUTHORITIES, authority, row),),
                expect={(AUTHORITIES, authority): ABSENT, (BOOTSTRAP, "first"): self._drawn},
                topics=frozenset({ROOTS_TOPIC}),
                fence=fence,
            )
        )
        tell_authority(self._events, row, adopted=chain.adopted)

    async def _commit_signer(self, ids: BootstrapRow, signer: Signer, fence: Fence) -> None:
        """Write signer, phase and "current" in one commit: the moment this cluster can sign."""
        stored = self._store.snapshot.get(AUTHORITIES, ids.authority)
        if stored is None:
            raise ConflictError("the authority vanished")
        authority = decoded(AuthorityRow, stored.value)
        row = SignerRow(
            id=signer.id,
            authority=ids.authority,
            chain=pem_chain(signer.chain),
            created=self._clock.now(),
        )
        now = self._clock.now()
        signing = msgspec.structs.replace(authority, phase=Phase.SIGNING, phase_since=now)
        current = CurrentRow(authority=ids.authority, signer=signer.id)
        await self._store.commit_async(
            Transaction(
                changes=(
                    put(SIGNERS, signer.id, row),
                    put(AUTHORITIES, ids.authority, signing),
                    put(CURRENT, "signer", current),
                ),
                expect={
                    (CURRENT, "signer"): ABSENT,
                    (AUTHORITIES, ids.authority): stored.version,
                    (BOOTSTRAP, "first"): self._drawn,
                },
                topics=frozenset({ROOTS_TOPIC, SIGNERS_TOPIC}),
                fence=fence,
            )
        )
        _log.info(
            "authority %s signs, root %s", ids.authority, fingerprint(authority.anchor_certificate)
        )
        tell_signer(self._events, row)


def authority_row(
    authority: str, chain: TrustChain, configuration: ConfigurationRow, phase: Phase, now: datetime
) -> AuthorityRow:
    """Return an authority as it is stored when it has just been made."""
    settings = settings_of(configuration)
    anchor = chain.certificates[-1] if settings.trust_corporate_root else chain.primary
    key = key_spec_of(chain.primary.public_key())  # an adopted CA keeps its own
    return AuthorityRow(
        id=authority,
        provider=configuration.provider,
        key_type=key.type.value,
        key_bits=key.bits,
        phase=phase,
        chain=pem_chain(chain.certificates),
        anchor=pem_of(anchor),
        created=now,
        configuration=configuration.id,
        phase_since=now,
    )


def drawn_ids(store: Store) -> BootstrapRow:
    """Return the ids of the first authority and signer, drawing them if nobody has. Blocks."""
    row = BootstrapRow(authority=new_id("ca"), signer=new_id("signer"))
    return decoded(BootstrapRow, store.create(BOOTSTRAP, "first", encoded(row)))
