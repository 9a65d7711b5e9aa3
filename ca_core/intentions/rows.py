"""Intentions in the store: one small JSON row each, found by their two names.

The key is ``<ns>/<destination> <ns>/<source>``; names cannot hold blanks. The names are not in the
row. CreateIndex and ModifyIndex are the row's own. Everything here is pure; what reads the whole
table says so, and ``ca_core.intentions.following`` answers the same from an index.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import msgspec

from ca_core.intentions.model import Intention, Name, Permission, Verdict, covering, precedence
from ca_core.state.protocol import Change, Row
from ca_core.state.rows import decoded, put
from ca_core.state.view import View

INTENTIONS = "intentions"
"""Table: intentions by their two names."""

INTENTION_IDS = "intention-ids"
"""Table: the key in ``INTENTIONS`` by the id of those that have one, as bytes of UTF-8."""

INTENTIONS_TOPIC = "intentions"
"""Touched by every change of an intention."""


class IntentionRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is stored of an intention beside its names; the fields are those of ``Intention``."""

    action: Verdict | None = None
    permissions: tuple[Permission, ...] = ()
    observe: bool = False
    description: str = ""
    meta: dict[str, str] = msgspec.field(default_factory=dict)
    id: str = ""
    created: datetime | None = None
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An intention of the store; ``created`` and ``version`` are Create- and ModifyIndex."""

    intention: Intention
    created: int
    version: int


def key_of(source: Name, destination: Name) -> str:
    """Return the key of this pair's row."""
    return f"{destination} {source}"


def pair_of(key: str) -> tuple[Name, Name]:
    """Return source and destination of a key."""
    destination, source = (Name(*half.split("/")) for half in key.split(" "))
    return source, destination


def intention_of(key: str, value: bytes) -> Intention:
    """Return the intention that stands at ``key`` with this value."""
    source, destination = pair_of(key)
    row = decoded(IntentionRow, value)
    return Intention(
        source=source,
        destination=destination,
        action=row.action,
        permissions=row.permissions,
        observe=row.observe,
        description=row.description,
        meta=MappingProxyType(row.meta),
        id=row.id,
        created=row.created,
        updated=row.updated,
    )


def written(intention: Intention) -> Change:
    """Return the change that writes the intention's row."""
    row = IntentionRow(
        action=intention.action,
        permissions=intention.permissions,
        observe=intention.observe,
        description=intention.description,
        meta=dict(intention.meta),
        id=intention.id,
        created=intention.created,
        updated=intention.updated,
    )
    return put(INTENTIONS, key_of(intention.source, intention.destination), row)


def stored(view: View, source: Name, destination: Name) -> Stored | None:
    """Return the intention of exactly this pair, or None."""
    key = key_of(source, destination)
    row = view.get(INTENTIONS, key)
    return None if row is None else _stored(key, row)


def stored_by_id(view: View, id: str) -> Stored | None:  # noqa: A002 - the word of the wire
    """Return the intention of this id, or None."""
    named = view.get(INTENTION_IDS, id)
    return None if named is None else stored(view, *pair_of(named.value.decode()))


def every_intention(view: View) -> Iterator[Intention]:
    """Yield every intention, in no order. Reads the whole table."""
    for key, row in view.table(INTENTIONS).items():
        yield intention_of(key, row.value)


def evaluated(view: View) -> Iterator[Stored]:
    """Yield every intention in the order of evaluation, one at a time. Reads the whole table."""
    table = view.table(INTENTIONS)
    for key in _ordered(table):
        yield _stored(key, table[key])


def all_stored(view: View) -> tuple[Stored, ...]:
    """Return every intention in the order of evaluation. Reads the whole table."""
    return tuple(evaluated(view))


def with_destination(view: View, destination: Name) -> tuple[Stored, ...]:
    """Return those whose destination covers this one, as evaluated. Reads the whole table."""
    return tuple(each for each in evaluated(view) if each.intention.destination.covers(destination))


def with_source(view: View, source: Name) -> tuple[Stored, ...]:
    """Return those whose source covers this one, as evaluated. Reads the whole table."""
    return tuple(each for each in evaluated(view) if each.intention.source.covers(source))


def changed_topics(source: Name, destination: Name) -> frozenset[str]:
    """Return the topics that a change of this pair touches."""
    return frozenset({INTENTIONS_TOPIC, destination_topic(destination), source_topic(source)})


def destination_topic(destination: Name) -> str:
    """Return the topic of exactly this destination, wildcards read as names."""
    return f"{INTENTIONS_TOPIC}/{destination}"


def source_topic(source: Name) -> str:
    """Return the topic of exactly this source, wildcards read as names."""
    return f"{INTENTIONS_TOPIC}-from/{source}"


def destination_topics(destination: Name) -> tuple[str, ...]:
    """Return the topics that every change of the list ``with_destination`` touches one of."""
    return tuple(map(destination_topic, covering(destination)))


def source_topics(source: Name) -> tuple[str, ...]:
    """Return the topics that every change of the list ``with_source`` touches one of."""
    return tuple(map(source_topic, covering(source)))


def _stored(key: str, row: Row) -> Stored:
    return Stored(intention_of(key, row.value), row.created, row.version)


def _ordered(keys: Iterable[str]) -> Iterator[str]:
    """Yield keys as their intentions are evaluated.

    A million of them are sorted in small heaps of strings: neither one long sort nor the collector
    stops the event loop meanwhile. No name holds a zero, so that strings sort as names do.
    """
    heaps: dict[str, list[str]] = {}
    for key in keys:
        source, destination = pair_of(key)
        place = "\0".join((str(_LAST - precedence(source, destination)), *source))
        heaps.setdefault(place, []).append("\0".join(destination))
    for place in sorted(heaps):
        source = Name(*place.split("\0")[1:])
        for found in sorted(heaps[place]):
            yield key_of(source, Name(*found.split("\0")))


_LAST = 9
"""The highest precedence: it comes first."""
