"""The engine without a disk: for tests, and for ``dev`` without a data folder."""

import secrets
from collections.abc import Callable, Sequence

from immutables import Map

from ca_core.state.protocol import (
    FIRST_INDEX,
    Commit,
    LedgerRow,
    Row,
    Snapshot,
    Transaction,
)
from ca_core.state.tables import Tables, applied, require_current, require_shape

_EMPTY: Map[str, Row] = Map()


def new_epoch() -> str:
    """Return a name for a new line of indexes: 16 hex digits, random."""
    return secrets.token_hex(8)


class MemoryDisk:
    """What survives when a memory engine is closed: rows, ledgers, index and epoch."""

    def __init__(self, epoch: str | None = None) -> None:
        self.epoch = epoch or new_epoch()
        self.index = FIRST_INDEX
        self._tables: Tables = Map()
        self._ledgers: dict[str, list[bytes]] = {}

    def snapshot(self) -> Snapshot:
        """Return everything but the ledgers; costs nothing, the tables are persistent."""
        return Snapshot(index=self.index, epoch=self.epoch, tables=self._tables)

    def row(self, table: str, key: str) -> Row | None:
        """Return the row, or None."""
        return self._tables.get(table, _EMPTY).get(key)

    def commit(self, transaction: Transaction, *, step: int = 1) -> Commit:
        """Write the transaction ``step`` indexes later; raises as ``Engine.commit`` does."""
        require_shape(transaction)
        require_current(transaction, self.row)
        commit = Commit(index=self.index + step, changes=transaction.changes)
        self._tables = applied(self._tables, commit)
        self.index = commit.index
        return commit

    def append(self, ledger: str, values: Sequence[bytes]) -> None:
        """Add records at the end of the ledger."""
        self._ledgers.setdefault(ledger, []).extend(values)

    def read(self, ledger: str, *, after: int, limit: int) -> Sequence[LedgerRow]:
        """Return records whose position (1 for the first) is above ``after``."""
        values = self._ledgers.get(ledger, [])[after : after + limit]
        return [LedgerRow(after + place, value) for place, value in enumerate(values, start=1)]

    def ledgers(self) -> Sequence[str]:
        """Return the names of the ledgers, sorted."""
        return sorted(self._ledgers)


class MemoryEngine:
    """An ``Engine`` on a ``MemoryDisk``; one writer, so it delivers inside ``commit``."""

    def __init__(self, epoch: str | None = None, *, disk: MemoryDisk | None = None) -> None:
        self.disk = disk or MemoryDisk(epoch)
        self._deliver: Callable[[Commit], None] | None = None

    def reopen(self) -> "MemoryEngine":
        """Return a new engine on the same disk, as a restarted process would open it."""
        self.close()
        return MemoryEngine(disk=self.disk)

    def load(self) -> Snapshot:
        """Return everything that is stored."""
        return self.disk.snapshot()

    def commit(self, transaction: Transaction) -> int:
        """Write the transaction and deliver it; raises as ``Engine.commit`` does."""
        commit = self.disk.commit(transaction)
        if self._deliver is not None:
            self._deliver(commit)
        return commit.index

    def append(self, ledger: str, values: Sequence[bytes]) -> None:
        """Append records to a ledger, in order."""
        self.disk.append(ledger, values)

    def read(self, ledger: str, *, after: int = 0, limit: int = 1000) -> Sequence[LedgerRow]:
        """Return up to ``limit`` records with a position above ``after``, oldest first."""
        return self.disk.read(ledger, after=after, limit=limit)

    def ledgers(self) -> Sequence[str]:
        """Return the names of the ledgers that hold records, sorted."""
        return self.disk.ledgers()

    def watch(self, from_index: int, deliver: Callable[[Commit], None]) -> None:
        """Deliver every commit from now on; with one writer there is none between load and now."""
        self._deliver = deliver

    def close(self) -> None:
        """Stop delivering; the disk stays."""
        self._deliver = None
