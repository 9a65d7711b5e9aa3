"""The tables of ``docs/operations.md``: configuration, exit codes, answers for programs."""

from collections.abc import Iterator
from datetime import timedelta
from inspect import getdoc
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from ca_core.cli import exitcodes
from ca_core.cli.answers import ANSWERS
from ca_core.cli.jsonanswer import JsonAnswer
from ca_core.config.model import Config
from ca_core.durations import format_duration
from docs.tables import as_line, table


def configuration() -> str:
    """Return a table of every key of the file, with its default."""
    return table(("key", "default", "meaning"), _keys(Config, ""))


def keys_below(section: str) -> Iterator[tuple[str, ...]]:
    """Return key, default and meaning of every key of one section of the file."""
    return (row for row in _keys(Config, "") if row[0].startswith(f"`{section}."))


def exit_codes() -> str:
    """Return the table of exit codes that stands in the code."""
    lines = [line for line in (getdoc(exitcodes) or "").splitlines() if line]
    rules = [number for number, line in enumerate(lines) if line.startswith("==")]
    rows = (line.split(maxsplit=1) for line in lines[rules[1] + 1 : rules[2]])
    return table(("code", "meaning"), ((f"`{code}`", as_line(text)) for code, text in rows))


def json_answers() -> str:
    """Return a table of what every command prints with ``--output json``."""
    rows = (
        (
            f"`ca-core {name}`",
            answer.shape,
            _keys_of(answer),
            answer.note,
        )
        for name, answer in sorted(ANSWERS.items())
    )
    return table(("command", "shape", "keys", "note"), rows)


def _keys_of(answer: JsonAnswer) -> str:
    if answer.like:
        return f"those of `ca-core {answer.like}`"
    return ", ".join(f"`{key}`" for key in answer.keys)


def _keys(struct: type[msgspec.Struct], prefix: str) -> Iterator[tuple[str, ...]]:
    hints = get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _keys(field.type, f"{prefix}{field.name}.")
        else:
            meaning = _meaning(hints[field.name])
            yield f"`{prefix}{field.encode_name}`", _default(field.default), meaning


def _meaning(hint: Any) -> str:
    found = next((m for m in getattr(hint, "__metadata__", ()) if m.description), None)
    return "" if found is None else as_line(found.description)


def _default(value: Any) -> str:
    match value:
        case timedelta():
            return f"`{format_duration(value)}`"
        case bool():
            return f"`{str(value).lower()}`"
        case Path() | str() | int() | float():
            return f"`{value}`"
        case tuple() if value:
            return ", ".join(f"`{item}`" for item in value)
        case _:
            return ""
