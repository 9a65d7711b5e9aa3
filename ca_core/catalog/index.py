"""The whole catalog at one moment, found by name: an immutable value that follows from rows.

It holds where things are, not what they are: rows are read when a view is made of them. The next
one shares all but a few small parts with the last.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec
from immutables import Map

from ca_core.catalog.rows import HOST_TABLES, SERVICES, ServiceRow, connect_name, parts_of
from ca_core.state.protocol import Change
from ca_core.state.rows import decoded
from ca_core.state.view import View

Keys = tuple[str, ...]
"""Keys of instances' rows, sorted: by node, then by id."""

_NO_KEYS: Map[str, Keys] = Map()
_NO_COUNTS: Map[str, int] = Map()
_NO_TAGS: Map[str, Map[str, int]] = Map()
_FEW = 16
"""Keys that are put in their places one by one."""


class Placed(msgspec.Struct, frozen=True, gc=False):
    """What an instance is found by.

    Attributes:
        name: of its service.
        connect: for which service it takes part in the mesh; '' for none.
        tags: as registered.
        checked: whether it has checks.
    """

    name: str
    connect: str
    tags: tuple[str, ...]
    checked: bool

    @classmethod
    def of(cls, value: bytes) -> "Placed":
        """Return by what the instance of a row's bytes is found."""
        row = decoded(ServiceRow, value)
        service = row.service
        return cls(service.service, connect_name(service), service.tags, bool(row.checks))


_NOTHING_PLACED: Map[str, Placed] = Map()


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """One immutable state of the catalog.

    Attributes:
        view: of the newest commit that changed it; other rows in it may be older than the store's.
        placed: instances by the key of their row.
        by_service: name of a service → its instances.
        by_connect: name of a service → instances that are this service in the mesh.
        by_node: node → what runs there.
        by_tag: name of a service → tag → how many of its instances have it.
        hosts: node → index of the newest commit that changed a row of the node itself.
    """

    view: View
    placed: Map[str, Placed] = _NOTHING_PLACED
    by_service: Map[str, Keys] = _NO_KEYS
    by_connect: Map[str, Keys] = _NO_KEYS
    by_node: Map[str, Keys] = _NO_KEYS
    by_tag: Map[str, Map[str, int]] = _NO_TAGS
    hosts: Map[str, int] = _NO_COUNTS

    @classmethod
    def of(cls, view: View) -> "Catalog":
        """Return the catalog of everything in a view. Reads the whole of its tables."""
        draft = Draft(cls(view))
        for table in HOST_TABLES:
            for node, row in view.table(table).items():
                draft.host(node, row.version)
        for key, row in view.table(SERVICES).items():
            draft.place(key, Placed.of(row.value))
        return draft.done(view)

    def after(self, view: View, changes: Iterable[Change]) -> "Catalog":
        """Return the catalog after a commit, which made ``view``; this one stays as it is."""
        draft = Draft(self)
        for change in changes:
            if change.table == SERVICES:
                draft.place(change.key, None if change.value is None else Placed.of(change.value))
            elif change.table in HOST_TABLES:
                draft.host(change.key, None if change.value is None else view.index)
        return draft.done(view)

    def tags(self, name: str) -> tuple[str, ...] | None:
        """Return every tag that an instance of the service has, sorted; None without instances."""
        if name not in self.by_service:
            return None
        return tuple(sorted(self.by_tag.get(name, _NO_COUNTS)))


class Draft:
    """The next catalog while it is made; the one it began with stays as it is."""

    def __init__(self, before: Catalog) -> None:
        self._placed = before.placed.mutate()
        self._services = KeysDraft(before.by_service)
        self._connects = KeysDraft(before.by_connect)
        self._nodes = KeysDraft(before.by_node)
        self._tags = before.by_tag.mutate()
        self._hosts = before.hosts.mutate()

    def host(self, node: str, index: int | None) -> None:
        """Note that a commit changed a row of a node itself; None removes the node."""
        if index is None:
            self._hosts.pop(node, None)
        else:
            self._hosts[node] = max(index, self._hosts.get(node, 0))

    def place(self, key: str, new: Placed | None) -> None:
        """Put an instance where it is found now; None removes it."""
        old = self._placed.get(key)
        if old == new:
            return
        if new is None:
            del self._placed[key]
        else:
            self._placed[key] = new
        self._count(old, -1)
        self._count(new, 1)
        self._services.move(key, old.name if old else "", new.name if new else "")
        self._connects.move(key, old.connect if old else "", new.connect if new else "")
        node, _ = parts_of(key)
        self._nodes.move(key, node if old else "", node if new else "")

    def done(self, view: View) -> Catalog:
        """Return the catalog reached."""
        return Catalog(
            view,
            self._placed.finish(),
            self._services.done(),
            self._connects.done(),
            self._nodes.done(),
            self._tags.finish(),
            self._hosts.finish(),
        )

    def _count(self, instance: Placed | None, change: int) -> None:
        """Count the tags of an instance that comes, 1, or goes, -1."""
        if instance is None or not instance.tags:
            return
        counts = self._tags.pop(instance.name, _NO_COUNTS)
        for tag in set(instance.tags):
            count = counts.get(tag, 0) + change
            counts = counts.set(tag, count) if count else counts.delete(tag)
        if counts:
            self._tags[instance.name] = counts


class KeysDraft:
    """Which keys are under which name, while that changes."""

    def __init__(self, before: Map[str, Keys]) -> None:
        self._before = before
        self._moved: dict[str, dict[str, bool]] = {}

    def move(self, key: str, old: str, new: str) -> None:
        """Take the key from one name to another; '' is none."""
        if old == new:
            return
        if old:
            self._moved.setdefault(old, {})[key] = False
        if new:
            self._moved.setdefault(new, {})[key] = True

    def done(self) -> Map[str, Keys]:
        """Return the keys reached."""
        if not self._moved:
            return self._before
        after = self._before.mutate()
        for name, moved in self._moved.items():
            keys = _merged(after.pop(name, ()), moved)
            if keys:
                after[name] = keys
        return after.finish()


def _merged(before: Keys, moved: Mapping[str, bool]) -> Keys:
    """Return the keys after some came and some went."""
    if len(moved) > _FEW:
        stayed = [key for key in before if key not in moved]
        return tuple(sorted([*stayed, *(key for key, there in moved.items() if there)]))
    keys = list(before)
    for key, there in moved.items():
        place = bisect_left(keys, key)
        if place < len(keys) and keys[place] == key:
            del keys[place]
        if there:
            keys.insert(place, key)
    return tuple(keys)
