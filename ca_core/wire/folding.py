"""JSON keys in any case, for bodies of Consul's API: Go's decoder takes them so.

Two spellings of one key are refused: two readers of one body must not see two requests.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from msgspec import inspect

from ca_core.errors import RequestError


def folded(value: Any, kind: type, *, loosely: bool = False) -> Any:
    """Return plain JSON data with the keys that the Struct ``kind`` knows spelled as it does.

    ``loosely`` takes keys with underscores too, as Consul does where services are registered.

    A null field is left out, as Go leaves it at its zero value; unknown keys, and the keys of free
    maps, stay as they are.

    Raises:
        RequestError: a key is there twice, in two spellings.
    """
    return _folded(value, inspect.type_info(kind), "body", loosely)


def _folded(value: Any, info: inspect.Type, place: str, loosely: bool) -> Any:  # noqa: FBT001 - handed down
    match bare(info), value:
        case inspect.StructType(cls=cls), Mapping():
            return _struct(value, _fields(cls), place, loosely)
        case ((inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item)), list()):
            return [_folded(each, item, f"{place}[{at}]", loosely) for at, each in enumerate(value)]
        case inspect.DictType(value_type=inner), Mapping() if loosely:
            return {
                key: _folded(each, inner, f"{place}.{key}", loosely) for key, each in value.items()
            }
        case _:
            return value


def bare(info: inspect.Type) -> inspect.Type:
    """Return what stands beside None in an optional type."""
    if isinstance(info, inspect.UnionType):
        return next(each for each in info.types if not isinstance(each, inspect.NoneType))
    return info


def _struct(
    value: Mapping[str, Any],
    fields: Mapping[str, tuple[str, inspect.Type]],
    place: str,
    loosely: bool,  # noqa: FBT001 - handed down
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for spelled, inner in value.items():
        plain = spelled.replace("_", "") if loosely else spelled
        name, info = fields.get(plain.casefold(), (spelled, inspect.AnyType()))
        where = name if place == "body" else f"{place}.{name}"
        if name in found:
            raise RequestError("is there twice, in two spellings", field=where)
        found[name] = _folded(inner, info, where, loosely)
    return {name: inner for name, inner in found.items() if inner is not None}


@lru_cache(maxsize=64)
def _fields(kind: type) -> Mapping[str, tuple[str, inspect.Type]]:
    """Return a Struct's keys by folded spelling, with their types."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - the caller saw a Struct
    return {field.encode_name.casefold(): (field.encode_name, field.type) for field in info.fields}
