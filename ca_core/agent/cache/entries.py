"""What can be told about everything that an agent remembers, whatever keeps it."""

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import msgspec

from ca_core.agent.cache.kinds import KindName
from ca_core.errors import Error


class Reason(StrEnum):
    """Why something was forgotten."""

    IDLE = "idle"
    BUDGET = "budget"
    REVOKED = "revoked"
    DENIED = "denied"


@dataclass(slots=True)
class Counts:
    """What happened to one kind since the agent began.

    Attributes:
        evictions: reason → how many.
        failures: class of the error → how many fetches failed with it.
    """

    hits: int = 0
    misses: int = 0
    evictions: Counter[Reason] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    def read(self, *, hit: bool) -> None:
        """Count a read."""
        self.hits += hit
        self.misses += not hit

    def failed(self, error: Error) -> None:
        """Count a fetch that failed."""
        self.failures[type(error).__name__] += 1


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is remembered; nothing of it is secret. Spans are seconds.

    Attributes:
        id: by which its keeper finds it.
        key: the same for people.
        partitions: who may see it; empty if it is nobody's.
        bytes: of memory, about.
        age: as readers are told.
        unused: since somebody asked for it.
        index: 0 while there is no value.
        failures: in a row.
        error: of the last fetch; '' if it did not fail.
        refreshed: kept fresh in the background.
        busy: somebody waits for it, or it is being fetched: it is not evicted.
    """

    kind: KindName
    id: Hashable
    key: str
    partitions: tuple[str, ...] = ()
    bytes: int
    age: float
    unused: float
    hits: int
    misses: int
    waiters: int
    index: int
    failures: int = 0
    error: str = ""
    refreshed: bool = True
    busy: bool = False


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind stands.

    Attributes:
        age: seconds, of the oldest entry that is kept fresh, as readers are told.
    """

    entries: int = 0
    waiters: int = 0
    age: float = 0.0


class Kept(Protocol):
    """One kind of what is remembered, for the inventory. Used from one event loop."""

    @property
    def kind(self) -> KindName:
        """Return which kind."""
        ...

    @property
    def counts(self) -> Counts:
        """Return what happened to it."""
        ...

    @property
    def size(self) -> int:
        """Return the bytes of all entries, about; costs nothing."""
        ...

    def standing(self) -> Standing:
        """Return how it stands; quick also where there are thousands of entries."""
        ...

    def entries(self) -> Iterator[Entry]:
        """Yield every entry as it is now."""
        ...

    def evict(self, entry_id: Hashable) -> int:
        """Forget an entry, unless it is busy or must stay; return the bytes that were freed."""
        ...
