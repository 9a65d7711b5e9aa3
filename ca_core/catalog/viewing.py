"""Views made of the catalog: their values, their indexes, and what wakes those who wait for them.

The index of a view is that of the newest commit that changed its value: it moves if and only if
the value does, it is the same on every server and after a restart, and it never runs backwards,
also not when the last instance has left (the topic remembers).
"""

from collections import OrderedDict
from dataclasses import dataclass
from types import EllipsisType
from typing import assert_never

import msgspec

from ca_core.catalog.encoding import EncodedInstances
from ca_core.catalog.index import Catalog, Keys
from ca_core.catalog.rows import (
    CHECKS_TOPIC,
    NODES_TOPIC,
    SERVICES_TOPIC,
    connect_topic,
    host_topic,
    node_topic,
    parts_of,
    service_topic,
)
from ca_core.catalog.showing import instances_of, value_of
from ca_core.catalog.views import ViewKey, ViewKind, ViewValue
from ca_core.errors import ProviderError, RequestError
from ca_core.wire.catalog import (
    Check,
    Instance,
    Node,
    NodeServices,
)

MOST_KEPT = 10_000
"""Views that are remembered; the one that was asked for longest ago goes first. All that exist are
a few times the catalog, and no more than this are of names that do not."""

LONGEST_NAME = 256
"""Characters of a name in a key; no service and no node has a longer one."""

_NAMED = frozenset({ViewKind.CONNECT, ViewKind.SERVICE, ViewKind.NODE})

_KINDS = {
    ViewKind.CONNECT: tuple[Instance, ...],
    ViewKind.SERVICE: tuple[Instance, ...],
    ViewKind.SERVICES: dict[str, tuple[str, ...]],
    ViewKind.NODES: tuple[Node, ...],
    ViewKind.NODE: NodeServices | None,
    ViewKind.CHECKS: tuple[Check, ...],
}

_decoders = {kind: msgspec.json.Decoder(shape) for kind, shape in _KINDS.items()}
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Looked:
    """What changes when a view does.

    Attributes:
        index: at least 1; another one means another value.
        topics: whoever waits on these is woken by every change of the value, and seldom else.
    """

    index: int
    topics: tuple[str, ...]


@dataclass(slots=True)
class _Kept:
    """A view as it was made last.

    Attributes:
        moved: index of the newest commit that touched one of its topics.
        keys: its instances.
    """

    looked: Looked
    moved: int
    keys: Keys
    encoded: bytes | None = None
    value: ViewValue | EllipsisType = ...


class Viewing:
    """Remembers views, so that a thousand agents that follow one cost one. One event loop only.

    Args:
        most: views that are remembered.
    """

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._instances = EncodedInstances()
        self._kept: OrderedDict[ViewKey, _Kept] = OrderedDict()

    def look(self, catalog: Catalog, key: ViewKey) -> Looked:
        """Return the index of a view, and what wakes those who wait for another one."""
        return self._current(catalog, key).looked

    def value(self, catalog: Catalog, key: ViewKey) -> ViewValue:
        """Return all of a view; not to be changed."""
        kept = self._current(catalog, key)
        if kept.value is ...:
            kept.value = decoded_view(key, self.encoded(catalog, key))
        return kept.value

    def encoded(self, catalog: Catalog, key: ViewKey) -> bytes:
        """Return a view as agents receive it: JSON."""
        kept = self._current(catalog, key)
        if kept.encoded is None:
            keys = instances_of(catalog, key)
            made = self._instances.of(catalog, keys) if keys else None
            kept.encoded = made or _encoder.encode(value_of(catalog, key))
        return kept.encoded

    def _current(self, catalog: Catalog, key: ViewKey) -> _Kept:
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = _looked_at(catalog, key)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        elif catalog.view.topic_index(*kept.looked.topics) != kept.moved:
            kept = self._kept[key] = _looked_again(kept, catalog, key)
        self._kept.move_to_end(key)
        return kept


def _looked_at(catalog: Catalog, key: ViewKey, topics: tuple[str, ...] = ()) -> _Kept:
    """Return the view as it is now.

    Args:
        catalog: the newest.
        key: which view.
        topics: those of the view, if they are known.
    """
    topics = topics or topics_of(catalog, key)
    looked = Looked(index_of(catalog, key), topics)
    return _Kept(looked, catalog.view.topic_index(*topics), instances_of(catalog, key))


def _looked_again(before: _Kept, catalog: Catalog, key: ViewKey) -> _Kept:
    """Return the view as it is now; what was made of it is kept if a neighbour alone changed."""
    same = instances_of(catalog, key) is before.keys
    after = _looked_at(catalog, key, before.looked.topics if same else ())
    if after.looked.index == before.looked.index:
        after.encoded, after.value = before.encoded, before.value
    return after


def index_of(catalog: Catalog, key: ViewKey) -> int:
    """Return the index of the newest commit that changed the view, at least 1."""
    index = catalog.view.topic_index(own_topic(key))
    nodes = {parts_of(each)[0] for each in instances_of(catalog, key)}
    return max((index, *(catalog.hosts.get(node, 0) for node in nodes)))


def topics_of(catalog: Catalog, key: ViewKey) -> tuple[str, ...]:
    """Return the topics that every change of the view touches one of; its own is the first."""
    hosts = {host_topic(parts_of(each)[0]) for each in instances_of(catalog, key)}
    return (own_topic(key), *sorted(hosts))


def own_topic(key: ViewKey) -> str:
    """Return the topic that every change of the view touches, but for those of its nodes."""
    match key.kind:
        case ViewKind.SERVICE:
            return service_topic(key.name)
        case ViewKind.CONNECT:
            return connect_topic(key.name)
        case ViewKind.SERVICES:
            return SERVICES_TOPIC
        case ViewKind.NODES:
            return NODES_TOPIC
        case ViewKind.NODE:
            return node_topic(key.name)
        case ViewKind.CHECKS:
            return CHECKS_TOPIC
        case _:
            assert_never(key.kind)


def decoded_view(key: ViewKey, encoded: bytes) -> ViewValue:
    """Return the view that a server encoded.

    Raises:
        ProviderError: it is none of this kind.
    """
    try:
        value: ViewValue = _decoders[key.kind].decode(encoded)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ProviderError(f"the server's view {str(key)[:80]!r} is none: {error}") from error
    return value


def parsed_key(text: str, field: str) -> ViewKey:
    """Return the view that ``str(key)`` names.

    Raises:
        RequestError: it names none.
    """
    kind, slash, name = text.partition("/")
    if not slash or kind not in _KINDS or bool(name) is not (kind in _NAMED):
        raise RequestError(
            f"{text[:80]!r} is no view", field=field, hint="such as connect/web or services/"
        )
    if len(name) > LONGEST_NAME:
        raise RequestError(f"a name of more than {LONGEST_NAME} characters", field=field)
    return ViewKey(ViewKind(kind), name)
