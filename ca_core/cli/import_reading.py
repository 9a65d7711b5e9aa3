"""Files that were exported from Consul: which of its documents they hold, and what those say."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ca_core.cli.leaf_actions import content_of
from ca_core.errors import ConfigError
from ca_core.intentions.exported import KIND, Exported, exported_entry, exported_row

_TWICE = "the files have this pair before, and say something else there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What all files hold together.

    Attributes:
        rows: of intentions, in order; of each pair of names one that is not refused.
        configurations: of the CA, as Consul answers them; secrets may be in them.
    """

    rows: tuple[Exported, ...]
    configurations: tuple[Mapping[str, Any], ...] = ()

    def __repr__(self) -> str:
        return f"Export({len(self.rows)} rows, {len(self.configurations)} configurations)"


def read_exports(files: Iterable[str]) -> Export:
    """Return what the files hold; ``-`` is standard input.

    Raises:
        ConfigError: one cannot be read, or is no JSON.
    """
    return export_of(item for file in files for item in _items(_document(file)))


def export_of(items: Iterable[Any]) -> Export:
    """Return what some documents say."""
    rows: list[Exported] = []
    configurations: list[Mapping[str, Any]] = []
    for item in items:
        if _is_configuration(item):
            configurations.append(item)
        else:
            rows.extend(_rows(item))
    return Export(rows=tuple(_once(rows)), configurations=tuple(configurations))


def _items(document: Any) -> Iterator[Any]:
    if isinstance(document, list):
        yield from document
    else:
        yield document


def _is_configuration(item: Any) -> bool:
    return isinstance(item, Mapping) and "Provider" in item and "Config" in item


def _rows(item: Any) -> Iterator[Exported]:
    """Yield the intentions of one document, or why there are none in it."""
    match item:
        case {"Kind": kind} | {"kind": kind} if kind == KIND:
            yield from exported_entry(item)
        case {"Kind": kind} | {"kind": kind}:
            name = str(item.get("Name") or item.get("name") or "?")[:80]
            why = f"a config entry of kind {str(kind)[:40]!r}: those are not served here"
            yield Exported(source="?", destination=name, refusal=why)
        case {"SourceName": _} | {"DestinationName": _}:
            yield exported_row(item)
        case _:
            why = f"is no intention, no {KIND} entry and no CA configuration"
            yield Exported(source="?", destination="?", refusal=why)


def _once(rows: Iterable[Exported]) -> Iterator[Exported]:
    """Yield of the same pair the first row, and refuse those that say something else."""
    seen: dict[object, Exported] = {}
    for row in rows:
        first = row if row.intention is None else seen.setdefault(row.pair, row)
        if first is row:
            yield row
        elif first.intention != row.intention:
            yield Exported(
                source=row.source, destination=row.destination, refusal=_TWICE, pair=row.pair
            )


def _document(file: str) -> Any:
    """Return a file's value; read twice, because only one reader is strict about text."""
    raw = content_of(file)
    try:
        json.loads(raw, object_pairs_hook=_without_twice)
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        hint = "`ca-core import consul --help` says how to export some"
        raise ConfigError(f"is no JSON: {error}", where=file, hint=hint) from None


def _without_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found
