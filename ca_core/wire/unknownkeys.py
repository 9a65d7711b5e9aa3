"""Keys that nobody knows, in bodies that people write: refused with the nearest that is known."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from msgspec import inspect

from ca_core.errors import RequestError
from ca_core.fields import nearest_hint
from ca_core.wire.folding import bare


def refuse_unknown(value: Any, kind: type) -> None:
    """Refuse plain data with a key that the Struct ``kind`` does not know, at any depth.

    The keys are those that ``folded`` gave; keys of free maps may be anything.

    Raises:
        RequestError: the first such key; ``field`` is where it stands, like ``Checks[0].Tll``.
    """
    _refuse(value, _info(kind), "")


@lru_cache(maxsize=64)
def _info(kind: type) -> inspect.Type:
    return inspect.type_info(kind)


def _refuse(value: Any, info: inspect.Type, place: str) -> None:
    match bare(info), value:
        case inspect.StructType(fields=fields), Mapping():
            known = {field.encode_name: field.type for field in fields}
            for key, inner in value.items():
                where = f"{place}.{key}" if place else key
                if key not in known:
                    raise RequestError(f"unknown key{nearest_hint(key, known)}", field=where)
                _refuse(inner, known[key], where)
        case ((inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item)), list()):
            for at, each in enumerate(value):
                _refuse(each, item, f"{place}[{at}]")
        case inspect.DictType(value_type=inner), Mapping():
            for key, each in value.items():
                _refuse(each, inner, f"{place}.{key}")
