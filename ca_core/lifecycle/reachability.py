"""Which agents call: a lease of half a minute, renewed by anything an agent asks."""

from datetime import datetime, timedelta

from ca_core.clock import Clock

LEASE = timedelta(seconds=30)
"""An agent that was not heard of for longer is unreachable; it is counted all the same."""


class Reachability:
    """When each agent called last, by node name; this process's memory only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[str, datetime] = {}

    def saw(self, node: str) -> None:
        """Note that an agent has just called."""
        self._seen[node] = self._clock.now()

    def forget(self, node: str) -> None:
        """Note that an agent belongs to the cluster no more."""
        self._seen.pop(node, None)

    def last(self, node: str) -> datetime | None:
        """Return when an agent called last, aware UTC; None if it never called this process."""
        return self._seen.get(node)

    def nodes(self) -> frozenset[str]:
        """Return the nodes whose lease lives."""
        oldest = self._clock.now() - LEASE
        return frozenset(node for node, seen in self._seen.items() if seen >= oldest)
