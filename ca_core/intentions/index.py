"""All intentions and the default as one immutable value, made to decide by.

A decision is a few look-ups in dictionaries, however many intentions there are. What follows
changes makes the next index from the last and swaps it in with one assignment; whoever still holds
the last one reads on in it undisturbed.

Source of what wins: Consul's published pages on intentions.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import msgspec

from ca_core.intentions.decision import Compiled, Decision, Default
from ca_core.intentions.drafting import Draft
from ca_core.intentions.model import Intention, Name, covering
from ca_core.intentions.shards import Meter
from ca_core.intentions.table import EMPTY, Table

Pair = tuple[Name, Name]
"""Source, destination: what an intention is known by."""

DENIED = Default(allowed=False)
"""What holds where nobody said anything."""

CHANGE = 32
"""What one change costs beside copying, in entries copied: about ten microseconds."""

_DENIED = Decision(DENIED.allowed, DENIED.why)


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """One immutable state of everything that decides; ``Index()`` holds no intention and denies.

    Attributes:
        fallback: what is decided where no intention matches.
        enforced: intentions that decide.
        watched: intentions in observe mode.
    """

    fallback: Decision = _DENIED
    enforced: Table = EMPTY
    watched: Table = EMPTY

    @classmethod
    def of(cls, intentions: Iterable[Intention], default: Default = DENIED) -> "Index":
        """Return the index of these; of two with the same names the later one counts.

        A million take seconds: ``building.built`` does it in slices.

        Raises:
            ValueError: a name holds a blank or a slash.
        """
        return cls().with_default(default).with_changes(intentions)

    @property
    def default(self) -> Default:
        """Return what holds where no intention matches."""
        return Default(self.fallback.allowed, self.fallback.why)

    def __len__(self) -> int:
        return self.enforced.count + self.watched.count

    def __iter__(self) -> Iterator[Intention]:
        """Yield every intention, in no order."""
        for table in (self.enforced, self.watched):
            yield from (one.intention for one in table)

    def decide(self, source: Name, destination: Name) -> Decision:
        """Say whether ``source`` may connect to ``destination``.

        The intention of highest precedence that matches decides; one with permissions denies,
        because no request is known here; where none matches, the default holds. Intentions in
        observe mode decide nothing: what they would have said is in ``would``.
        """
        found = self.enforced.find(source, destination)
        if self.watched.count:
            return self._observing(found, source, destination)
        return found or self.fallback

    def winner(self, source: Name, destination: Name) -> Intention | None:
        """Return the intention that decides, None if the default does."""
        found = self.enforced.find(source, destination)
        return found.intention if found else None

    def observed(self, source: Name, destination: Name) -> Intention | None:
        """Return the intention in observe mode that would decide if it were enforced, or None."""
        found = self._would(self.enforced.find(source, destination), source, destination)
        return found.intention if found else None

    def get(self, source: Name, destination: Name) -> Intention | None:
        """Return the intention of exactly these names, wildcards read as names."""
        tables = (self.enforced, self.watched)
        found = (table.get(source, destination) for table in tables)
        return next((one.intention for one in found if one), None)

    def candidates(self, source: Name, destination: Name) -> tuple[Intention, ...]:
        """Return every intention that matches, as they are evaluated; observed ones among them."""
        found = (
            self.get(from_name, to_name)
            for to_name in covering(destination)
            for from_name in covering(source)
        )
        return tuple(one for one in found if one)

    def to_destination(self, name: Name) -> tuple[Intention, ...]:
        """Return all that speak of this destination, whatever their source, as evaluated.

        Of a wildcard these are the intentions with a wildcard at least as wide.
        """
        tables = (self.enforced, self.watched)
        names = covering(name)
        return _ordered(one for table in tables for to in names for one in table.to_destination(to))

    def exactly_to(self, name: Name) -> Iterator[Intention]:
        """Yield those whose destination is exactly this name, a wildcard read as one; no order."""
        for table in (self.enforced, self.watched):
            yield from (one.intention for one in table.to_destination(name))

    def from_source(self, name: Name) -> tuple[Intention, ...]:
        """Return all that speak of this source, whatever their destination, as evaluated."""
        tables = (self.enforced, self.watched)
        names = covering(name)
        return _ordered(one for table in tables for of in names for one in table.from_source(of))

    def with_default(self, default: Default) -> "Index":
        """Return the same intentions with another default."""
        return replace(self, fallback=Decision(default.allowed, default.why))

    def with_changes(
        self, upserted: Iterable[Intention] = (), deleted: Iterable[Pair] = ()
    ) -> "Index":
        """Return the index after these changes, deletions first; this one stays as it is.

        It copies the parts that are touched: for many at once see ``building.changed``.

        Raises:
            ValueError: a name holds a blank or a slash.
        """
        changes = Changes(self)
        for source, destination in deleted:
            changes.delete(source, destination)
        for intention in upserted:
            changes.upsert(intention)
        return changes.done()

    def _observing(self, found: Compiled | None, source: Name, destination: Name) -> Decision:
        would = self._would(found, source, destination)
        decided = found or self.fallback
        return msgspec.structs.replace(decided, would=would) if would else decided

    def _would(self, found: Compiled | None, source: Name, destination: Name) -> Compiled | None:
        """Return what is observed and goes before what decided."""
        seen = self.watched.find(source, destination)
        if seen and found and seen.precedence < found.precedence:
            return None
        return seen


class Changes:
    """The next index while it is made, one change after another."""

    def __init__(self, index: Index) -> None:
        self._fallback = index.fallback
        self._made = 0
        self._meter = Meter()
        self._enforced = Draft(index.enforced, self._meter)
        self._watched = Draft(index.watched, self._meter)

    def upsert(self, intention: Intention) -> None:
        """Put it in place of what its names had.

        Raises:
            ValueError: a name holds a blank or a slash.
        """
        self._made += 1
        source, destination = intention.source, intention.destination
        ours, others = self._enforced, self._watched
        if intention.observe:
            ours, others = others, ours
        ours.set(source, destination, Compiled.of(intention))
        if others.count:
            others.set(source, destination, None)

    def delete(self, source: Name, destination: Name) -> None:
        """Remove what these names had, if anything."""
        self._made += 1
        self._enforced.set(source, destination, None)
        self._watched.set(source, destination, None)

    @property
    def work(self) -> int:
        """Return what was done so far, in entries copied; one change is worth ``CHANGE``."""
        return self._meter.copied + CHANGE * self._made

    def done(self) -> Index:
        """Return the index reached."""
        return Index(self._fallback, self._enforced.done(), self._watched.done())


def _ordered(found: Iterable[Compiled]) -> tuple[Intention, ...]:
    return tuple(sorted((one.intention for one in found), key=lambda one: one.order))
