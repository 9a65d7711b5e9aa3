"""How the next table of intentions is made of the last, which stays as it is."""

from ca_core.intentions.decision import Compiled
from ca_core.intentions.model import ANY, WILDCARD, Name
from ca_core.intentions.shards import ShardsDraft, cell, place
from ca_core.intentions.table import NO_WILD, Table, Wild, pair_key


class Draft:
    """The next state of a table while it is made.

    Attributes:
        count: intentions in it now.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._exact = ShardsDraft(table.exact)
        self._toward = ShardsDraft(table.toward)
        self._onward = ShardsDraft(table.onward)
        self._spaces = dict(table.spaces)
        self._every = table.every
        self.count = table.count

    def set(self, source: Name, destination: Name, entry: Compiled | None) -> None:
        """Keep it in place of what the pair had; with None keep nothing.

        Raises:
            ValueError: a name holds a blank or a slash, or is no name.
        """
        _check(source)
        _check(destination)
        if source.is_service and destination.is_service:
            had = self._set_exact(source, destination, entry)
        elif destination.is_service:
            had = _set_beside(self._toward, destination, source, entry)
        elif source.is_service:
            had = _set_beside(self._onward, source, destination, entry)
        else:
            had = self._set_wild(source, destination, entry)
        self.count += (entry is not None) - had

    @property
    def copied(self) -> int:
        """Return how many entries were copied so far."""
        return self._exact.copied + self._toward.copied + self._onward.copied

    def done(self) -> Table:
        """Return the state reached; the draft is at its end."""
        return Table(
            self._exact.done(),
            self._toward.done(),
            self._onward.done(),
            self._spaces,
            self._every,
            self.count,
        )

    def _set_exact(self, source: Name, destination: Name, entry: Compiled | None) -> bool:
        where = cell(destination.name, source.name)
        return self._exact.set(where, pair_key(source, destination), entry)

    def _set_wild(self, source: Name, destination: Name, entry: Compiled | None) -> bool:
        if destination == ANY:
            had, self._every = self._every.get(source), _with(self._every, source, entry)
            return had is not None
        space = destination.namespace
        before = self._spaces.pop(space, NO_WILD)
        after = _with(before, source, entry)
        if after is not NO_WILD:
            self._spaces[space] = after
        return before.get(source) is not None


def _check(name: Name) -> None:
    space, service = name
    if "/" in space or " " in space or "/" in service or " " in service:
        raise ValueError(f"{name}: names hold neither blanks nor slashes")
    if space == WILDCARD != service:
        raise ValueError(f"{name}: an exact name cannot follow a wildcard namespace")


def _set_beside(
    draft: ShardsDraft[Wild], service: Name, wildcard: Name, entry: Compiled | None
) -> bool:
    """Keep it with the service; return whether something was there."""
    where, key = place(service.name), str(service)
    before = draft.get(where, key) or NO_WILD
    after = _with(before, wildcard, entry)
    draft.set(where, key, None if after is NO_WILD else after)
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
