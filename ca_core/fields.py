"""Typed values out of untyped configuration: secrets, durations, and errors that name the key.

A configuration is an ``msgspec.Struct`` class. This module turns a mapping (from TOML, JSON or the
environment) into it, refuses unknown keys with the nearest known one, and derives its JSON Schema.
"""

import difflib
import hmac
import types
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from ca_core.durations import format_duration, parse_duration
from ca_core.errors import ConfigError, RequestError

StructT = TypeVar("StructT", bound=msgspec.Struct)


class Secret:
    """Text that shows itself to nobody; ``reveal()`` is the one way to it.

    Equality is by content; ``repr``, ``str`` and ``format`` give ``<hidden>``; it cannot be
    pickled.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def _bytes(self) -> bytes:
        return self._text.encode(errors="surrogatepass")  # the environment may hold any byte

    def __repr__(self) -> str:
        return "<hidden>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(other._bytes(), self._bytes())

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    def __reduce__(self) -> Any:
        raise TypeError("a Secret is never pickled or copied")


def parse_struct(struct: type[StructT], raw: Mapping[str, Any], *, where: str = "") -> StructT:
    """Return ``raw`` as a ``struct``: strict types, durations from text, secrets from text.

    Args:
        struct: the configuration class; nested Structs are followed.
        raw: keys as in the file.
        where: dotted prefix for error messages, for example ``ca.config``.

    Raises:
        ConfigError: an unknown key (with the nearest known one), a wrong type, a missing key, a bad
            duration. ``where`` names the full dotted key.
    """
    prepared = _prepared(struct, raw, where)
    try:
        return msgspec.convert(prepared, struct, dec_hook=_decode, builtin_types=(timedelta,))
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        key = path.rstrip("`").lstrip(".")
        raise ConfigError(text, where=".".join(part for part in (where, key) if part)) from None


def _decode(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, Secret | str):
        return value if isinstance(value, Secret) else Secret(value)
    if kind is Path and isinstance(value, Path | str):
        return Path(value)
    raise TypeError(
        f"Expected text, got {type(value).__name__}"
    )  # never the value: it may be secret


def _prepared(struct: type[msgspec.Struct], raw: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return ``raw`` with durations as spans, after refusing unknown keys at every depth."""
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(struct)}
    prepared = {}
    for key, value in raw.items():
        path = f"{where}.{key}" if where else str(key)
        if key not in fields:
            raise ConfigError(f"unknown key{nearest_hint(str(key), fields)}", where=path)
        prepared[key] = _prepared_value(fields[key], value, path)
    return prepared


def _prepared_value(kind: Any, value: Any, path: str) -> Any:
    kinds = _alternatives(kind)
    if isinstance(value, str):
        return _prepared_text(kinds, value, path)
    if isinstance(value, Mapping):
        return _prepared_mapping(kinds, value, path)
    if isinstance(value, list | tuple):
        return _prepared_items(kinds, value, path)
    return value


def _prepared_text(kinds: tuple[Any, ...], value: str, path: str) -> Any:
    if timedelta in kinds:
        return _duration(value, path)
    words = [str(word) for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
    if words and value not in words and str not in kinds:
        named = ", ".join(word or '""' for word in words)
        raise ConfigError(f"{value!r} is none of: {named}", where=path)
    return value


def _prepared_mapping(kinds: tuple[Any, ...], value: Mapping[str, Any], path: str) -> Any:
    structs = [k for k in kinds if isinstance(k, type) and issubclass(k, msgspec.Struct)]
    if len(structs) == 1:  # a union of several is msgspec's business, by their tags
        return _prepared(structs[0], value, path)
    for kind in kinds:
        arguments = get_args(kind)
        if get_origin(kind) in {dict, Mapping} and len(arguments) == 2:  # noqa: PLR2004 - key, value
            return {k: _prepared_value(arguments[1], v, f"{path}.{k}") for k, v in value.items()}
    return value


def _prepared_items(kinds: tuple[Any, ...], value: Sequence[Any], path: str) -> Any:
    for kind in kinds:
        if get_origin(kind) in {list, tuple, set, frozenset}:
            inner = get_args(kind)[0]
            return [_prepared_value(inner, v, f"{path}[{n}]") for n, v in enumerate(value)]
    return value


def _duration(value: str, path: str) -> timedelta:
    try:
        return parse_duration(value, field="")
    except RequestError as error:
        raise ConfigError(str(error), where=path) from None


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """Return the types a field may hold: ``Annotated`` and unions are looked through one level."""
    if hasattr(kind, "__metadata__"):
        kind = kind.__origin__
    if isinstance(kind, types.UnionType) or get_origin(kind) is Union:
        return get_args(kind)
    return (kind,)


def json_in_clear(value: Any) -> Any:
    """Return a configuration value as JSON has it, secrets in clear: never for an answer or a log.

    Durations are in our notation; a path, or one of TOML's dates, is its text.
    """
    match value:
        case Secret():
            return value.reveal()
        case timedelta():
            return format_duration(value)
        case Mapping():
            return {str(key): json_in_clear(item) for key, item in value.items()}
        case list() | tuple():
            return [json_in_clear(item) for item in value]
        case None | str() | bool() | int() | float():
            return value
        case _:
            return str(value)


def nearest_hint(name: str, known: Any) -> str:
    """Return ``; did you mean 'x'?`` or the list of what is known, for an error message."""
    spelled = {str(each).casefold(): each for each in known}
    near = difflib.get_close_matches(name.casefold(), list(spelled), n=1, cutoff=0.6)
    if near:
        return f"; did you mean {spelled[near[0]]!r}?"
    return f"; known: {', '.join(sorted(known))}" if known else ""


def json_schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the JSON Schema of a configuration class, nested classes inlined.

    Secrets are ``{"type": "string", "writeOnly": true}``, durations ``{"format": "duration"}`` in
    our own notation; a field's description comes from ``msgspec.Meta(description=…)``.
    """
    schema, definitions = msgspec.json.schema_components(
        [struct], schema_hook=_schema_of, ref_template="{name}"
    )
    inlined = _inline(schema[0], definitions)
    assert isinstance(inlined, dict)  # noqa: S101 - a Struct's schema is an object
    return inlined


def _schema_of(kind: type) -> dict[str, Any]:
    if kind is Secret:
        return {"type": "string", "writeOnly": True}
    if kind is Path:
        return {"type": "string", "format": "path"}
    raise NotImplementedError(kind)


def _inline(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inline(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _inline(definitions[node["$ref"]], definitions) | rest
    inlined = {key: _inline(value, definitions) for key, value in node.items()}
    return _in_our_notation(inlined)


def _in_our_notation(node: dict[str, Any]) -> dict[str, Any]:
    """Write the default of a duration as an operator would: ``10s``, not ``PT10S``."""
    default = node.get("default")
    if node.get("format") != "duration" or not isinstance(default, str):
        return node
    return node | {"default": format_duration(msgspec.convert(default, timedelta))}
