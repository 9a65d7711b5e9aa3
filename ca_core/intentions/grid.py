"""A persistent table of intentions by their two names: a change copies one small part of it.

Rows by destination, columns by source; what is in a cell is one dictionary. Keys are strings and
values hold strings and bytes, so that the collector has only the cells to look at, and not even
those as long as it leaves dictionaries of such values alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ca_core.intentions.decision import Compiled
from ca_core.intentions.model import ANY, WILDCARD, Name, precedence

ROWS = 128
COLUMNS = 32
"""With a million intentions a cell holds 244 and a copy takes microseconds; where all are of one
destination it holds 31,250 and a copy takes a millisecond."""

Cell = dict[str, Compiled]
Row = tuple[Cell, ...]

_ROW = ROWS - 1
_COLUMN = COLUMNS - 1
_NOTHING: Cell = {}

_TO_SERVICE = 1 << 8 | 1 << 7
_TO_NAMESPACE = 1 << 6 | 1 << 5 | 1 << 4
_TO_ALL = 1 << 3 | 1 << 2 | 1 << 1


def covering(name: Name) -> tuple[Name, ...]:
    """Return every name that covers this one, the most exact first."""
    return tuple(dict.fromkeys((name, Name(name.namespace, WILDCARD), ANY)))


def key_of(source: Name, destination: Name) -> str:
    """Return what the pair is kept under: two slashes and one blank, if the names hold none."""
    return f"{destination} {source}"


def place_of(source: Name, destination: Name) -> tuple[int, int]:
    """Return the row and the column that the pair is in."""
    return hash(destination.name) & _ROW, hash(source.name) & _COLUMN


@dataclass(frozen=True, slots=True)
class Grid:
    """One immutable state of the table.

    Attributes:
        rows: cells by destination, then by source; nobody changes a cell that is in a grid.
        counts: how many intentions there are of each precedence, 0 to 9.
        levels: bit n is set if there are any of precedence n.
    """

    rows: tuple[Row, ...] = ((_NOTHING,) * COLUMNS,) * ROWS
    counts: tuple[int, ...] = (0,) * 10
    levels: int = 0

    def __len__(self) -> int:
        return sum(self.counts)

    def __iter__(self) -> Iterator[Compiled]:
        for row in self.rows:
            for cell in row:
                yield from cell.values()

    def get(self, source: Name, destination: Name) -> Compiled | None:
        """Return what is kept for exactly this pair."""
        row, column = place_of(source, destination)
        return self.rows[row][column].get(key_of(source, destination))

    def to_destination(self, destination: Name) -> Iterator[Compiled]:
        """Yield what is kept for exactly this destination, in no order; reads one row."""
        begins = f"{destination} "
        for cell in self.rows[hash(destination.name) & _ROW]:
            yield from (one for key, one in cell.items() if key.startswith(begins))

    def from_source(self, source: Name) -> Iterator[Compiled]:
        """Yield what is kept for exactly this source, in no order; reads one column."""
        ends, column = f" {source}", hash(source.name) & _COLUMN
        for row in self.rows:
            yield from (one for key, one in row[column].items() if key.endswith(ends))

    def find(self, source: Name, destination: Name) -> Compiled | None:
        """Return the one of highest precedence that matches; at most nine look-ups."""
        space, name = source
        to_space, to_name = destination
        row = self.rows[hash(to_name) & _ROW]
        cell = row[hash(name) & _COLUMN]
        found = cell.get(f"{to_space}/{to_name} {space}/{name}")
        if found is not None:
            return found
        levels = self.levels
        if levels & _TO_SERVICE:
            found = _to_service(row, f"{to_space}/{to_name}", space, levels)
        if found is None and levels & _TO_NAMESPACE:
            found = self._below(f"{to_space}/*", source, levels >> 3)
        if found is None and levels & _TO_ALL:
            found = self._below("*/*", source, levels)
        return found

    def _below(self, destination: str, source: Name, levels: int) -> Compiled | None:
        """Look for a wildcard destination; bits 3, 2 and 1 of ``levels`` are its sources."""
        space, name = source
        row = self.rows[_WILD_ROW]
        wild = row[_WILD_COLUMN]
        return (
            (row[hash(name) & _COLUMN].get(f"{destination} {space}/{name}") if levels & 8 else None)
            or (wild.get(f"{destination} {space}/*") if levels & 4 else None)
            or (wild.get(f"{destination} */*") if levels & 2 else None)
        )


EMPTY = Grid()
"""The grid that holds nothing."""

_WILD_ROW, _WILD_COLUMN = place_of(ANY, ANY)


def _to_service(row: Row, destination: str, space: str, levels: int) -> Compiled | None:
    wild = row[_WILD_COLUMN]
    return (wild.get(f"{destination} {space}/*") if levels & 1 << 8 else None) or (
        wild.get(f"{destination} */*") if levels & 1 << 7 else None
    )


class Draft:
    """The next state of a grid while it is made; the grid it began with stays as it is."""

    def __init__(self, grid: Grid) -> None:
        self._before = grid
        self._rows: dict[int, list[Cell]] = {}
        self._own: set[tuple[int, int]] = set()
        self._counts = list(grid.counts)

    def put(self, source: Name, destination: Name, entry: Compiled) -> None:
        """Keep it, in place of what the pair had.

        Raises:
            ValueError: a name holds a blank or a slash, or is no name.
        """
        key = key_of(source, destination)
        if key.count("/") != 2 or key.count(" ") != 1:  # noqa: PLR2004 - one in each name
            raise ValueError(f"{key!r}: names hold neither blanks nor slashes")
        cell = self._cell(*place_of(source, destination))
        if key not in cell:
            self._counts[precedence(source, destination)] += 1
        cell[key] = entry

    def drop(self, source: Name, destination: Name) -> None:
        """Keep nothing for the pair."""
        row, column = place_of(source, destination)
        key = key_of(source, destination)
        if key in self._seen(row, column):
            del self._cell(row, column)[key]
            self._counts[precedence(source, destination)] -= 1

    def done(self) -> Grid:
        """Return the state reached; the draft is at its end."""
        if not self._own:
            return self._before
        rows = list(self._before.rows)
        for number, row in self._rows.items():
            rows[number] = tuple(row)
        levels = sum(1 << level for level, count in enumerate(self._counts) if count)
        return Grid(tuple(rows), tuple(self._counts), levels)

    def _seen(self, row: int, column: int) -> Cell:
        return (self._rows.get(row) or self._before.rows[row])[column]

    def _cell(self, row: int, column: int) -> Cell:
        """Return the cell, ours to change."""
        cells = self._rows.setdefault(row, list(self._before.rows[row]))
        if (row, column) not in self._own:
            self._own.add((row, column))
            cells[column] = cells[column].copy()
        return cells[column]
