"""How the next table of intentions is made of the last, which stays as it is."""

from ca_core.intentions.decision import Compiled
from ca_core.intentions.model import ANY, WILDCARD, Name
from ca_core.intentions.shards import Meter, PartsDraft, cell, place
from ca_core.intentions.table import NO_SPACE, NO_WILD, Space, Table, Wild, pair_key


class Draft:
    """The next state of a table while it is made.

    Attributes:
        count: intentions in it now.
    """

    def __init__(self, table: Table, meter: Meter) -> None:
        self.count = table.count
        self._table = table
        self._meter = meter
        self._exact = PartsDraft(table.exact, meter)
        self._spaces: dict[str, SpaceDraft] = {}
        self._every = table.every

    def set(self, source: Name, destination: Name, entry: Compiled | None) -> None:
        """Keep it in place of what the pair had; with None keep nothing.

        Raises:
            ValueError: a name holds a blank or a slash, or is no name.
        """
        _check(source)
        _check(destination)
        self.count += (entry is not None) - self._replaced(source, destination, entry)

    def done(self) -> Table:
        """Return the state reached; the draft is at its end."""
        spaces = dict(self._table.spaces)
        for name, draft in self._spaces.items():
            spaces[name] = draft.done()
            if not any(spaces[name]):
                del spaces[name]
        return Table(self._exact.done(), spaces, self._every, self.count)

    def _replaced(self, source: Name, destination: Name, entry: Compiled | None) -> bool:
        """Keep the entry; return whether the pair had one."""
        if source.is_service and destination.is_service:
            where = cell(destination.name, source.name)
            return self._exact.set(where, pair_key(source, destination), entry)
        if source.is_service:
            return self._space(source).set_onward(source.name, destination, entry)
        if destination != ANY:
            return self._space(destination).set_toward(destination.name, source, entry)
        had = self._every.get(source) is not None
        self._every = _with(self._every, source, entry)
        return had

    def _space(self, name: Name) -> "SpaceDraft":
        space = name.namespace
        if space not in self._spaces:
            before = self._table.spaces.get(space, NO_SPACE)
            self._spaces[space] = SpaceDraft(before, self._meter)
        return self._spaces[space]


class SpaceDraft:
    """The next state of what is kept with a namespace."""

    def __init__(self, space: Space, meter: Meter) -> None:
        self._toward = PartsDraft(space.toward, meter)
        self._onward = PartsDraft(space.onward, meter)
        self._wild = space.wild

    def set_toward(self, name: str, source: Name, entry: Compiled | None) -> bool:
        """Keep it with a destination here, ``*`` for all; return whether something was there."""
        if name != WILDCARD:
            return _set_beside(self._toward, name, source, entry)
        had = self._wild.get(source) is not None
        self._wild = _with(self._wild, source, entry)
        return had

    def set_onward(self, name: str, destination: Name, entry: Compiled | None) -> bool:
        """Keep it with a source here; return whether something was there."""
        return _set_beside(self._onward, name, destination, entry)

    def done(self) -> Space:
        """Return the state reached."""
        return Space(self._toward.done(), self._onward.done(), self._wild)


def _check(name: Name) -> None:
    space, service = name
    if "/" in space or " " in space or "/" in service or " " in service:
        raise ValueError(f"{name}: names hold neither blanks nor slashes")
    if space == WILDCARD != service:
        raise ValueError(f"{name}: an exact name cannot follow a wildcard namespace")


def _set_beside(
    draft: PartsDraft[Wild], service: str, wildcard: Name, entry: Compiled | None
) -> bool:
    """Keep it with the service; return whether something was there."""
    where = place(service)
    before = draft.get(where, service) or NO_WILD
    after = _with(before, wildcard, entry)
    draft.set(where, service, None if after is NO_WILD else after)
    return before.get(wildcard) is not None


def _with(wild: Wild, name: Name, entry: Compiled | None) -> Wild:
    """Return it with this entry, or without one; ``NO_WILD`` if nothing is left."""
    spaces, every = dict(wild.spaces), wild.every
    if name == ANY:
        every = entry
    elif entry is None:
        spaces.pop(name.namespace, None)
    else:
        spaces[name.namespace] = entry
    return Wild(spaces, every) if spaces or every else NO_WILD
