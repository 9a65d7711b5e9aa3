"""The records of one kind: made, handed to callers, weighed, counted and forgotten."""

from collections.abc import Callable, Hashable, Iterator
from datetime import timedelta
from itertools import count
from typing import Generic, TypeVar

from ca_core.acl.principal import Principal
from ca_core.agent.cache.entries import Counts, Entry, Reason, Standing
from ca_core.agent.cache.kinds import Kind
from ca_core.agent.cache.record import BYTES_OF_HANDLE, Record
from ca_core.agent.timetable import Timetable
from ca_core.clock import Clock

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")

_FRESH = timedelta()


class Records(Generic[KeyT, ValueT]):
    """Records by key. Used from one event loop.

    Args:
        on_erased: told of every record that is forgotten.

    Attributes:
        size: bytes of all of them, about.
    """

    def __init__(self, kind: Kind[ValueT], clock: Clock, on_erased: Callable[[KeyT], None]) -> None:
        self._kind = kind
        self._clock = clock
        self._on_erased = on_erased
        self._by_key: dict[KeyT, Record[KeyT, ValueT]] = {}
        self._timetable: Timetable[float, Record[KeyT, ValueT]] = Timetable()
        self._stamps = count(1)
        self.counts = Counts()
        self.size = 0

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_key)

    def __iter__(self) -> Iterator[Record[KeyT, ValueT]]:
        """Yield those that there are now; they may be erased meanwhile."""
        return iter(tuple(self._by_key.values()))

    def get(self, key: KeyT) -> Record[KeyT, ValueT] | None:
        """Return the record of a key, or None."""
        return self._by_key.get(key)

    def least_used(self) -> Record[KeyT, ValueT] | None:
        """Return the record that was used longest ago and is not waited for, or None."""
        idle = (record for record in self._by_key.values() if not record.busy)
        return min(idle, key=lambda record: record.last_used, default=None)

    def make(self, key: KeyT) -> Record[KeyT, ValueT]:
        """Return a new record without a value."""
        idle, now = self._kind.idle.total_seconds(), self._clock.monotonic()
        record = self._by_key[key] = Record(key=key, idle=idle, last_used=now)
        self.size += record.size
        self._timetable.enter(record)
        return record

    def give(self, record: Record[KeyT, ValueT], partition: str, caller: Principal) -> None:
        """Give a caller a handle, if they have none."""
        if partition not in record.holders:
            self.size += BYTES_OF_HANDLE if record.holders else 0
            record.holders[partition] = caller

    def take_back(self, record: Record[KeyT, ValueT], partition: str) -> None:
        """Take a handle back; whoever waits is told, and what nobody holds is erased."""
        del record.holders[partition]
        if not record.holders:
            self.erase(record, Reason.REVOKED)
            return
        self.size -= BYTES_OF_HANDLE
        record.wake()

    def fill(self, record: Record[KeyT, ValueT], value: ValueT, index: int) -> None:
        """Put a value into a record."""
        weight = self._kind.weigh(value)
        self.size += weight - record.weight
        record.value, record.index, record.weight = value, index, weight
        record.stamp = next(self._stamps)

    def empty(self, record: Record[KeyT, ValueT]) -> None:
        """Let a value go that the server refuses now."""
        self.counts.evictions[Reason.DENIED] += record.index > 0
        self.size -= record.weight
        record.value, record.index, record.weight = None, 0, 0

    def erase(self, record: Record[KeyT, ValueT], reason: Reason) -> None:
        """Forget a record; whoever waits for it is woken."""
        del self._by_key[record.key]
        record.gone = True
        self.size -= record.size
        self.counts.evictions[reason] += 1
        self._on_erased(record.key)
        record.wake()

    def forget_idle(self) -> float:
        """Forget what nobody used; return the seconds until there may be more of it."""
        now = self._clock.monotonic()
        for record in self._timetable.taken(now):
            if not record.gone:
                self._look_at(record, now)
        due = self._timetable.next_due()
        # What is made meanwhile is due later than a whole idle life from now.
        return self._kind.idle.total_seconds() if due is None else due - now

    def age(self, record: Record[KeyT, ValueT]) -> timedelta:
        """Return how old a value is, as readers are told."""
        since = record.lost_at if self._kind.followed else record.fetched_at
        return _FRESH if since is None else timedelta(seconds=self._clock.monotonic() - since)

    def standing(self) -> Standing:
        """Return how many there are, how many callers wait, and how old the oldest is."""
        records = self._by_key.values()
        lost = [one.lost_at for one in records if one.lost_at is not None and self._kind.followed]
        return Standing(
            entries=len(records),
            waiters=sum(record.waiters for record in records if record.readers is not None),
            age=self._clock.monotonic() - min(lost) if lost else 0.0,
        )

    def entries(self) -> Iterator[Entry]:
        """Yield every record as it is now."""
        now = self._clock.monotonic()
        for record in self:
            yield self._entry(record, now)

    def _look_at(self, record: Record[KeyT, ValueT], now: float) -> None:
        if record.due() <= now:
            if not record.busy:
                self.erase(record, Reason.IDLE)
                return
            record.last_used = now  # what somebody waits for is in use
        self._timetable.enter(record)

    def _entry(self, record: Record[KeyT, ValueT], now: float) -> Entry:
        return Entry(
            kind=self._kind.name,
            id=record.key,
            key=str(record.key),
            partitions=tuple(record.holders),
            bytes=record.size,
            age=self.age(record).total_seconds(),
            unused=now - record.last_used,
            hits=record.hits,
            misses=record.misses,
            waiters=record.waiters,
            index=record.index,
            failures=record.failures,
            error=str(record.error or ""),
            refreshed=self._kind.followed,
            busy=record.busy,
        )
