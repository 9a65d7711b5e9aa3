"""``GET /v1/agent/cache``: what an agent remembers; no value and no secret is in it."""

import msgspec


class KindAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One kind.

    Attributes:
        bytes: of memory, about.
        age: seconds, of the oldest entry that is kept fresh, as readers are told.
        evictions: reason → how many entries were forgotten.
        failures: class of the error → how many fetches failed with it.
    """

    kind: str = msgspec.field(name="Kind")
    entries: int = msgspec.field(name="Entries")
    bytes: int = msgspec.field(name="Bytes")
    hits: int = msgspec.field(name="Hits")
    misses: int = msgspec.field(name="Misses")
    waiters: int = msgspec.field(name="Waiters")
    age: float = msgspec.field(name="OldestRefreshSeconds")
    evictions: dict[str, int] = msgspec.field(name="Evictions")
    failures: dict[str, int] = msgspec.field(name="Failures")


class EntryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One entry.

    Attributes:
        partitions: who may see it, like ``token:<accessor>`` or ``uid:0``; empty if it is nobody's.
        age, unused: seconds.
        index: 0 while there is no value.
        hits, misses: 0 where they are counted by kind alone.
        failures: in a row; ``error`` is why the last fetch failed, '' if it did not.
        refreshed: kept fresh in the background.
    """

    kind: str = msgspec.field(name="Kind")
    key: str = msgspec.field(name="Key")
    partitions: tuple[str, ...] = msgspec.field(name="Partitions")
    bytes: int = msgspec.field(name="Bytes")
    age: float = msgspec.field(name="AgeSeconds")
    unused: float = msgspec.field(name="UnusedSeconds")
    hits: int = msgspec.field(name="Hits")
    misses: int = msgspec.field(name="Misses")
    waiters: int = msgspec.field(name="Waiters")
    index: int = msgspec.field(name="Index")
    failures: int = msgspec.field(name="Failures")
    error: str = msgspec.field(name="Error")
    refreshed: bool = msgspec.field(name="Refreshed")


class CacheAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an agent remembers.

    Attributes:
        budget: bytes that it may take; ``bytes`` are those that it takes, about.
        entries: the largest first, as many as were asked for.
    """

    budget: int = msgspec.field(name="BudgetBytes")
    bytes: int = msgspec.field(name="Bytes")
    kinds: tuple[KindAnswer, ...] = msgspec.field(name="Kinds")
    entries: tuple[EntryAnswer, ...] = msgspec.field(name="Entries")
