"""Leaves that an agent holds, in figures, asked for at every scrape.

No service is a label: a host may have any number of them. Which one it is stands in the log, in
``/v1/agent/cache`` and in ``ca-core doctor``.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafFigures:
    """Leaves at this moment.

    Attributes:
        states: state → how many leaves are in it; ``absent`` are those without a leaf.
        soonest_end: Unix time at which the first of those that are valid ends; NaN without any.
        issued: first leaves since the start.
        renewed: leaves since the start that took the place of another one.
    """

    states: Mapping[str, int] = field(default_factory=dict)
    soonest_end: float = math.nan
    issued: int = 0
    renewed: int = 0


class LeafCollector(Collector):
    """Shows the figures that ``ask`` returns; labels are states, and whether there was one."""

    def __init__(self, ask: Callable[[], LeafFigures]) -> None:
        self._ask = ask

    def describe(self) -> Iterable[Metric]:
        """Name the metrics without asking; the registry checks that no name is taken."""
        return _families(LeafFigures())

    def collect(self) -> Iterable[Metric]:
        """Return them as of now."""
        return _families(self._ask())


def _families(found: LeafFigures) -> Iterable[Metric]:
    states = GaugeMetricFamily(
        "ca_core_leaves", "Leaves of services, by what they are good for", labels=("state",)
    )
    for state, count in found.states.items():
        states.add_metric((state,), count)
    yield states
    soonest = GaugeMetricFamily(
        "ca_core_leaf_soonest_expiry_timestamp_seconds",
        "When the first of the valid leaves of services ends, as a Unix time",
    )
    soonest.add_metric((), found.soonest_end)
    yield soonest
    made = CounterMetricFamily(
        "ca_core_leaves_obtained",
        "Leaves of services that servers signed for this agent",
        labels=("occasion",),
    )
    made.add_metric(("first",), found.issued)
    made.add_metric(("renewal",), found.renewed)
    yield made
