"""Everything that is stored, at one index: what readers see, without locks and without copies."""

from collections.abc import Mapping
from dataclasses import dataclass

from immutables import Map

from ca_core.state.protocol import FIRST_INDEX, TOPICS, Commit, Row, Snapshot
from ca_core.state.tables import Tables, applied, persistent

_EMPTY: Map[str, Row] = Map()


@dataclass(frozen=True, slots=True)
class View:
    """One immutable state of the store. Hold it to read several rows of one moment.

    Attributes:
        index: index of the newest commit in it.
        epoch: the line of indexes it belongs to; indexes of two epochs do not compare.
        tables: all rows by table and key.
    """

    index: int
    epoch: str
    tables: Tables

    @classmethod
    def of(cls, snapshot: Snapshot) -> "View":
        """Return the view of what an engine loaded."""
        return cls(snapshot.index, snapshot.epoch, persistent(snapshot.tables))

    def after(self, commit: Commit) -> "View":
        """Return the view once ``commit`` has happened."""
        return View(commit.index, self.epoch, applied(self.tables, commit))

    def snapshot(self) -> Snapshot:
        """Return the same rows as an engine would load them; a backup is made of it."""
        return Snapshot(index=self.index, epoch=self.epoch, tables=self.tables)

    def table(self, name: str) -> Mapping[str, Row]:
        """Return the rows of a table by key; a table nobody wrote to is empty."""
        return self.tables.get(name, _EMPTY)

    def get(self, table: str, key: str) -> Row | None:
        """Return the row, or None."""
        return self.tables.get(table, _EMPTY).get(key)

    def topic_index(self, *topics: str) -> int:
        """Return the index of the newest commit that touched one of the topics, at least 1."""
        rows = self.tables.get(TOPICS, _EMPTY)
        versions = (rows[topic].version for topic in topics if topic in rows)
        return max(versions, default=FIRST_INDEX)
