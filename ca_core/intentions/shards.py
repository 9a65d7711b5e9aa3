"""A dictionary that is never changed: what comes after it shares all but a few small parts with it.

Keys are strings and values hold nothing that the collector tracks, so that it passes over the
parts however many entries there are.
"""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

ROWS, COLUMNS = 128, 32
"""Parts of what is kept by two names: a row holds all of one, a column all of the other.

With a million entries a part holds 244, and a copy takes microseconds; where all are of one row
it holds 31,250, and a copy takes a millisecond.
"""

PLACES = 256
"""Parts of what is kept by one name: few, so that a cache of a processor holds the empty ones."""

ValueT = TypeVar("ValueT")
Parts = tuple[Mapping[str, ValueT], ...]


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
            part = self._own[where] = dict(self._before[where])
            self._meter.copied += len(part)
        return part
