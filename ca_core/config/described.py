"""What a key of the configuration is for, in a line for whoever wrote something else there."""

import json
from typing import Any

import msgspec
from msgspec.inspect import Metadata, StructType, type_info

from ca_core.config.model import Config


def meaning_of(key: str) -> str:
    """Return the description of a dotted key, with its default as an example; '' if it has none."""
    found = _field(key)
    if found is None or not isinstance(found.type, Metadata):
        return ""
    meaning = str((found.type.extra_json_schema or {}).get("description", ""))
    example = _as_toml(found.default)
    return f"write for example {found.encode_name} = {example}. {meaning}" if example else meaning


def _field(key: str) -> msgspec.inspect.Field | None:
    """Return the field of a key, or the one of the table that it is in."""
    info, found = type_info(Config), None
    for part in key.split("."):
        if not isinstance(info, StructType):
            break
        found = next((each for each in info.fields if each.encode_name == part), None)
        if found is None:
            return None
        info = found.type
    return found


def _as_toml(value: Any) -> str:
    """Return a default as the file would have it; '' where it says nothing, or is no plain value.

    Spans have their example elsewhere: every text that is none is refused with one.
    """
    listed = list(value) if isinstance(value, tuple) else value
    if not isinstance(listed, bool | int | float | str | list):
        return ""
    return json.dumps(listed) if listed or listed is False else ""
