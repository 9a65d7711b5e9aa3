"""Intentions as Consul exports them, read row by row; what is not served here is refused with why.

Taken are rows of ``GET /v1/connect/intentions`` (with ids or without), and config entries of kind
``service-intentions``, whose keys may be written as in answers or as in files (``LegacyID``,
``legacy_id``).

Source: Consul's published pages on the intentions API and on service-intentions entries.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ca_core.errors import RequestError
from ca_core.intentions.model import Intention, Name
from ca_core.intentions.validation import named_in, parsed_intention
from ca_core.wire.folding import folded
from ca_core.wire.intentions import IntentionRequest

KIND = "service-intentions"
"""The one kind of config entry that says who may connect."""

_OF_A_SOURCE = {
    "name": "SourceName",
    "namespace": "SourceNS",
    "partition": "SourcePartition",
    "peer": "SourcePeer",
    "samenessgroup": "SourceSamenessGroup",
    "type": "SourceType",
    "legacyid": "ID",
    "legacymeta": "Meta",
    "legacycreatetime": "CreatedAt",
    "legacyupdatetime": "UpdatedAt",
}
"""A key of one source in an entry → the key that means the same in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One row of an export.

    Attributes:
        source, destination: as they are written there, as far as that can be read.
        intention: what it says, without id and times; None if it is refused.
        refusal: why, in one sentence that names the field; '' if it is not.
        pair: its names, also of one that is refused, if there can be such callers here.
    """

    source: str
    destination: str
    intention: Intention | None = None
    refusal: str = ""
    pair: tuple[Name, Name] | None = None


def exported_row(row: Mapping[str, Any]) -> Exported:
    """Return what one row says, or why it is refused; raises nothing."""
    try:
        body = msgspec.convert(folded(row, IntentionRequest), IntentionRequest)
    except (RequestError, msgspec.ValidationError) as error:
        return _refused(row, None, str(error))
    try:
        pair = named_in(body)
    except RequestError as error:
        return _refused(row, None, _first_fault(body, error))
    try:
        intention = parsed_intention(body, *pair)
    except RequestError as error:
        return _refused(row, None if _is_from_elsewhere(body) else pair, str(error))
    return Exported(
        source=_written(row, "Source"),
        destination=_written(row, "Destination"),
        intention=intention,
        pair=pair,
    )


def exported_entry(entry: Mapping[str, Any]) -> Iterator[Exported]:
    """Yield what a config entry of kind ``service-intentions`` says, a source at a time."""
    try:
        plain = _joined_once(entry)
    except RequestError as error:
        yield _refused(_with_destination({}, _joined_keys(entry)), None, str(error))
        return
    sources = plain.get("sources")
    if not isinstance(sources, list) or not sources:
        yield _refused(_with_destination({}, plain), None, "Sources: there are none")
        return
    for source in sources:
        yield _exported_source(source, plain)


def _exported_source(source: Any, entry: Mapping[str, Any]) -> Exported:
    if not isinstance(source, Mapping):
        return _refused(_with_destination({}, entry), None, "Sources: must be objects")
    try:
        return exported_row(_with_destination(_row_of(source, entry), entry))
    except RequestError as error:
        return _refused(_with_destination({}, entry), None, str(error))


def _row_of(source: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return one source of an entry as a row; what has two names there is left for ``folded``.

    Raises:
        RequestError: a key is there twice, in two spellings.
    """
    row: dict[str, Any] = {}
    for joined, value in _joined_once(source).items():
        name = _OF_A_SOURCE.get(joined, joined)
        row[name] = _unlined(value) if name != "Meta" else value
    if not row.get("Meta") and entry.get("meta"):
        row["Meta"] = entry["meta"]
    return row | ({"JWT": entry["jwt"]} if entry.get("jwt") else {})


def _with_destination(row: dict[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    return row | {
        "DestinationName": entry.get("name", ""),
        "DestinationNS": entry.get("namespace", ""),
        "DestinationPartition": entry.get("partition", ""),
    }


def _unlined(value: Any) -> Any:
    """Return JSON data with every key as ``folded`` knows it: ``path_prefix`` is ``pathprefix``.

    Raises:
        RequestError: a key is there twice, in two spellings.
    """
    match value:
        case Mapping():
            return {key: _unlined(inner) for key, inner in _joined_once(value).items()}
        case list():
            return [_unlined(inner) for inner in value]
        case _:
            return value


def _joined_once(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with joined keys; two readers might believe different spellings.

    Raises:
        RequestError: a key is there twice, in two spellings.
    """
    plain = _joined_keys(found)
    if len(plain) < len(found):
        keys = [_joined(key) for key in found]
        twice = next(key for key in found if keys.count(_joined(key)) > 1)
        raise RequestError("is there twice, in two spellings", field=twice[:80])
    return plain


def _joined_keys(found: Mapping[str, Any]) -> dict[str, Any]:
    return {_joined(key): value for key, value in found.items()}


def _joined(key: str) -> str:
    return key.replace("_", "").casefold()


def _is_from_elsewhere(body: IntentionRequest) -> bool:
    return bool(body.source_peer or body.source_sameness_group)


def _first_fault(body: IntentionRequest, error: RequestError) -> str:
    """Return what is not served at all before what is wrong with a name because of it."""
    if body.source_peer:
        return "SourcePeer: is not supported: peers are not served"
    if body.source_sameness_group:
        return "SourceSamenessGroup: is not supported: there are none"
    return str(error)


def _refused(row: Mapping[str, Any], pair: tuple[Name, Name] | None, why: str) -> Exported:
    return Exported(
        source=_written(row, "Source"),
        destination=_written(row, "Destination"),
        refusal=why,
        pair=pair,
    )


def _written(row: Mapping[str, Any], side: str) -> str:
    """Return a side's name as people write it, whatever stands there."""
    peer = f"peer:{row[f'{side}Peer']}" if row.get(f"{side}Peer") else ""
    space = row.get(f"{side}NS") or ""
    parts = (peer, "" if space == "default" else space, row.get(f"{side}Name") or "?")
    return "/".join(str(part)[:80] for part in parts if part)
