"""A dictionary that is never changed: what comes after it shares all but a few small parts with it.

Keys are strings and values hold nothing that the collector tracks, so that it passes over the
parts however many entries there are.
"""

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

ROWS, COLUMNS = 128, 32
"""Parts of what is kept by two names: a row holds all of one, a column all of the other.

With a million entries a part holds 244, and a copy takes microseconds; where all are of one row
it holds 31,250, and a copy takes a millisecond.
"""

PLACES = 64
"""Parts of what is kept by one name: few, so that a cache of a processor holds the empty ones."""

ValueT = TypeVar("ValueT")
Parts = tuple[dict[str, ValueT], ...]
"""Nobody changes a dictionary that is among them."""


def place(name: str) -> int:
    """Return which part holds what is kept by one name."""
    return hash(name) & PLACES - 1


def cell(row: str, column: str) -> int:
    """Return which part holds what is kept by two names."""
    return (hash(row) & ROWS - 1) * COLUMNS + (hash(column) & COLUMNS - 1)


def row_of(parts: Parts[ValueT], name: str) -> Parts[ValueT]:
    """Return the parts that hold what has this name first."""
    begin = cell(name, "") // COLUMNS * COLUMNS
    return parts[begin : begin + COLUMNS]


def column_of(parts: Parts[ValueT], name: str) -> Parts[ValueT]:
    """Return the parts that hold what has this name second."""
    return parts[cell("", name) % COLUMNS :: COLUMNS]


def values_of(parts: Parts[ValueT]) -> Iterator[ValueT]:
    """Yield everything kept."""
    for part in parts:
        yield from part.values()


class Meter:
    """How many entries some drafts have copied; so long was nobody else's turn."""

    def __init__(self) -> None:
        self.copied = 0


class PartsDraft(Generic[ValueT]):
    """The next parts while they are made; those it began with stay as they are."""

    def __init__(self, before: Parts[ValueT], meter: Meter) -> None:
        self._before = before
        self._meter = meter
        self._own: dict[int, dict[str, ValueT]] = {}

    def get(self, where: int, key: str) -> ValueT | None:
        """Return what the key has now; ``where`` is its part."""
        return self._own.get(where, self._before[where]).get(key)

    def set(self, where: int, key: str, value: ValueT | None) -> bool:
        """Keep the value under the key, with None nothing; return whether there was one."""
        had = self.get(where, key) is not None
        if value is not None:
            self._copied(where)[key] = value
        elif had:
            del self._copied(where)[key]
        return had

    def done(self) -> Parts[ValueT]:
        """Return the parts reached; the draft is at its end."""
        if not self._own:
            return self._before
        parts = list(self._before)
        for where, part in self._own.items():
            parts[where] = part
        return tuple(parts)

    def _copied(self, where: int) -> dict[str, ValueT]:
        part = self._own.get(where)
        if part is None:
            before = self._before[where]
            part = self._own[where] = before.copy() if before else _remembering_hashes()
            self._meter.copied += len(part)
        return part


def _remembering_hashes() -> dict[str, ValueT]:
    """Return an empty dictionary that keeps hashes beside its keys, and so do copies of it.

    CPython leaves them out while all keys are strings, and then reads a key's own hash to see that
    it is another: among many keys that is one miss of the processor's caches more. With this a
    look-up that finds nothing takes an eighth less.
    """
    part: dict[Any, Any] = {0: None}
    del part[0]
    return part
