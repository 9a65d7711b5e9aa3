"""Intentions by their names: the one that wins for a pair is found in a few look-ups.

Two services (precedence 9) are found by both names. Wildcard sources are kept with the destination
(8 and 7, 5 and 4, 2 and 1), services whose destination is a wildcard with the source (6 and 3).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec

from ca_core.intentions.decision import Compiled
from ca_core.intentions.model import WILDCARD, Name
from ca_core.intentions.shards import (
    COLUMNS,
    PLACES,
    ROWS,
    Parts,
    cell,
    column_of,
    place,
    row_of,
    values_of,
)

_NOTHING: Mapping[str, Compiled] = {}
_ROW, _COLUMN, _PLACE = ROWS - 1, COLUMNS - 1, PLACES - 1


class Wild(msgspec.Struct, frozen=True, gc=False, eq=False):
    """What is kept with one side of a pair, by the other side, which is a wildcard.

    Attributes:
        spaces: where it is all services of a namespace, by that.
        every: where it is all services of all, or None.
    """

    spaces: Mapping[str, Compiled] = _NOTHING
    every: Compiled | None = None

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
class Space:
    """What has a wildcard on one side and is of this namespace on the other.

    Attributes:
        toward: wildcard sources by the service that is the destination.
        onward: wildcard destinations by the service that is the source.
        wild: wildcard sources whose destination are all services here.
    """

    toward: Parts[Wild] = ({},) * PLACES
    onward: Parts[Wild] = ({},) * PLACES
    wild: Wild = NO_WILD

    def __iter__(self) -> Iterator[Compiled]:
        for wild in (*values_of(self.toward), *values_of(self.onward), self.wild):
            yield from wild


NO_SPACE = Space()
"""A namespace that nothing is kept with."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One immutable state.

    Attributes:
        exact: both are services; key ``pair_key``, in the part ``cell(destination, source)``.
        spaces: what has a wildcard on one side, by the namespace of the other.
        every: wildcard sources whose destination are all services of all namespaces.
        count: intentions in it.
    """

    exact: Parts[Compiled] = ({},) * (ROWS * COLUMNS)
    spaces: Mapping[str, Space] = field(default_factory=lambda: MappingProxyType({}))
    every: Wild = NO_WILD
    count: int = 0

    def __iter__(self) -> Iterator[Compiled]:
        yield from values_of(self.exact)
        yield from self._wild()

    def items(self) -> Iterator[tuple[Name, Name, Compiled]]:
        """Yield source, destination and what is kept for them, in no order."""
        for part in self.exact:
            for key, one in part.items():
                destination, source = (Name(*half.split("/")) for half in key.split(" "))
                yield source, destination, one
        for one in self._wild():
            intention = one.intention
            yield intention.source, intention.destination, one

    def find(self, source: Name, destination: Name) -> Compiled | None:
        """Return the one of highest precedence that matches.

        Names that are kept hold no separator: a key made of one that does is the key of nothing.
        """
        space, name = source
        to_space, to_name = destination
        by, to = hash(name), hash(to_name)
        part = self.exact[(to & _ROW) * COLUMNS + (by & _COLUMN)]
        if found := part.get(f"{to_space}/{to_name} {space}/{name}"):
            return found
        here = self.spaces.get(to_space, NO_SPACE)
        wild = here.toward[to & _PLACE].get(to_name)
        if wild is not None and (found := wild.spaces.get(space) or wild.every):
            return found
        own = self.spaces.get(space, NO_SPACE).onward[by & _PLACE].get(name, NO_WILD)
        return (
            own.spaces.get(to_space)
            or here.wild.spaces.get(space)
            or here.wild.every
            or own.every
            or self.every.spaces.get(space)
            or self.every.every
        )

    def get(self, source: Name, destination: Name) -> Compiled | None:
        """Return what is kept for exactly these names, wildcards among them."""
        if source.is_service and destination.is_service:
            part = self.exact[cell(destination.name, source.name)]
            return part.get(pair_key(source, destination))
        if source.is_service:
            return self._onward(source).get(destination)
        return self._toward(destination).get(source)

    def to_destination(self, name: Name) -> Iterator[Compiled]:
        """Yield what is kept for exactly this destination, in no order."""
        yield from self._toward(name)
        if not name.is_service:
            yield from _present(wild.get(name) for wild in self._all_onward())
            return
        begin = f"{name} "
        for part in row_of(self.exact, name.name):
            yield from (one for key, one in part.items() if key.startswith(begin))

    def from_source(self, name: Name) -> Iterator[Compiled]:
        """Yield what is kept for exactly this source, in no order."""
        if not name.is_service:
            yield from _present(wild.get(name) for wild in self._all_toward())
            return
        yield from self._onward(name)
        end = f" {name}"
        for part in column_of(self.exact, name.name):
            yield from (one for key, one in part.items() if key.endswith(end))

    def _wild(self) -> Iterator[Compiled]:
        """Yield what has a wildcard on one side."""
        for space in self.spaces.values():
            yield from space
        yield from self.every

    def _toward(self, destination: Name) -> Wild:
        space, name = destination
        if space == WILDCARD:
            return self.every
        here = self.spaces.get(space, NO_SPACE)
        return here.wild if name == WILDCARD else here.toward[place(name)].get(name, NO_WILD)

    def _onward(self, service: Name) -> Wild:
        there = self.spaces.get(service.namespace, NO_SPACE)
        return there.onward[place(service.name)].get(service.name, NO_WILD)

    def _all_toward(self) -> Iterator[Wild]:
        for space in self.spaces.values():
            yield from values_of(space.toward)
            yield space.wild
        yield self.every

    def _all_onward(self) -> Iterator[Wild]:
        for space in self.spaces.values():
            yield from values_of(space.onward)


EMPTY = Table()
"""The table that holds nothing."""


def pair_key(source: Name, destination: Name) -> str:
    """Return the key of two services: two slashes and one blank, as names hold none."""
    return f"{destination} {source}"


def _present(found: Iterable[Compiled | None]) -> Iterator[Compiled]:
    return (one for one in found if one is not None)
