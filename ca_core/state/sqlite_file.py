"""Opening the SQLite file: its permissions, its health, and what SQLite's errors mean to us.

A file that is refused is left as it is: it is examined through a read-only connection, which never
folds the write-ahead log into a file that may be damaged.
"""

import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from ca_core.errors import ConfigError, Error, OutcomeUnknownError, UnavailableError
from ca_core.state.schema import MIGRATIONS, Migration, require_known, schema_version

BUSY_SECONDS = 5.0
"""How long to wait for a backup that reads the same file."""

_UNSYNCED = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_REFUSED = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY})


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors inside the block into ours; nothing else knows its codes."""
    try:
        yield
    except sqlite3.Error as error:
        raise _meaning(error, path) from error


def _meaning(error: sqlite3.Error, path: Path) -> Error:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE)
    primary = code & 0xFF  # the low byte is the kind, the rest says where
    if primary in _DAMAGED:
        return damaged(path, str(error))
    if primary in _REFUSED:
        hint = f"check the permissions of {path.parent} and of the files in it"
        return ConfigError(f"cannot be opened or written ({error})", where=str(path), hint=hint)
    if code in _UNSYNCED:
        return OutcomeUnknownError(f"{path}: the disk did not confirm the write ({error})")
    if primary == sqlite3.SQLITE_FULL:
        hint = f"free some space on the disk of {path.parent}; nothing needs a restart"
        return UnavailableError(f"{path}: the disk is full, nothing was written", hint=hint)
    hint = f"check the space on the disk of {path.parent}, and its health"
    return UnavailableError(f"{path}: {error}; nothing was written", hint=hint)


def damaged(path: Path, finding: str) -> ConfigError:
    """Return the error for a file whose content is not what was written."""
    message = f"the state file is damaged ({' '.join(finding.split())}); it was left as it is"
    hint = f"move {path}* into another folder (keep them), then `ca-core restore` the newest backup"
    return ConfigError(message, where=str(path), hint=hint)


def ensure_folder(path: Path) -> None:
    """Make the folder of the file (0700) if it does not exist.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot be made ({error.strerror})", where=str(path.parent)) from error


def ensure_private_file(path: Path) -> None:
    """Make the file (0600) if it does not exist; SQLite gives its mode to the log files beside it.

    Raises:
        ConfigError: it cannot be made, or others than its owner may touch it.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"cannot be opened ({error.strerror})", where=str(path)) from error
    try:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)
    if mode & 0o077:
        raise ConfigError(
            f"other users may touch it (mode {mode:04o})", where=str(path), hint=f"chmod 600 {path}"
        )


def examined(path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Return the schema version of a file that is sound, changing nothing.

    Raises:
        ConfigError: it is damaged, of another program, or of a newer version.
    """
    with translated(path), closing(connect_read_only(path)) as connection:
        version = schema_version(connection, path)
        require_known(version, path, known=len(migrations))
        (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if finding != "ok":
        raise damaged(path, finding)
    return version


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection that writes: explicit transactions, write-ahead log, synced commits."""
    connection = _connected(f"{path.absolute().as_uri()}?mode=rw")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Return a connection that cannot write, also beside one that does."""
    return _connected(f"{path.absolute().as_uri()}?mode=ro")


def _connected(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection
