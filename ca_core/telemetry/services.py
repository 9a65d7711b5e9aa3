"""What programs registered with an agent, in figures, asked for at every scrape.

No service is a label: a host may have any number of them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFigures:
    """Services of a host at this moment.

    Attributes:
        services: registered here.
        refused: of them, what servers did not take.
        checks: (type, status) → how many checks stand so.
        told: times since the start that servers were told everything.
        failed: times that they could not be told.
    """

    services: int = 0
    refused: int = 0
    checks: Mapping[tuple[str, str], int] = field(default_factory=dict)
    told: int = 0
    failed: int = 0


class ServiceCollector(Collector):
    """Shows the figures that ``ask`` returns."""

    def __init__(self, ask: Callable[[], ServiceFigures]) -> None:
        self._ask = ask

    def describe(self) -> Iterable[Metric]:
        """Name the metrics without asking; the registry checks that no name is taken."""
        return _families(ServiceFigures())

    def collect(self) -> Iterable[Metric]:
        """Return them as of now."""
        return _families(self._ask())


def _families(found: ServiceFigures) -> Iterable[Metric]:
    services = GaugeMetricFamily(
        "ca_core_services",
        "Services registered with this agent, by what servers said of them",
        labels=("state",),
    )
    services.add_metric(("taken",), found.services - found.refused)
    services.add_metric(("refused",), found.refused)
    yield services
    checks = GaugeMetricFamily(
        "ca_core_checks", "Checks registered with this agent", labels=("type", "status")
    )
    for labels, count in found.checks.items():
        checks.add_metric(labels, count)
    yield checks
    told = CounterMetricFamily(
        "ca_core_services_told", "Times that servers were told all of it", labels=("outcome",)
    )
    told.add_metric(("taken",), found.told)
    told.add_metric(("failed",), found.failed)
    yield told
