"""Values in memory for those who may see them: fetched once, kept fresh, forgotten in time.

A record owns a value and how fresh it is; a handle, one for each caller, owns the right to see it.
Who loses the right loses the handle, and is told so if he waits; what nobody holds is erased.
"""

from collections.abc import Callable, Hashable, Iterator
from datetime import timedelta
from typing import Generic, TypeVar, cast

from ca_core.acl.principal import Principal, partition_key
from ca_core.agent.cache.entries import Counts, Entry, Reason, Standing
from ca_core.agent.cache.kinds import Kind, KindName
from ca_core.agent.cache.record import Cached, Record
from ca_core.agent.cache.records import Records
from ca_core.agent.cache.sources import Source, Told
from ca_core.clock import Clock
from ca_core.errors import DeniedError, Error, UnavailableError
from ca_core.wire.freshness import ANY_AGE, Freshness

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")

MayHold = Callable[[Principal, KeyT], bool]
"""``may_hold(caller, key)``: whether the caller may still see that record."""


def _nobody_minds() -> None:
    """Nobody keeps a budget."""


class Cache(Generic[KeyT, ValueT]):
    """The records of one kind. Used from one event loop.

    Args:
        kind: what holds for its records.
        source_of: makes what fetches them; it tells this cache what came.

    Attributes:
        on_growth: called whenever it takes more memory than before.
    """

    def __init__(
        self,
        kind: Kind[ValueT],
        clock: Clock,
        source_of: Callable[[Told[KeyT, ValueT]], Source[KeyT]],
    ) -> None:
        self._kind = kind
        self._clock = clock
        self._closed = False
        self._source = source = source_of(self)
        self._records: Records[KeyT, ValueT] = Records(kind, clock, source.forget)
        self.on_growth: Callable[[], None] = _nobody_minds

    def __len__(self) -> int:
        """Return how many records there are."""
        return len(self._records)

    async def get(
        self,
        key: KeyT,
        caller: Principal,
        *,
        min_index: int = 0,
        wait: timedelta,
        freshness: Freshness = ANY_AGE,
    ) -> Cached[ValueT]:
        """Return the value of ``key`` for a caller whose right was checked before.

        1. The caller gets a handle on the record.
        2. A value that is fresh enough for the caller is answered at once;
        3. otherwise it is fetched, once; all who ask meanwhile wait for the same fetch.
        4. If that failed, what is known is answered to callers who said so, else the error.
        5. If ``min_index`` is the index of what is followed: once it differs, or after ``wait``.
        6. It is answered while the caller still has the handle.

        Giving up disturbs nobody. While no server answers, (5) goes on waiting.

        Raises:
            DeniedError: the caller lost the handle meanwhile, or the server refused.
            Error: (4).
        """
        known = self.at_once(key, caller, min_index=min_index, freshness=freshness)
        if known is not None:
            return self._told(known, hit=True)
        record, partition = self._held(key, caller)  # (1)
        hit = record.index > 0 and freshness.accepts(self._records.age(record))  # (2)
        record.read(hit=hit)
        self.counts.read(hit=hit)
        if not hit:
            hit = await self._fetched(record, partition, freshness)  # (3), (4)
        if self._kind.followed and min_index == record.index:
            hit = False
            await self._replaced(record, partition, wait)  # (5)
        return self._answer(record, partition, hit=hit)  # (6)

    def at_once(
        self, key: KeyT, caller: Principal, *, min_index: int, freshness: Freshness
    ) -> Record[KeyT, ValueT] | None:
        """Return the record whose value ``get`` would answer without waiting; None if it waits."""
        record = self._records.get(key)
        if record is None or not record.index:
            return None
        waits = self._kind.followed and min_index == record.index
        if waits or not freshness.accepts(self._records.age(record)):
            return None
        self._records.give(record, partition_key(caller), caller)
        record.last_used = self._clock.monotonic()
        record.read(hit=True)
        self.counts.read(hit=True)
        return record

    def age(self, record: Record[KeyT, ValueT]) -> timedelta:
        """Return how old a value is, as readers are told."""
        return self._records.age(record)

    def forget_idle(self) -> float:
        """Forget what nobody used; return the seconds until there may be more of it."""
        return self._records.forget_idle()

    def review(self, may_hold: MayHold[KeyT]) -> None:
        """Take back the handles of callers who may see a record no more; who waits is told."""
        for record in self._records:
            lost = [p for p, who in record.holders.items() if not may_hold(who, record.key)]
            for partition in lost:
                self._records.take_back(record, partition)

    async def close(self) -> None:
        """Fetch nothing any more, and let every waiting reader go with what is known."""
        self._closed = True
        for record in self._records:
            self._source.forget(record.key)
            record.wake()

    def arrived(self, key: KeyT, value: ValueT, index: int) -> None:
        """Take a value over; what was forgotten meanwhile stays forgotten."""
        record = self._records.get(key)
        if record is None:
            return
        index = max(index, 1)
        if index == record.index and value != record.value:
            index += 1  # another value under the same number: readers that hold it must be answered
        if index != record.index or record.asking:
            record.wake()
        self._records.fill(record, value, index)
        self._note_contact(record)
        self.on_growth()

    def unchanged(self, key: KeyT) -> None:
        """Note that what is held is what the server holds."""
        record = self._records.get(key)
        if record is not None:
            self._note_contact(record)
            if record.asking:
                record.wake()

    def failed(self, key: KeyT, error: Error) -> None:
        """Note why nothing came; what was refused is not answered any more."""
        record = self._records.get(key)
        if record is None:
            return
        self.counts.failed(error)
        if record.lost_at is None:
            record.lost_at = self._clock.monotonic()
        record.error, record.failures = error, record.failures + 1
        record.results += 1
        if isinstance(error, DeniedError):
            self._records.empty(record)
        if record.asking or not record.index:
            record.wake()

    @property
    def kind(self) -> KindName:
        """Return which kind."""
        return self._kind.name

    @property
    def counts(self) -> Counts:
        """Return what happened to its records."""
        return self._records.counts

    @property
    def size(self) -> int:
        """Return the bytes of all records, about."""
        return self._records.size

    def standing(self) -> Standing:
        """Return how many records there are, how many callers wait, how old the oldest is."""
        return self._records.standing()

    def entries(self) -> Iterator[Entry]:
        """Yield every record as it is now."""
        return self._records.entries()

    def evict(self, entry_id: Hashable) -> int:
        """Forget a record, unless somebody waits for it."""
        record = self._records.get(cast("KeyT", entry_id))
        if record is None or record.busy:
            return 0
        self._records.erase(record, Reason.BUDGET)
        return record.size

    def _held(self, key: KeyT, caller: Principal) -> tuple[Record[KeyT, ValueT], str]:
        """Return the record of a key, with a handle of this caller, and their partition.

        Raises:
            UnavailableError: it would be a new one, and the agent is stopping or full.
        """
        record, partition = self._records.get(key), partition_key(caller)
        if record is None:
            if self._closed:
                raise UnavailableError("the agent is stopping")
            self._make_room()
            record = self._records.make(key)
        self._records.give(record, partition, caller)
        record.last_used = self._clock.monotonic()
        return record, partition

    def _make_room(self) -> None:
        """See that one record more can be made.

        Raises:
            UnavailableError: all there may be are waited for.
        """
        self.on_growth()  # before it is there: nobody waits for it yet
        if len(self._records) < self._kind.most:
            return
        oldest = self._records.least_used()
        if oldest is None:
            raise UnavailableError(f"{self._kind.most} records are waited for; no more is kept")
        self._records.erase(oldest, Reason.BUDGET)

    async def _fetched(
        self, record: Record[KeyT, ValueT], partition: str, freshness: Freshness
    ) -> bool:
        """Have it fetched; return whether, that having failed, memory answers all the same."""
        error = await self._attempt(record, partition)
        if error is None:
            return False
        if record.index and freshness.accepts_after_error(self._records.age(record)):
            return True
        raise error.with_traceback(None)  # one error, many readers: do not pile up frames

    async def _attempt(self, record: Record[KeyT, ValueT], partition: str) -> Error | None:
        """Wait for the end of one fetch; return why it failed, or None."""
        if self._closed:
            return UnavailableError("the agent is stopping")
        before = record.results
        if not self._source.ask(record.key):
            return record.error
        ends = self._clock.monotonic() + self._kind.patience.total_seconds()
        record.asking += 1
        try:
            while record.results == before and partition in record.holders and not self._closed:
                if not await record.changed(ends - self._clock.monotonic(), self._clock):
                    return record.error or UnavailableError("no server has answered yet")
        finally:
            record.asking -= 1
        return record.error if record.results != before else None

    async def _replaced(
        self, record: Record[KeyT, ValueT], partition: str, wait: timedelta
    ) -> None:
        """Wait until the record has another index, at most ``wait``."""
        index, ends = record.index, self._clock.monotonic() + wait.total_seconds()
        while record.index == index and partition in record.holders and not self._closed:
            if not await record.changed(ends - self._clock.monotonic(), self._clock):
                return

    def _answer(self, record: Record[KeyT, ValueT], partition: str, *, hit: bool) -> Cached[ValueT]:
        if partition not in record.holders:
            raise DeniedError("Permission denied: the right to see this was taken back")
        if not record.index:
            raise (record.error or UnavailableError("the agent is stopping")).with_traceback(None)
        record.last_used = self._clock.monotonic()
        return self._told(record, hit=hit)

    def _told(self, record: Record[KeyT, ValueT], *, hit: bool) -> Cached[ValueT]:
        return Cached(
            value=cast("ValueT", record.value),
            index=record.index,
            hit=hit,
            age=self._records.age(record),
            in_contact=record.lost_at is None,
            stamp=record.stamp,
        )

    def _note_contact(self, record: Record[KeyT, ValueT]) -> None:
        record.error, record.failures, record.lost_at = None, 0, None
        record.fetched_at = self._clock.monotonic()
        record.results += 1
