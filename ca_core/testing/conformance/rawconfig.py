"""The author's raw configuration: copies of it, and the secrets that its schema marks."""

from collections.abc import Iterator, Mapping
from typing import Any

_ALTERNATIVES = ("anyOf", "oneOf", "allOf")


def copied(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy that shares no mapping and no list with ``raw``; values stay themselves."""
    return {key: _copy(value) for key, value in raw.items()}


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return copied(value)
    if isinstance(value, list | tuple):
        return [_copy(item) for item in value]
    return value


def secrets_of(schema: Mapping[str, Any] | None, raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Return every text in ``raw`` that ``schema`` marks ``writeOnly``, at any depth."""
    return tuple(_marked(schema or {}, raw))


def _marked(node: Mapping[str, Any], value: object) -> Iterator[str]:
    if node.get("writeOnly"):
        yield from _texts(value)
    for name in _ALTERNATIVES:
        for alternative in node.get(name, ()):
            yield from _marked(alternative, value)
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _marked(node.get("properties", {}).get(key, {}), inner)
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _marked(node.get("items", {}), inner)


def _texts(value: object) -> Iterator[str]:
    """Yield the texts in ``value``; an empty one hides nothing."""
    if isinstance(value, str) and value:
        yield value
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
