"""A dictionary that is never changed: what comes after it shares all but a few small parts with it.

Keys are strings and values hold nothing that the collector tracks, so that it passes over the
parts however many entries there are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

ROWS, COLUMNS = 128, 32
"""Shards of what is kept by two names: a row holds all of one, a column all of the other.

With a million entries a shard holds 244, and a copy takes microseconds; where all are of one row
it holds 31,250, and a copy takes a millisecond.
"""

PLACES = 256
"""Shards of what is kept by one name: few, so that a cache of a processor holds the empty ones."""

ValueT = TypeVar("ValueT")
Parts = tuple[Mapping[str, ValueT], ...]


def place(name: str) -> int:
    """Return the shard of what is kept by one name."""
    return hash(name) & PLACES - 1


def cell(row: str, column: str) -> int:
    """Return the shard of what is kept by two names."""
    return (hash(row) & ROWS - 1) * COLUMNS + (hash(column) & COLUMNS - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Shards(Generic[ValueT]):
    """One immutable state.

    Attributes:
        parts: dictionaries that nobody changes, ``ROWS * COLUMNS`` or ``PLACES`` of them.
    """

    parts: Parts[ValueT]

    @classmethod
    def empty(cls, parts: int) -> "Shards[ValueT]":
        """Return so many shards with nothing in them."""
        return cls(({},) * parts)

    def __iter__(self) -> Iterator[tuple[str, ValueT]]:
        for part in self.parts:
            yield from part.items()

    def row(self, name: str) -> Parts[ValueT]:
        """Return the shards that hold what has this name first."""
        begin = cell(name, "") // COLUMNS * COLUMNS
        return self.parts[begin : begin + COLUMNS]

    def column(self, name: str) -> Parts[ValueT]:
        """Return the shards that hold what has this name second."""
        return self.parts[cell("", name) % COLUMNS :: COLUMNS]


class ShardsDraft(Generic[ValueT]):
    """The next state while it is made; the state it began with stays as it is.

    Attributes:
        copied: entries copied so far.
    """

    def __init__(self, before: Shards[ValueT]) -> None:
        self._before = before
        self.copied = 0
        self._own: dict[int, dict[str, ValueT]] = {}

    def get(self, where: int, key: str) -> ValueT | None:
        """Return what the key has now; ``where`` is its shard."""
        return self._own.get(where, self._before.parts[where]).get(key)

    def set(self, where: int, key: str, value: ValueT | None) -> bool:
        """Keep the value under the key, with None nothing; return whether there was one."""
        had = self.get(where, key) is not None
        if value is not None:
            self._copied(where)[key] = value
        elif had:
            del self._copied(where)[key]
        return had

    def done(self) -> Shards[ValueT]:
        """Return the state reached; the draft is at its end."""
        if not self._own:
            return self._before
        parts = list(self._before.parts)
        for where, part in self._own.items():
            parts[where] = part
        return Shards(tuple(parts))

    def _copied(self, where: int) -> dict[str, ValueT]:
        part = self._own.get(where)
        if part is None:
            part = self._own[where] = dict(self._before.parts[where])
            self.copied += len(part)
        return part
