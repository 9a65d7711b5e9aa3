"""Which agents call: a lease of half a minute after anything an agent asks, and while it waits."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from ca_core.clock import Clock

LEASE = timedelta(seconds=30)
"""An agent that was not heard of for longer is unreachable; it is counted all the same."""


class Reachability:
    """When each agent called last, by node name; this process's memory only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[str, datetime] = {}
        self._parked: Counter[str] = Counter()

    @contextmanager
    def parked(self, node: str) -> Iterator[None]:
        """Note that an agent waits here for news: it is seen for as long as this is open."""
        self._parked[node] += 1
        try:
            yield
        finally:
            self._parked[node] -= 1
            if not self._parked[node]:
                del self._parked[node]
            self.saw(node)

    def saw(self, node: str) -> None:
        """Note that an agent has just called."""
        self._seen[node] = self._clock.now()

    def forget(self, node: str) -> None:
        """Note that an agent belongs to the cluster no more."""
        self._seen.pop(node, None)

    def last(self, node: str) -> datetime | None:
        """Return when an agent called last, aware UTC; None if it never called this process."""
        return self._clock.now() if node in self._parked else self._seen.get(node)

    def nodes(self) -> frozenset[str]:
        """Return the nodes whose lease lives."""
        oldest = self._clock.now() - LEASE
        recently = (node for node, seen in self._seen.items() if seen >= oldest)
        return frozenset((*recently, *self._parked))
