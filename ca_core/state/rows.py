"""How a room keeps its rows: one small JSON document each, from a ``msgspec.Struct`` and back."""

from typing import TypeVar

import msgspec

from ca_core.state.protocol import Change
from ca_core.state.view import View

RowT = TypeVar("RowT", bound=msgspec.Struct)


def encoded(row: msgspec.Struct) -> bytes:
    """Return the row as it is stored."""
    return msgspec.json.encode(row)


def decoded(kind: type[RowT], value: bytes) -> RowT:
    """Return the row that ``encoded`` wrote."""
    return msgspec.json.decode(value, type=kind)


def read(view: View, kind: type[RowT], table: str, key: str) -> RowT | None:
    """Return one row of a view, or None."""
    row = view.get(table, key)
    return None if row is None else decoded(kind, row.value)


def put(table: str, key: str, row: msgspec.Struct) -> Change:
    """Return the change that writes ``row``."""
    return Change(table, key, encoded(row))
