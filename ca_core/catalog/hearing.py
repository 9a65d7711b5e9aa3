"""Which agents a server hears, and which servers are gone: this process's memory alone."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from ca_core.clock import Clock

SILENCE = timedelta(seconds=60)
"""An agent that was not heard of for as long does not call any more."""

GRACE = timedelta(seconds=60)
"""Agents of a server that is gone have as long to be heard elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a server hears at one moment.

    Attributes:
        nodes: whose agents are parked here, or called within ``SILENCE``.
        arrived: of these the ones that have parked here and of whom something else is written.
        long_enough: whether the server has listened for ``SILENCE``; before, nobody is silent.
    """

    nodes: frozenset[str]
    arrived: frozenset[str] = frozenset()
    long_enough: bool = True


def _nobody() -> None:
    """Tell nobody."""


class Ears:
    """Which agents this server hears; this process's memory only. Used from one event loop.

    Args:
        clock: says how long ago an agent called.
        unsettled: whether something else is written of a node than that its agent is heard here.
        on_arrival: called when an agent parks of whom that is so.
    """

    def __init__(
        self,
        clock: Clock,
        unsettled: Callable[[str], bool] = bool,
        on_arrival: Callable[[], None] = _nobody,
    ) -> None:
        self._clock = clock
        self._unsettled = unsettled
        self._on_arrival = on_arrival
        self._began = clock.monotonic()
        self._last: dict[str, float] = {}
        self._parked: Counter[str] = Counter()
        self._arrived: set[str] = set()

    @property
    def count(self) -> int:
        """Return how many agents are parked here."""
        return len(self._parked)

    def heard(self, node: str) -> None:
        """Note that an agent has just called."""
        self._last[node] = self._clock.monotonic()

    @contextmanager
    def parked(self, node: str) -> Iterator[None]:
        """Note that an agent is parked here, for as long as this is open."""
        self._parked[node] += 1
        if self._unsettled(node):
            self._arrived.add(node)
            self._on_arrival()
        try:
            yield
        finally:
            self._parked[node] -= 1
            if not self._parked[node]:
                del self._parked[node]
            self.heard(node)

    def forget(self, node: str) -> None:
        """Note that an agent belongs to the cluster no more."""
        self._last.pop(node, None)
        self._arrived.discard(node)

    def now(self) -> Heard:
        """Return what is heard now."""
        oldest = self._clock.monotonic() - SILENCE.total_seconds()
        self._last = {node: at for node, at in self._last.items() if at > oldest}
        return Heard(
            nodes=frozenset((*self._last, *self._parked)),
            arrived=frozenset(self._arrived),
            long_enough=self._began <= oldest,
        )

    def settled(self, heard: Heard) -> None:
        """Note that it is written where these agents are parked."""
        self._arrived -= heard.arrived


class Absences:
    """Since when servers are gone; the leader's memory. Used from one thread at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}

    def gone(self, named: Iterable[str], alive: Iterable[str]) -> frozenset[str]:
        """Return which of the named servers have not been alive for ``GRACE``, as seen here."""
        now, missing = self._clock.monotonic(), set(named) - set(alive)
        self._since = {server: self._since.get(server, now) for server in missing}
        grace = GRACE.total_seconds()
        return frozenset(server for server, since in self._since.items() if now - since >= grace)
