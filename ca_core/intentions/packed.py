"""An intention as bytes: a tenth of its objects, and nothing that a collector has to look at."""

from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from ca_core.intentions.model import Intention, Name, Permission, Verdict


class _Row(NamedTuple):
    """What is packed; the names of a NamedTuple are not."""

    source: Name
    destination: Name
    action: Verdict | None
    permissions: tuple[Permission, ...]
    observe: bool
    description: str
    meta: dict[str, str]
    id: str
    created: datetime | None
    updated: datetime | None


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Row)


def packed(intention: Intention) -> bytes:
    """Return its precedence in one byte, then MessagePack; for this process's memory alone."""
    row = (  # as _Row says
        intention.source,
        intention.destination,
        intention.action,
        intention.permissions,
        intention.observe,
        intention.description,
        dict(intention.meta),
        intention.id,
        intention.created,
        intention.updated,
    )
    return bytes((intention.precedence,)) + _ENCODER.encode(row)


def unpacked(octets: bytes) -> Intention:
    """Return what was packed, as a value of its own."""
    row = _DECODER.decode(memoryview(octets)[1:])
    return Intention(
        source=row.source,
        destination=row.destination,
        action=row.action,
        permissions=row.permissions,
        observe=row.observe,
        description=row.description,
        meta=MappingProxyType(row.meta),
        id=row.id,
        created=row.created,
        updated=row.updated,
    )
