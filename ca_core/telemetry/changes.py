"""Gauges of a change of who signs, asked for at every scrape."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFigures:
    """How who signs changes at this moment.

    Attributes:
        kind, phase: of the operation that is open; '' if none is.
        seconds: since it came into its phase.
        counted: agents whose acknowledgement counts, while the new root is distributed.
        missing: those of them that have not acknowledged.
        to_reissue: leaves that are alive under signers that sign no more.
        authorities: how many there are in each phase.
        leftovers: what backends still hold of those that are gone.
    """

    kind: str = ""
    phase: str = ""
    seconds: float = 0.0
    counted: int = 0
    missing: int = 0
    to_reissue: int = 0
    authorities: Mapping[str, int] = field(default_factory=dict)
    leftovers: int = 0


class ChangeCollector:
    """Shows figures that ``ask`` returns; no label names a node, an identity or an id."""

    def __init__(self, ask: Callable[[], ChangeFigures]) -> None:
        self._ask = ask

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the metrics without asking; the registry checks that no name is taken."""
        return _families(ChangeFigures())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the gauges as of now."""
        return _families(self._ask())


def _families(now: ChangeFigures) -> Iterator[GaugeMetricFamily]:
    phase = GaugeMetricFamily(
        "ca_core_operation_phase",
        "1 for kind and phase of the operation that is open",
        labels=("kind", "phase"),
    )
    if now.kind:
        phase.add_metric((now.kind, now.phase), 1)
    yield phase
    yield _one("operation_phase_seconds", "Seconds it has been in its phase", now.seconds)
    yield _one("agents_counted", "Agents whose acknowledgement of a new root counts", now.counted)
    yield _one("agents_missing", "Agents that have not acknowledged the new root", now.missing)
    yield _one("leaves_to_reissue", "Leaves alive under signers replaced since", now.to_reissue)
    yield _one("leftovers", "What backends still hold of authorities and signers", now.leftovers)
    authorities = GaugeMetricFamily(
        "ca_core_authorities", "Authorities on record, by phase", labels=("phase",)
    )
    for name, count in now.authorities.items():
        authorities.add_metric((name,), count)
    yield authorities


def _one(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"ca_core_{name}", what, value=value)
