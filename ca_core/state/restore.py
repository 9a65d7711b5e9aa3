"""From a backup to a state file that a server can start from, in a new epoch."""

import hashlib
import itertools
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from ca_core.errors import ConfigError
from ca_core.state import sqlite_rows
from ca_core.state.backupfile import (
    FORMAT,
    MANIFEST,
    RECORDS,
    ROWS,
    Manifest,
    StoredRecord,
    StoredRow,
)
from ca_core.state.filelock import FileLock
from ca_core.state.memory import new_epoch
from ca_core.state.protocol import LEASES, Row, Snapshot
from ca_core.state.schema import migrate
from ca_core.state.sqlite_file import connect, ensure_folder, ensure_private_file, translated
from ca_core.state.wholefile import sync_folder

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    OverflowError,
    RuntimeError,  # NotImplementedError included: a version or compression that is none
    ValueError,
)
"""What ``zipfile`` raises for a damaged file, found by damaging every byte of one."""

Line = TypeVar("Line", StoredRow, StoredRecord)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore made.

    Attributes:
        epoch: the new line of indexes.
        index: index of the newest commit; the same as in the backup.
        keys: ids of the key-encryption keys the server will need to sign.
    """

    epoch: str
    index: int
    keys: tuple[str, ...]


def read_manifest(file: Path) -> Manifest:
    """Return what a backup says about itself.

    Raises:
        ConfigError: it is missing, damaged, or of a newer format.
    """
    with _archive(file) as archive:
        return _manifest(archive, file)


def restore(file: Path, path: Path) -> Restored:
    """Make the state file ``path`` from a backup.

    1. A state file that exists, or is in use, is never touched.
    2. Everything is read and checked into a draft beside it.
    3. The draft gets a new epoch and no leases: nobody leads a cluster that was restored.
    4. It takes its name in one step, durably.

    Raises:
        ConfigError: there is a state file already, or the backup is missing, damaged or newer.
        UnavailableError: the disk is full; nothing was made.
    """
    ensure_folder(path)
    lock = FileLock(path)
    draft = path.with_name(f"{path.name}.restoring")
    try:
        _require_free(path)  # 1
        _remove(draft)  # a restore that was killed
        with _archive(file) as archive:
            restored = _fill(draft, archive, file)  # 2, 3
        draft.replace(path)  # 4
        sync_folder(path.parent)
    finally:
        _remove(draft)
        lock.release()
    return restored


def _require_free(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        found = path.with_name(name)
        if found.exists():
            hint = f"restore into another folder, or move {path}* away (keep them)"
            raise ConfigError("exists already; it was left as it is", where=str(found), hint=hint)


def _fill(draft: Path, archive: zipfile.ZipFile, file: Path) -> Restored:
    manifest = _manifest(archive, file)
    snapshot = Snapshot(
        index=manifest.index, epoch=new_epoch(), tables=_tables(archive, manifest, file)
    )
    ensure_private_file(draft)
    with translated(draft), closing(connect(draft)) as connection:
        migrate(connection, 0)
        connection.execute("BEGIN IMMEDIATE")
        sqlite_rows.fill(connection, snapshot)
        _append(connection, _lines(archive, RECORDS, StoredRecord, manifest, file))
        connection.execute("COMMIT")
    return Restored(epoch=snapshot.epoch, index=manifest.index, keys=manifest.keys)


def _tables(archive: zipfile.ZipFile, manifest: Manifest, file: Path) -> dict[str, dict[str, Row]]:
    tables: dict[str, dict[str, Row]] = {}
    for line in _lines(archive, ROWS, StoredRow, manifest, file):
        if line.table != LEASES:
            row = Row(line.value, line.version, line.created)
            tables.setdefault(line.table, {})[line.key] = row
    return tables


def _append(connection: sqlite3.Connection, records: Iterable[StoredRecord]) -> None:
    for ledger, group in itertools.groupby(records, key=lambda record: record.ledger):
        sqlite_rows.append(connection, ledger, (record.value for record in group))


def _lines(
    archive: zipfile.ZipFile, name: str, kind: type[Line], manifest: Manifest, file: Path
) -> Iterator[Line]:
    """Yield a member's lines; the last step fails if the whole was not what was written."""
    digest = hashlib.sha256()
    try:
        with archive.open(name) as member:
            for text in member:
                digest.update(text)
                yield msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError as error:
        raise _damaged(file, f"{name} holds a broken line") from error
    except (OSError, *_BROKEN) as error:
        raise _damaged(file, f"{name}: {error}") from error
    if digest.hexdigest() != manifest.sha256.get(name):
        raise _damaged(file, f"{name} has another SHA-256 than the manifest says")


def _archive(file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except _BROKEN as error:
        raise _damaged(file, str(error)) from error
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", where=str(file)) from error


def _manifest(archive: zipfile.ZipFile, file: Path) -> Manifest:
    try:
        text = archive.read(MANIFEST)
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.MsgspecError as error:
        raise _damaged(file, f"{MANIFEST} cannot be read") from error
    except (OSError, *_BROKEN) as error:
        raise _damaged(file, f"{MANIFEST}: {error}") from error
    if manifest.format > FORMAT:
        message = f"written by a newer ca-core (format {manifest.format}, this one knows {FORMAT})"
        raise ConfigError(message, where=str(file), hint="restore it with that version")
    return manifest


def _damaged(file: Path, finding: str) -> ConfigError:
    message = f"the backup is damaged ({finding}); nothing was restored"
    return ConfigError(message, where=str(file), hint="use another backup")


def _remove(draft: Path) -> None:
    for end in ("", "-wal", "-shm"):
        draft.with_name(draft.name + end).unlink(missing_ok=True)
