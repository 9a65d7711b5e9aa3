"""Configuration keys as environment variables: ``CA_CORE_CA__LEAF_TTL=24h`` is ``ca.leaf_ttl``.

``CA_CORE_`` and the key in upper case, ``__`` between the parts. Lists are written with commas or
as JSON, tables as JSON. Below ``ca.config``, whose types only the provider knows, text that is
a JSON number, boolean, list or object is read as that, and anything else stays text.
"""

import difflib
import json
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_origin

import msgspec

from ca_core.config.described import meaning_of
from ca_core.config.model import Config
from ca_core.errors import ConfigError
from ca_core.fields import nearest_hint

PREFIX = "CA_CORE_"

NOT_KEYS = frozenset({"HTTP_ADDR", "HTTP_TOKEN", "CACERT", "KEK", "TRACE_PLUGINS"})
"""Variables with our prefix that other parts of the program read."""

_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def environment_values(environ: Mapping[str, str]) -> Iterator[tuple[str, str, Any]]:
    """Yield (variable, dotted key, value) for every configuration key in ``environ``, sorted.

    Raises:
        ConfigError: a variable that looks like a key and is none (with the nearest known), or text
            that cannot be the key's type. No value is ever shown.
    """
    for variable in sorted(environ):
        name = variable.removeprefix(PREFIX)
        if name == variable or name in NOT_KEYS:
            continue
        path = _path(variable)
        if len(path) == 1 and not _is_meant_for_us(variable):
            continue
        kind = _kind_of(path, variable)
        yield variable, ".".join(path), _value(environ[variable], kind, variable)


def _path(variable: str) -> tuple[str, ...]:
    return tuple(variable.removeprefix(PREFIX).lower().split("__"))


def _is_meant_for_us(variable: str) -> bool:
    """Say whether a name without ``__`` is a key; refuse one that is close to a name of ours."""
    keys = {PREFIX + field.upper() for field in _fields(Config)}
    near = difflib.get_close_matches(
        variable, keys | {PREFIX + name for name in NOT_KEYS}, n=1, cutoff=0.88
    )
    if near and variable not in keys:
        raise ConfigError(f"unknown variable; did you mean {near[0]}?", where=variable)
    return variable in keys


def _kind_of(path: tuple[str, ...], variable: str) -> Any:
    """Return the type of the key at ``path``; Any below the provider's own table."""
    kind: Any = Config
    for part in path:
        if not _is_struct(kind):
            return _inner_kind(kind)
        fields = _fields(kind)
        if part not in fields:
            raise ConfigError(_unknown(part, fields), where=variable)
        kind = fields[part]
    return kind


def _inner_kind(kind: Any) -> Any:
    """Return the type of a table's values; only tables may be descended into."""
    return kind.__args__[1] if get_origin(kind) is dict else Any


def _unknown(part: str, fields: Iterable[str]) -> str:
    return f"unknown key {part!r}{nearest_hint(part, fields)}"


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _fields(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: _plain(field.type) for field in msgspec.structs.fields(struct)}


def _plain(kind: Any) -> Any:
    return kind.__origin__ if hasattr(kind, "__metadata__") else kind


def _value(text: str, kind: Any, variable: str) -> Any:
    """Return ``text`` as what TOML would have given for a key of this type."""
    if kind is Any:
        return _literal(text)
    if _is_struct(kind):
        example = f"{variable}__{next(iter(_fields(kind))).upper()}"
        raise ConfigError(f"this is a section; set its keys, like {example}", where=variable)
    if get_origin(kind) is dict:
        return _json_table(text, variable)
    if _is_list(kind):
        return _list(text, variable)
    if kind in {bool, int, float}:
        return _scalar(text, kind, variable)
    return text


def _literal(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if value is None else value


def _is_list(kind: Any) -> bool:
    kinds = kind.__args__ if isinstance(kind, types.UnionType) else (kind,)
    return any(get_origin(one) is tuple for one in kinds)


def _list(text: str, variable: str) -> list[Any]:
    if not text.lstrip().startswith("["):
        return [_item(part.strip()) for part in text.split(",") if part.strip()]
    value = _parsed_json(text, variable)
    assert isinstance(value, list)  # noqa: S101 - JSON that begins with a bracket
    return value


def _item(text: str) -> Any:
    return int(text) if text.isascii() and text.isdigit() else text


def _json_table(text: str, variable: str) -> dict[str, Any]:
    value = _parsed_json(text, variable)
    if not isinstance(value, dict):
        raise ConfigError('this is a table; write JSON like {"key": "value"}', where=variable)
    return value


def _parsed_json(text: str, variable: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ConfigError("not valid JSON", where=variable) from None


def _scalar(text: str, kind: type, variable: str) -> Any:
    try:
        return _WORDS[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}[kind]
        hint = meaning_of(".".join(_path(variable)))
        raise ConfigError(f"must be {wanted}", where=variable, hint=hint) from None
