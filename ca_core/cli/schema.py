"""A JSON Schema of a configuration as a table: key, type, default, meaning."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

Row = tuple[str, str, str, str]


def option_rows(schema: Mapping[str, Any], *, prefix: str = "") -> list[Row]:
    """Return one row per key of an object's schema, nested tables with dotted keys.

    A key that must be given says ``required`` in place of a default; a secret's type is ``secret``.
    """
    required = set(schema.get("required", ()))
    rows: list[Row] = []
    for key, node in schema.get("properties", {}).items():
        rows.extend(_rows_of(f"{prefix}{key}", node, required=key in required))
    return rows


def without_keys(schema: Mapping[str, Any] | None) -> str:
    """Return what to say of a schema without rows; None is a provider that describes nothing."""
    return "Its author does not say which keys it has." if schema is None else "It has no keys."


def _rows_of(key: str, node: Mapping[str, Any], *, required: bool) -> Iterator[Row]:
    inner = next((branch for branch in _branches(node) if branch.get("properties")), None)
    yield key, _kind(node), _default(node, required=required), _meaning(node)
    if inner is not None:
        yield from option_rows(inner, prefix=f"{key}.")


def _branches(node: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    return (node, *node.get("anyOf", ()))


def _meaning(node: Mapping[str, Any]) -> str:
    """Return the description, which of an optional key may stand in one of its branches."""
    found = (str(branch["description"]) for branch in _branches(node) if "description" in branch)
    return next(found, "")


def _kind(node: Mapping[str, Any]) -> str:
    """Return the words for what may be written, null aside."""
    branches = node.get("anyOf") or (node,)
    names = dict.fromkeys(_one_kind(branch) for branch in branches)
    return " or ".join(name for name in names if name != "null")


def _one_kind(node: Mapping[str, Any]) -> str:
    if node.get("writeOnly"):
        return "secret"
    if "enum" in node:
        return " | ".join(str(choice) for choice in node["enum"] if choice is not None)
    if "format" in node:
        return str(node["format"])
    return {"object": "table", "array": "list", "string": "text", "boolean": "true | false"}.get(
        str(node.get("type", "any")), str(node.get("type", "any"))
    )


def _default(node: Mapping[str, Any], *, required: bool) -> str:
    if required:
        return "required"
    default = node.get("default")
    if default is None or default in ("", [], {}):
        return ""
    return default if isinstance(default, str) else json.dumps(default)
