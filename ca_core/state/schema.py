"""The tables of the SQLite file, and how an older file becomes a newer one."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from ca_core.errors import ConfigError

APPLICATION_ID = 0x43414352
"""``CACR`` in the file's header: this SQLite file is ours."""

Migration = str
"""Statements, each ended by a semicolon, that turn one schema version into the next."""

MIGRATIONS: tuple[Migration, ...] = (
    """
    PRAGMA application_id = 0x43414352;
    CREATE TABLE meta (
        schema_version INTEGER NOT NULL, commit_index INTEGER NOT NULL, epoch TEXT NOT NULL
    );
    INSERT INTO meta VALUES (0, 1, lower(hex(randomblob(8))));
    CREATE TABLE rows (
        tab TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
        version INTEGER NOT NULL, created INTEGER NOT NULL, crc INTEGER NOT NULL,
        PRIMARY KEY (tab, key)
    ) WITHOUT ROWID;
    CREATE TABLE records (
        position INTEGER PRIMARY KEY AUTOINCREMENT, ledger TEXT NOT NULL, value BLOB NOT NULL
    );
    CREATE INDEX records_by_ledger ON records (ledger, position);
    """,
)
"""Version n is reached by the first n; published entries never change, new ones go at the end."""


def schema_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the file's schema version, 0 for an empty file.

    Raises:
        ConfigError: it is a SQLite file, but not one of ours.
    """
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if mark == APPLICATION_ID:
        (version,) = connection.execute("SELECT schema_version FROM meta").fetchone()
        return int(version)
    if mark or tables:
        raise ConfigError(
            "not a ca-core state file",
            where=str(path),
            hint="it belongs to another program: point server.data_dir somewhere else",
        )
    return 0


def require_known(version: int, path: Path, known: int) -> None:
    """Refuse a file that a newer program has written.

    Raises:
        ConfigError: its schema version is above ``known``; says both.
    """
    if version > known:
        raise ConfigError(
            f"written by a newer ca-core (schema {version}, this program knows {known})",
            where=str(path),
            hint="run that newer version again, or restore a backup made before the upgrade",
        )


def migrate(
    connection: sqlite3.Connection, version: int, migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Bring the file from ``version`` to the newest, one transaction per step."""
    for number, statements in enumerate(migrations[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements.split(";"):
            connection.execute(statement)
        connection.execute("UPDATE meta SET schema_version = ?", (number,))
        connection.execute("COMMIT")
