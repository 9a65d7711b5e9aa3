"""What lies in a backup: a zip of rows, ledger records, and a manifest that proves they are whole.

The same for every engine. Secrets stay encrypted; the manifest names the keys that open them.
"""

from datetime import datetime

import msgspec

FORMAT = 1
"""Version of the file's layout; a newer one is refused."""

ROWS, RECORDS, MANIFEST = "rows.jsonl", "records.jsonl", "manifest.json"


class StoredRow(msgspec.Struct, frozen=True, array_like=True):
    """One line of ``rows.jsonl``; the value is base64."""

    table: str
    key: str
    value: bytes
    version: int
    created: int


class StoredRecord(msgspec.Struct, frozen=True, array_like=True):
    """One line of ``records.jsonl``; the value is base64."""

    ledger: str
    value: bytes


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says about itself.

    Attributes:
        format: version of the layout.
        made_at: when.
        epoch: the line of indexes it was taken from; a restore begins a new one.
        index: index of the newest commit in it.
        keys: ids of the key-encryption keys that its secrets need.
        rows: number of rows.
        records: number of ledger records.
        sha256: digest of each other member, hex, by name.
    """

    format: int = FORMAT
    made_at: datetime
    epoch: str
    index: int
    keys: tuple[str, ...]
    rows: int
    records: int
    sha256: dict[str, str]
