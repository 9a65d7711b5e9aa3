"""One record of the cache: a value, how fresh it is, and who may see it."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

from ca_core.acl.principal import Principal
from ca_core.agent.waiting import Gathering
from ca_core.clock import Clock
from ca_core.errors import Error

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

BYTES_OF_RECORD = 1_000
"""What a record takes besides its value: itself, its key, its first handle, its entries."""
BYTES_OF_HANDLE = 200
"""What each further handle takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cached(Generic[ValueT]):
    """A value as a reader gets it.

    Attributes:
        index: at least 1; another one means another value.
        hit: True if it came from memory at once.
        age: of what is followed, how long ago contact was lost, else since it was fetched.
        in_contact: whether a server answered last time.
        stamp: of this very value; no other one of this cache has it.
    """

    value: ValueT
    index: int
    hit: bool
    age: timedelta
    in_contact: bool
    stamp: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class Record(Generic[KeyT, ValueT]):
    """One record; changed on the event loop only. Moments are monotonic seconds.

    Attributes:
        idle: seconds without use after which it is forgotten.
        index: what readers see; 0 while there is no value.
        weight: bytes of the value.
        stamp: of the value.
        error: why the last fetch failed; None if it did not.
        failures: in a row.
        lost_at: first failure of that row.
        results: how many fetches have ended.
        asking: callers that wait for the end of a fetch.
        holders: partition → who may see it: its handles.
        scheduled: the earliest moment for which the timetable holds an entry.
        gone: nobody finds it any more.
    """

    key: KeyT
    idle: float
    last_used: float
    value: ValueT | None = None
    index: int = 0
    weight: int = 0
    stamp: int = 0
    error: Error | None = None
    failures: int = 0
    fetched_at: float = 0.0
    lost_at: float | None = None
    results: int = 0
    asking: int = 0
    hits: int = 0
    misses: int = 0
    holders: dict[str, Principal] = field(default_factory=dict)
    readers: Gathering | None = None
    scheduled: float | None = None
    gone: bool = False

    @property
    def waiters(self) -> int:
        """Return how many callers wait, for a fetch or for something newer."""
        return len(self.readers) if self.readers is not None else 0

    @property
    def busy(self) -> bool:
        """Say whether somebody waits for it; then it is not evicted."""
        return self.asking > 0 or self.waiters > 0

    @property
    def size(self) -> int:
        """Return the bytes that it takes, about."""
        return BYTES_OF_RECORD + self.weight + BYTES_OF_HANDLE * max(0, len(self.holders) - 1)

    def read(self, *, hit: bool) -> None:
        """Count a read."""
        self.hits += hit
        self.misses += not hit

    def due(self) -> float:
        """Return when it is forgotten if nobody uses it."""
        return self.last_used + self.idle

    def wake(self) -> None:
        """Let everybody go who waits."""
        if self.readers is not None:
            self.readers.wake()

    async def changed(self, seconds: float, clock: Clock) -> bool:
        """Wait until something happens to it, at most ``seconds``; say whether it did."""
        if self.readers is None:
            self.readers = Gathering()
        try:
            return await self.readers.changed(seconds, clock)
        finally:
            if self.readers is not None and not len(self.readers):
                self.readers = None  # most records are waited for seldom
