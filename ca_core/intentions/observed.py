"""What intentions in observe mode would have denied: counted for few names, however many ask.

Counting is space-saving (Metwally, Agrawal and El Abbadi, 2005): with ``MOST`` keys kept, a new one
takes the place of the rarest, and inherits its count as its error. What is asked often is kept, and
for every key ``count - error <= true <= count``.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ca_core.intentions.decision import Decision
from ca_core.intentions.model import Name

MOST = 1000
"""Keys that are kept."""


class Seen(NamedTuple):
    """What is counted: who would have been denied, toward whom, and by which rule."""

    source: Name
    destination: Name
    rule: str


@dataclass(frozen=True, slots=True)
class Count:
    """How often, between ``count - error`` and ``count`` times, and when last (aware UTC)."""

    count: int
    error: int
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of some time, or of several agents.

    Attributes:
        counts: at most ``MOST``.
        unlisted: how often anything that is not listed was seen, at most.
    """

    counts: tuple[tuple[Seen, Count], ...] = ()
    unlisted: int = 0


NOTHING = Summary()
"""Nobody would have been denied."""


class Observed:
    """Counts while decisions are made; for one thread. ``most`` keys are kept."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._counts: dict[Seen, Count] = {}
        self._rarest: list[tuple[int, Seen]] = []
        self._unlisted = 0

    def __len__(self) -> int:
        return len(self._counts)

    def note(self, source: Name, destination: Name, decision: Decision, now: datetime) -> None:
        """Count a decision, if it would have been a denial and is none."""
        would = decision.would
        if would is not None and decision.allowed and not would.allowed:
            self.add(Seen(source, destination, rule_of(would)), now)

    def add(self, seen: Seen, now: datetime) -> None:
        """Count one."""
        found = self._counts.get(seen)
        if found is not None:
            self._counts[seen] = Count(found.count + 1, found.error, now)
            return
        error = self._freed() if len(self._counts) >= self._most else 0
        self._counts[seen] = Count(error + 1, error, now)
        heapq.heappush(self._rarest, (error + 1, seen))

    def taken(self) -> Summary:
        """Return what was counted, and begin anew."""
        found = Summary(counts=_ordered(self._counts.items()), unlisted=self._unlisted)
        self._counts, self._rarest, self._unlisted = {}, [], 0
        return found

    def _freed(self) -> int:
        """Let the rarest go; return its count. The heap's counts may be older than they are."""
        while True:
            count, seen = self._rarest[0]
            now = self._counts[seen].count
            if now == count:
                break
            heapq.heapreplace(self._rarest, (now, seen))
        heapq.heappop(self._rarest)
        del self._counts[seen]
        self._unlisted = count
        return count


def merged(one: Summary, other: Summary, most: int = MOST) -> Summary:
    """Return the counts of both; what one does not list may have been seen ``unlisted`` times."""
    ours, others = dict(one.counts), dict(other.counts)
    both = {
        seen: _sum(ours.get(seen), one.unlisted, others.get(seen), other.unlisted)
        for seen in ours.keys() | others.keys()
    }
    counts = _ordered(both.items())
    left_out = max((count.count for _, count in counts[most:]), default=0)
    return Summary(counts=counts[:most], unlisted=max(one.unlisted + other.unlisted, left_out))


def rule_of(decision: Decision) -> str:
    """Return the names of the intention that decided, and its permission; ``default`` if none."""
    intention = decision.intention
    if intention is None:
        return "default"
    position = f" Permissions[{decision.permission}]" if decision.permission >= 0 else ""
    return f"{intention.source} => {intention.destination}{position}"


def _sum(one: Count | None, less: int, other: Count | None, lesser: int) -> Count:
    found = [each for each in (one, other) if each is not None]
    unknown = (0 if one else less) + (0 if other else lesser)
    return Count(
        sum(each.count for each in found) + unknown,
        sum(each.error for each in found) + unknown,
        max(each.last for each in found),
    )


def _ordered(items: Iterable[tuple[Seen, Count]]) -> tuple[tuple[Seen, Count], ...]:
    """Return the most frequent first."""
    return tuple(sorted(items, key=lambda item: (-item[1].count, item[0])))


class Collected:
    """What all agents reported since this server started; in memory alone. For one thread.

    Attributes:
        summary: of all together.
    """

    def __init__(self) -> None:
        self.summary = NOTHING

    def add(self, summary: Summary) -> None:
        """Take what an agent reported."""
        if summary != NOTHING:
            self.summary = merged(self.summary, summary)
