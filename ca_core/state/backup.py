"""A whole cluster in one file, taken while it runs; ``restore`` is the way back."""

import errno
import hashlib
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from ca_core.errors import ConfigError, UnavailableError
from ca_core.state.backupfile import (
    MANIFEST,
    RECORDS,
    ROWS,
    Manifest,
    StoredRecord,
    StoredRow,
)
from ca_core.state.protocol import LedgerRow, Snapshot
from ca_core.state.restore import Restored, read_manifest, restore
from ca_core.state.secrets import needed_keys
from ca_core.state.sqlite import SqliteReader
from ca_core.state.view import View
from ca_core.state.wholefile import replace_whole

__all__ = [
    "Readable",
    "Restored",
    "backup",
    "read_manifest",
    "records_of",
    "restore",
    "write_backup",
]

_PAGE = 1000
"""Ledger records read at a time, so that commits go on in between."""

Ledgers = Iterable[tuple[str, Iterable[LedgerRow]]]
"""Every ledger's name and records, oldest first."""


class Readable(Protocol):
    """What has ledgers: every engine, a ``Store``, a reader of a file."""

    def read(self, ledger: str, *, after: int = 0, limit: int = 1000) -> Sequence[LedgerRow]:
        """Return up to ``limit`` records with a position above ``after``, oldest first."""
        ...

    def ledgers(self) -> Sequence[str]:
        """Return the names of the ledgers that hold records, sorted."""
        ...


def backup(source: Path, file: Path, *, now: datetime) -> Manifest:
    """Write one consistent moment of a SQLite state file, also while a server works on it.

    Raises:
        ConfigError: there is no sound state file, or ``file`` exists or cannot be written.
        UnavailableError: the disk is full.
    """
    with closing(SqliteReader(source)) as reader:
        return write_backup(reader.load(), records_of(reader), file, now=now)


def records_of(source: Readable) -> Ledgers:
    """Return every ledger of an engine or a store, read page by page."""
    return ((name, _pages(source, name)) for name in source.ledgers())


def write_backup(snapshot: Snapshot, ledgers: Ledgers, file: Path, *, now: datetime) -> Manifest:
    """Write a backup (0600) from any engine's rows and ledgers; it appears whole or not at all.

    Raises:
        ConfigError: ``file`` exists or cannot be written.
        UnavailableError: the disk is full.
    """
    if file.exists():
        hint = "choose another name, or move the old backup away"
        raise ConfigError("exists already", where=str(file), hint=hint)
    draft = _Draft(snapshot, ledgers, now)
    try:
        replace_whole(file, draft.write)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise UnavailableError(f"{file}: the disk is full, no backup was made") from error
        raise ConfigError(f"cannot be written ({error.strerror})", where=str(file)) from error
    return draft.manifest


class _Draft:
    """One backup being written; ``manifest`` is there once ``write`` has returned."""

    manifest: Manifest

    def __init__(self, snapshot: Snapshot, ledgers: Ledgers, now: datetime) -> None:
        self._snapshot = snapshot
        self._ledgers = ledgers
        self._now = now

    def write(self, file: BinaryIO) -> None:
        """Write members, then the manifest that knows their digests."""
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            rows, rows_digest = _write_lines(archive, ROWS, _stored_rows(self._snapshot))
            records, records_digest = _write_lines(archive, RECORDS, _stored(self._ledgers))
            self.manifest = Manifest(
                made_at=self._now,
                epoch=self._snapshot.epoch,
                index=self._snapshot.index,
                keys=needed_keys(View.of(self._snapshot)),
                rows=rows,
                records=records,
                sha256={ROWS: rows_digest, RECORDS: records_digest},
            )
            archive.writestr(MANIFEST, msgspec.json.encode(self.manifest))


def _write_lines(
    archive: zipfile.ZipFile, name: str, lines: Iterable[msgspec.Struct]
) -> tuple[int, str]:
    digest, count = hashlib.sha256(), 0
    with archive.open(name, "w", force_zip64=True) as member:
        for line in lines:
            text = msgspec.json.encode(line) + b"\n"
            digest.update(text)
            member.write(text)
            count += 1
    return count, digest.hexdigest()


def _stored_rows(snapshot: Snapshot) -> Iterator[StoredRow]:
    for table in sorted(snapshot.tables):
        for key, row in sorted(snapshot.tables[table].items()):
            yield StoredRow(table, key, row.value, row.version, row.created)


def _stored(ledgers: Ledgers) -> Iterator[StoredRecord]:
    return (StoredRecord(name, record.value) for name, records in ledgers for record in records)


def _pages(source: Readable, ledger: str) -> Iterator[LedgerRow]:
    after = 0
    while page := source.read(ledger, after=after, limit=_PAGE):
        yield from page
        after = page[-1].position
