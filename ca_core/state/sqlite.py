"""The default engine: one SQLite file, one process, every commit synced to the disk."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ca_core.state import sqlite_rows
from ca_core.state.filelock import FileLock
from ca_core.state.protocol import Commit, LedgerRow, Row, Snapshot, Transaction
from ca_core.state.schema import MIGRATIONS, Migration, migrate
from ca_core.state.sqlite_file import (
    connect,
    connect_read_only,
    ensure_folder,
    ensure_private_file,
    examined,
    translated,
)
from ca_core.state.tables import require_current, require_shape

BOUNDARIES = (
    "open:created",
    "open:migrated",
    "commit:before",
    "commit:written",
    "commit:after",
    "append:before",
    "append:written",
    "append:after",
)
"""Moments between two effects on the disk, where a test may end the process."""

OnBoundary = Callable[[str], None]


def _ignore(boundary: str) -> None:
    """Pass a boundary."""


class SqliteEngine:
    """An ``Engine`` on one file, which it locks against other processes until ``close``.

    Constructed means opened, examined, migrated. The file is 0600; a folder made for it 0700.
    After a full disk it goes on working as soon as there is space. Thread-safe.

    Args:
        path: the file; made if it does not exist.
        on_boundary: told each of ``BOUNDARIES`` as it is passed.
        migrations: the schema's history.

    Raises:
        ConfigError: in use by another process, damaged, of a newer version, of another program, or
            with wrong permissions; names the file and the next step; nothing was changed.
        UnavailableError: the disk is full.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_boundary: OnBoundary = _ignore,
        migrations: Sequence[Migration] = MIGRATIONS,
    ) -> None:
        self._path = path
        self._boundary = on_boundary
        self._mutex = threading.Lock()
        self._deliver: Callable[[Commit], None] | None = None
        ensure_folder(path)
        self._lock = FileLock(path)
        try:
            self._connection = self._opened(migrations)
        except BaseException:
            self._lock.release()
            raise

    def load(self) -> Snapshot:
        """Return everything that is stored; raises as ``Engine.load`` does."""
        with self._mutex, translated(self._path):
            return sqlite_rows.load(self._connection, self._path)

    def commit(self, transaction: Transaction) -> int:
        """Write, sync, deliver; raises as ``Engine.commit`` does."""
        require_shape(transaction)
        with self._transaction("commit"):
            require_current(transaction, self._row)
            index = sqlite_rows.write(self._connection, transaction.changes)
        if self._deliver is not None:
            self._deliver(Commit(index=index, changes=transaction.changes))
        return index

    def append(self, ledger: str, values: Sequence[bytes]) -> None:
        """Append records durably, in order, all or none; raises as ``Engine.append`` does."""
        with self._transaction("append"):
            sqlite_rows.append(self._connection, ledger, values)

    def read(self, ledger: str, *, after: int = 0, limit: int = 1000) -> Sequence[LedgerRow]:
        """Return up to ``limit`` records with a position above ``after``, oldest first."""
        with self._mutex, translated(self._path):
            return sqlite_rows.records(self._connection, ledger, after=after, limit=limit)

    def ledgers(self) -> Sequence[str]:
        """Return the names of the ledgers that hold records, sorted."""
        with self._mutex, translated(self._path):
            return sqlite_rows.ledgers(self._connection)

    def watch(self, from_index: int, deliver: Callable[[Commit], None]) -> None:
        """Deliver every commit from now on; nobody else writes between ``load`` and now."""
        self._deliver = deliver

    def close(self) -> None:
        """Close the file and let others have it; safe to repeat."""
        with self._mutex:
            self._deliver = None
            with suppress(
                sqlite3.Error
            ):  # a full disk: the log stays beside the file, all is in it
                self._connection.close()
            self._lock.release()

    def _opened(self, migrations: Sequence[Migration]) -> sqlite3.Connection:
        ensure_private_file(self._path)
        version = examined(self._path, migrations)
        self._boundary("open:created")
        with translated(self._path):
            connection = connect(self._path)
            try:
                migrate(connection, version, migrations)
            except BaseException:
                connection.close()
                raise
        self._boundary("open:migrated")
        return connection

    @contextmanager
    def _transaction(self, name: str) -> Iterator[None]:
        with self._mutex:
            self._boundary(f"{name}:before")
            with translated(self._path):
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    self._boundary(f"{name}:written")
                    self._connection.execute("COMMIT")
                except BaseException:
                    self._roll_back()
                    raise
            self._boundary(f"{name}:after")

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # SQLite rolls back by itself when the disk is full
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    def _row(self, table: str, key: str) -> Row | None:
        return sqlite_rows.row(self._connection, table, key)


class SqliteReader:
    """One moment of a state file, read while its owner may be writing; a backup is made of it.

    Raises:
        ConfigError: there is no such file, it is damaged, or of a newer version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        examined(path)
        with translated(path):
            self._connection = connect_read_only(path)
            self._connection.execute("BEGIN")

    def load(self) -> Snapshot:
        """Return everything but the ledgers."""
        with translated(self._path):
            return sqlite_rows.load(self._connection, self._path)

    def read(self, ledger: str, *, after: int = 0, limit: int = 1000) -> Sequence[LedgerRow]:
        """Return up to ``limit`` records with a position above ``after``, oldest first."""
        with translated(self._path):
            return sqlite_rows.records(self._connection, ledger, after=after, limit=limit)

    def ledgers(self) -> Sequence[str]:
        """Return the names of the ledgers that hold records, sorted."""
        with translated(self._path):
            return sqlite_rows.ledgers(self._connection)

    def close(self) -> None:
        """End the reading."""
        self._connection.close()
