"""Rows and ledger records in SQL: reading and writing them inside somebody else's transaction.

SQLite does not notice a flipped bit inside a value; every row therefore carries a CRC-32.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from ca_core.state.protocol import Change, LedgerRow, Row, Snapshot
from ca_core.state.sqlite_file import damaged

_META = "SELECT commit_index, epoch FROM meta"
_SET_META = "UPDATE meta SET commit_index = ?, epoch = ?"
_SET_INDEX = "UPDATE meta SET commit_index = ?"
_ALL = "SELECT tab, key, value, version, created, crc FROM rows"
_ONE = "SELECT value, version, created FROM rows WHERE tab = ? AND key = ?"
_DELETE = "DELETE FROM rows WHERE tab = ? AND key = ?"
_INSERT = "INSERT INTO rows (tab, key, value, version, created, crc) VALUES (?, ?, ?, ?, ?, ?)"
_UPSERT = (
    f"{_INSERT} ON CONFLICT (tab, key) DO UPDATE"
    " SET value = excluded.value, version = excluded.version, crc = excluded.crc"
)
_APPEND = "INSERT INTO records (ledger, value) VALUES (?, ?)"
_RECORDS = (
    "SELECT position, value FROM records WHERE ledger = ? AND position > ?"
    " ORDER BY position LIMIT ?"
)
_LEDGERS = "SELECT DISTINCT ledger FROM records ORDER BY ledger"


def load(connection: sqlite3.Connection, path: Path) -> Snapshot:
    """Return everything but the ledgers.

    Raises:
        ConfigError: a row is not what was written; names the file.
    """
    index, epoch = connection.execute(_META).fetchone()
    tables: dict[str, dict[str, Row]] = {}
    for table, key, value, version, created, crc in connection.execute(_ALL):
        if crc != checksum(table, key, value):
            raise damaged(path, f"row {table}/{key} has a wrong checksum")
        tables.setdefault(table, {})[key] = Row(value, version, created)
    return Snapshot(index=index, epoch=epoch, tables=tables)


def checksum(table: str, key: str, value: bytes) -> int:
    """Return the CRC-32 of a row and of where it stands."""
    return zlib.crc32(value, zlib.crc32(f"{table}\0{key}\0".encode()))


def row(connection: sqlite3.Connection, table: str, key: str) -> Row | None:
    """Return one row, or None."""
    found = connection.execute(_ONE, (table, key)).fetchone()
    return None if found is None else Row(*found)


def write(connection: sqlite3.Connection, changes: Iterable[Change]) -> int:
    """Write the changes at the next index and return it."""
    index: int = connection.execute(_META).fetchone()[0] + 1
    for change in changes:
        place = (change.table, change.key)
        if change.value is None:
            connection.execute(_DELETE, place)
        else:
            crc = checksum(*place, change.value)
            connection.execute(_UPSERT, (*place, change.value, index, index, crc))
    connection.execute(_SET_INDEX, (index,))
    return index


def fill(connection: sqlite3.Connection, snapshot: Snapshot) -> None:
    """Write a whole snapshot, versions, index and epoch included, into an empty file."""
    connection.execute(_SET_META, (snapshot.index, snapshot.epoch))
    connection.executemany(
        _INSERT,
        (
            (name, key, row.value, row.version, row.created, checksum(name, key, row.value))
            for name, rows in snapshot.tables.items()
            for key, row in rows.items()
        ),
    )


def append(connection: sqlite3.Connection, ledger: str, values: Iterable[bytes]) -> None:
    """Add records at the end of the ledger."""
    connection.executemany(_APPEND, ((ledger, value) for value in values))


def records(
    connection: sqlite3.Connection, ledger: str, *, after: int, limit: int
) -> Sequence[LedgerRow]:
    """Return up to ``limit`` records with a position above ``after``, oldest first."""
    return [LedgerRow(*found) for found in connection.execute(_RECORDS, (ledger, after, limit))]


def ledgers(connection: sqlite3.Connection) -> Sequence[str]:
    """Return the names of the ledgers that hold records, sorted."""
    return [name for (name,) in connection.execute(_LEDGERS)]
