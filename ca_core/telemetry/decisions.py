"""Decisions counted: by destination, outcome and what decided, with bounded labels."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily

MOST_DESTINATIONS = 1_000
"""Destinations with a label of their own; all others together are ``other``."""

OTHER = "other"


class Tally:
    """One count; whoever decides often keeps it and adds to it."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class DecisionTallies:
    """Counts decisions, and shows them as ``ca_core_authorize_total``. One event loop."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str, str], Tally] = {}
        self._destinations: set[str] = set()

    def of(self, destination: str, *, allowed: bool, why: str) -> Tally:
        """Return the count of decisions like this one."""
        if len(self._destinations) < MOST_DESTINATIONS:
            self._destinations.add(destination)
        named = destination if destination in self._destinations else OTHER
        key = (named, "allow" if allowed else "deny", why)
        found = self._tallies.get(key)
        if found is None:
            found = self._tallies[key] = Tally()
        return found

    def describe(self) -> Iterator[CounterMetricFamily]:
        """Name the metric; the registry checks that the name is not taken."""
        yield self._family()

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return the counts as of now."""
        family = self._family()
        for labels, tally in list(self._tallies.items()):
            family.add_metric(labels, tally.count)
        yield family

    def _family(self) -> CounterMetricFamily:
        return CounterMetricFamily(
            "ca_core_authorize",
            "Decisions of authorize, by destination, outcome and what decided",
            labels=("destination", "outcome", "why"),
        )
