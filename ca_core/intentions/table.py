"""Intentions by their names: the one that wins for a pair is found in at most six look-ups.

Where both names are services (precedence 9) they are the key. Sources that are wildcards are kept
with their destination (8 and 7, 5 and 4, 2 and 1), services whose destination is a wildcard with
the service (6 and 3).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec

from ca_core.intentions.decision import Compiled
from ca_core.intentions.model import ANY, WILDCARD, Name
from ca_core.intentions.shards import COLUMNS, PLACES, ROWS, Shards, cell, place

_NOTHING: Mapping[str, Compiled] = {}


class Wild(msgspec.Struct, frozen=True, gc=False, eq=False):
    """What is kept with one side of a pair, by the other side, which is a wildcard.

    Attributes:
        spaces: where it is all services of a namespace, by that.
        every: where it is all services of all, or None.
    """

    spaces: Mapping[str, Compiled] = _NOTHING
    every: Compiled | None = None

    def of(self, space: str) -> Compiled | None:
        """Return what is kept for a service of this namespace."""
        return self.spaces.get(space) or self.every

    def get(self, other: Name) -> Compiled | None:
        """Return what is kept for exactly this wildcard."""
        return self.every if other.namespace == WILDCARD else self.spaces.get(other.namespace)

    def __iter__(self) -> Iterator[Compiled]:
        yield from self.spaces.values()
        if self.every is not None:
            yield self.every


NO_WILD = Wild()
"""What is kept with a name that has no wildcard on its other side."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One immutable state.

    Attributes:
        exact: both are services; key ``pair_key``, in the shard ``cell(destination, source)``.
        toward: sources that are wildcards, by a destination that is a service, as ``str``.
        onward: destinations that are wildcards, by a source that is a service, as ``str``.
        spaces: sources that are wildcards, by the namespace all of whose services they may reach.
        every: sources that are wildcards, where the destination is all of all.
        count: intentions in it.
    """

    exact: Shards[Compiled] = field(default_factory=lambda: Shards.empty(ROWS * COLUMNS))
    toward: Shards[Wild] = field(default_factory=lambda: Shards.empty(PLACES))
    onward: Shards[Wild] = field(default_factory=lambda: Shards.empty(PLACES))
    spaces: Mapping[str, Wild] = field(default_factory=lambda: MappingProxyType({}))
    every: Wild = NO_WILD
    count: int = 0

    def __iter__(self) -> Iterator[Compiled]:
        yield from (one for _, one in self.exact)
        for _, wild in (*self.toward, *self.onward):
            yield from wild
        for wild in (*self.spaces.values(), self.every):
            yield from wild

    def find(self, source: Name, destination: Name) -> Compiled | None:
        """Return the one of highest precedence that matches.

        Kept names hold no separator, so what a hostile name makes of a key is the key of nothing.
        """
        space, name = source
        to_space, to_name = destination
        by, to = hash(name), hash(to_name)
        part = self.exact.parts[(to & ROWS - 1) * COLUMNS + (by & COLUMNS - 1)]
        if found := part.get(f"{to_space}/{to_name} {space}/{name}"):
            return found
        wild = self.toward.parts[to & PLACES - 1].get(f"{to_space}/{to_name}")
        if wild is not None and (found := wild.spaces.get(space) or wild.every):
            return found
        own = self.onward.parts[by & PLACES - 1].get(f"{space}/{name}", NO_WILD)
        wild = self.spaces.get(to_space, NO_WILD)
        return (
            own.spaces.get(to_space)
            or wild.spaces.get(space)
            or wild.every
            or own.every
            or self.every.spaces.get(space)
            or self.every.every
        )

    def get(self, source: Name, destination: Name) -> Compiled | None:
        """Return what is kept for exactly these names, wildcards among them."""
        if source.is_service and destination.is_service:
            part = self.exact.parts[cell(destination.name, source.name)]
            return part.get(pair_key(source, destination))
        if destination.is_service:
            return self._toward(destination).get(source)
        if source.is_service:
            return self._onward(source).get(destination)
        return self._of_wildcard(destination).get(source)

    def to_destination(self, name: Name) -> Iterator[Compiled]:
        """Yield what is kept for exactly this destination, in no order."""
        if name.is_service:
            begin = f"{name} "
            for part in self.exact.row(name.name):
                yield from (one for key, one in part.items() if key.startswith(begin))
            yield from self._toward(name)
            return
        yield from self._of_wildcard(name)
        yield from _present(wild.get(name) for _, wild in self.onward)

    def from_source(self, name: Name) -> Iterator[Compiled]:
        """Yield what is kept for exactly this source, in no order."""
        if name.is_service:
            end = f" {name}"
            for part in self.exact.column(name.name):
                yield from (one for key, one in part.items() if key.endswith(end))
            yield from self._onward(name)
            return
        yield from _present(wild.get(name) for _, wild in self.toward)
        yield from _present(wild.get(name) for wild in (*self.spaces.values(), self.every))

    def _toward(self, service: Name) -> Wild:
        return self.toward.parts[place(service.name)].get(str(service), NO_WILD)

    def _onward(self, service: Name) -> Wild:
        return self.onward.parts[place(service.name)].get(str(service), NO_WILD)

    def _of_wildcard(self, destination: Name) -> Wild:
        """Return the sources that are wildcards, where the destination is one too."""
        if destination == ANY:
            return self.every
        return self.spaces.get(destination.namespace, NO_WILD)


EMPTY = Table()
"""The table that holds nothing."""


def pair_key(source: Name, destination: Name) -> str:
    """Return the key of two services: two slashes and one blank, as names hold none."""
    return f"{destination} {source}"


def _present(found: Iterator[Compiled | None]) -> Iterator[Compiled]:
    return (one for one in found if one is not None)
