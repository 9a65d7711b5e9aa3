"""Leaves of services, answered from memory and renewed in the background.

Three ways to fail decide the order of things here: a key handed to a caller without rights because
it was in memory, an expired leaf served because a renewal failed, everybody renewing in step.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain

from ca_core.acl.access import May
from ca_core.acl.principal import Principal
from ca_core.agent.cache.entries import Counts, Reason
from ca_core.agent.cache.freshening import fresh_enough
from ca_core.agent.issuance import LeafIssuer
from ca_core.agent.joining import Draw
from ca_core.agent.keptleaves import Restored
from ca_core.agent.knownroots import KnownRoots
from ca_core.agent.leafanswer import LeafAnswer, handed_out, waited_for
from ca_core.agent.leafattempts import LeafAttempts
from ca_core.agent.leafrecord import HeldLeaf, LeafName, LeafRecord, leaf_name
from ca_core.agent.leafrights import check_right, may_still
from ca_core.agent.leafvariants import LeafVariants, check_names
from ca_core.agent.renewal import ROOT_CHANGE_SPREAD, Spread
from ca_core.agent.revokedleaves import RevokedLeaves
from ca_core.agent.rootscache import RootsCache
from ca_core.agent.timetable import Timetable
from ca_core.agent.upstream import DEFAULT_WAIT
from ca_core.agent.waiting import Gathering
from ca_core.clock import Clock
from ca_core.errors import DeniedError, UnavailableError
from ca_core.identity.csr import IPAddress
from ca_core.wire.freshness import ANY_AGE, Freshness
from ca_core.wire.revocation import RevokedMark
from ca_core.wire.times import wire_time

log = logging.getLogger(__name__)

_LONGEST_SLEEP = timedelta(seconds=30)
"""The wall clock may be set while the timetable sleeps; it looks again at least this often."""


class LeafCache:
    """The leaves one agent holds. Used from one event loop; ``run`` renews and forgets.

    Attributes:
        counts: what happened to readers and leaves.
        attempts: to have leaves, and how earlier ones went.
        size: bytes that all of them take, about.
    """

    def __init__(
        self,
        issuer: LeafIssuer,
        roots: RootsCache,
        may: May,
        clock: Clock,
        draw: Draw,
        *,
        spread: Spread = lambda: ROOT_CHANGE_SPREAD,
    ) -> None:
        self._issuer = issuer
        self._roots = roots
        self._may = may
        self._clock = clock
        self._draw = draw
        self._spread = spread
        self._records: dict[LeafName, LeafRecord] = {}
        self._absent: dict[LeafName, LeafRecord] = {}
        self._listeners: list[Callable[[], None]] = []
        self._variants = LeafVariants(clock)
        self._revoked = RevokedLeaves()
        self.counts = Counts()
        self.size = 0
        self._timetable: Timetable[datetime, LeafRecord] = Timetable()
        self._bell = Gathering()
        self.attempts = LeafAttempts(
            issuer, clock, draw, self.counts, kept=self._keep, ended=self._attempt_ended
        )
        roots.subscribe(self.follow)

    def __len__(self) -> int:
        """Return how many leaves are kept or being fetched."""
        return len(self._records)

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` on the loop whenever leaves came or went; it must not raise."""
        self._listeners.append(listener)

    def records(self) -> Iterator[LeafRecord]:
        """Return every record, also of those who did not come back yet."""
        return chain(self._records.values(), self._absent.values())

    def restore(self, found: Restored) -> None:
        """Go on with what was kept. Once, before anything is asked for.

        Leaves of tokens are answered and renewed again once their token was shown.
        """
        self._absent.update((record.name, record) for record in found.absent)
        self._records.update((record.name, record) for record in found.present)
        self.size += sum(record.size for record in (*found.absent, *found.present))
        for record in found.present:
            self._enter(record)
        self.revoke()
        known = self._roots.latest
        if known is not None:
            self.follow(known)

    async def get(  # noqa: PLR0913 - what a request for a leaf may say
        self,
        principal: Principal,
        service: str,
        *,
        dns_names: tuple[str, ...] = (),
        ip_addresses: tuple[IPAddress, ...] = (),
        min_index: int = 0,
        wait: timedelta = DEFAULT_WAIT,
        freshness: Freshness = ANY_AGE,
    ) -> LeafAnswer:
        """Return a valid leaf of ``service`` for this caller.

        1. The caller's right is checked, before anything is looked up; ``freshness`` is about what
           is known of who signs, and never has a valid leaf signed anew.
        2. A valid leaf in memory is answered at once, whether or not it is due for renewal,
        3. unless ``min_index`` is its index: then once it was replaced, or after ``wait``.
        4. Otherwise one is fetched; all who ask meanwhile wait for the same attempt.
        5. The right and the leaf's validity are checked again when it is handed out.

        Raises:
            DeniedError: the caller may not be this service.
            RequestError: impossible service, DNS name or address.
            Error: no valid leaf, and the reason why none could be had.
        """
        check_right(self._may, principal, service)  # (1)
        if freshness is not ANY_AGE:
            await fresh_enough(freshness, lambda: self._roots.age, self._roots.asked_anew)
        name = leaf_name(principal, service, dns_names, ip_addresses)
        record = self._records.get(name) or await self._new_record(name, principal)
        now = record.last_used = self._clock.now()
        leaf = record.leaf
        if leaf is None or not leaf.servable(now):
            self.counts.misses += 1
            await self.attempts.joined(record)  # (4)
        else:
            self.counts.hits += 1
            if min_index != leaf.index:
                return handed_out(record, leaf, now, hit=True)  # (2)
            await self._replaced(record, leaf, wait)  # (3)
        self._check_again(record, principal)  # (5)
        return waited_for(record, self._clock.now())

    async def run(self) -> None:
        """Renew what is due and forget what is idle, for ever; cancel to end."""
        while True:
            now = self._clock.now()
            self._attend(now)
            due = self._timetable.next_due()
            sleep = _LONGEST_SLEEP if due is None or self.attempts.is_full() else due - now
            await self._bell.changed(min(sleep, _LONGEST_SLEEP).total_seconds(), self._clock)

    async def close(self) -> None:
        """End every attempt and let every waiting reader go; later requests are refused."""
        await self.attempts.close(list(self._records.values()))
        for record in self._records.values():
            record.readers.wake()

    def _check_again(self, record: LeafRecord, principal: Principal) -> None:
        check_right(self._may, principal, record.name.service)
        if record.withdrawn:
            raise DeniedError("Permission denied: the right to this leaf was taken back")

    async def _new_record(self, name: LeafName, principal: Principal) -> LeafRecord:
        came_back = self._absent.pop(name, None)
        if came_back is not None:
            return self._taken_back(came_back)
        check_names(name)
        await self._issuer.identity(name.service)
        record = self._records.get(name)  # somebody else may have been faster
        if record is None:
            self._variants.spend(name)
            now = self._clock.now()
            record = self._records[name] = LeafRecord(name=name, last_used=now, principal=principal)
            self.size += record.size
            self._enter(record)
        return record

    def _taken_back(self, record: LeafRecord) -> LeafRecord:
        """Hold a leaf that waited for its owner; who signs may have changed since."""
        record.last_used = self._clock.now()
        self._records[record.name] = record
        known = self._roots.latest
        if known is not None:
            record.follow(known.signing, record.last_used, self._draw, self._spread())
        self._enter(record)
        return record

    async def _replaced(self, record: LeafRecord, leaf: HeldLeaf, wait: timedelta) -> None:
        """Wait until the record holds another leaf than ``leaf``, at most ``wait``."""
        deadline = self._clock.monotonic() + wait.total_seconds()
        while record.leaf is leaf and not (self.attempts.closed or record.withdrawn):
            left = deadline - self._clock.monotonic()
            if not await record.readers.changed(left, self._clock):
                return

    def _keep(self, record: LeafRecord, leaf: HeldLeaf) -> None:
        """Take a new leaf over; another key may have begun to sign while it was made."""
        if leaf in self._revoked:
            raise UnavailableError("the new leaf was revoked on its way here")
        self.size -= record.size
        record.leaf, record.failures, record.error, record.hurry = leaf, None, None, None
        self.size += record.size
        known = self._roots.latest
        if known is not None:
            record.follow(known.signing, self._clock.now(), self._draw, self._spread())
        record.wanted_at = None
        log.info("leaf of %s: valid until %s", record.name.service, wire_time(leaf.not_after))
        record.readers.wake()
        self._tell()

    def _attempt_ended(self, record: LeafRecord) -> None:
        self._enter(record)
        self._bell.wake()

    def _enter(self, record: LeafRecord) -> None:
        if self._timetable.enter(record):
            self._bell.wake()

    def _attend(self, now: datetime) -> None:
        if self.attempts.is_full():
            return
        for record in self._timetable.taken(now):
            self._look_at(record, now)
            if self.attempts.is_full():
                return

    def _look_at(self, record: LeafRecord, now: datetime) -> None:
        if record.fetch is not None or record.withdrawn:
            return  # entered again when the attempt ends; or never
        if len(record.readers):
            record.last_used = now  # what somebody waits for is in use
        if record.idle(now):
            self._forget(self._records, record, Reason.IDLE)
            self._tell()
            return
        if record.is_due(now) and (self._roots.known_leader or not self.attempts.put_off(record)):
            self.attempts.begun(record)
        else:
            self._enter(record)

    def revoke(self, told: Iterable[RevokedMark] = ()) -> None:
        """Answer no more what was revoked, and have others at once; whoever waits gets those."""
        self._revoked.learn(told, self._clock.now())
        gone = self._revoked.taken_from(self.records(), self._clock.now())
        for record in gone:
            if record.name in self._records:
                self._enter(record)
        if gone:
            self._tell()

    def review(self) -> None:
        """Withdraw every leaf whose owner may no longer have it; whoever waits for it is told."""
        gone = [each for each in self._records.values() if not may_still(self._may, each)]
        for record in gone:
            self._forget(self._records, record, Reason.REVOKED)
            if record.fetch is not None:
                record.fetch.cancel()
            record.leaf = None
            record.readers.wake()
        if gone:
            self._tell()

    def evict(self, name: LeafName) -> int:
        """Forget a leaf, unless somebody waits for it; return the bytes that were freed."""
        keeper = self._records if name in self._records else self._absent
        record = keeper.get(name)
        if record is None or record.busy:
            return 0
        self._forget(keeper, record, Reason.BUDGET)
        self._tell()
        return record.size

    def _forget(
        self, keeper: dict[LeafName, LeafRecord], record: LeafRecord, reason: Reason
    ) -> None:
        del keeper[record.name]
        record.withdrawn = True
        self.size -= record.size
        self.counts.evictions[reason] += 1

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def follow(self, known: KnownRoots) -> None:
        """Renew what another key signed than the one that signs now, each within the spread."""
        now, spread = self._clock.now(), self._spread()
        for record in self._records.values():
            record.follow(known.signing, now, self._draw, spread)
            self._enter(record)
