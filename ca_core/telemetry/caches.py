"""What an agent remembers, in figures by kind, asked for at every scrape."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFigures:
    """One kind of what is remembered, at this moment.

    Attributes:
        age: seconds, of the oldest entry that is kept fresh, as readers are told.
        evictions: reason → how many.
        failures: class of the error → how many fetches failed with it.
    """

    kind: str
    entries: int = 0
    bytes: int = 0
    waiters: int = 0
    age: float = 0.0
    hits: int = 0
    misses: int = 0
    evictions: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)


class CacheCollector:
    """Shows the figures that ``ask`` returns; labels are kinds, reasons and classes of errors."""

    def __init__(self, ask: Callable[[], Iterable[KindFigures]]) -> None:
        self._ask = ask

    def describe(self) -> Iterator[Metric]:
        """Name the metrics without asking; the registry checks that no name is taken."""
        return _families(())

    def collect(self) -> Iterator[Metric]:
        """Return them as of now."""
        return _families(tuple(self._ask()))


_GAUGES: Mapping[str, tuple[str, Callable[[KindFigures], float]]] = {
    "entries": ("Entries that are remembered", lambda kind: kind.entries),
    "bytes": ("Memory that they take, about", lambda kind: kind.bytes),
    "waiters": ("Callers that wait for something newer", lambda kind: kind.waiters),
    "refresh_age_seconds": ("Age of the oldest entry that is kept fresh", lambda kind: kind.age),
}
_COUNTERS: Mapping[str, tuple[str, Callable[[KindFigures], float]]] = {
    "hits": ("Reads answered at once", lambda kind: kind.hits),
    "misses": ("Reads that had to wait", lambda kind: kind.misses),
}
_REASONS: Mapping[str, tuple[str, Callable[[KindFigures], Mapping[str, int]]]] = {
    "evictions": ("Entries that were forgotten, by reason", lambda kind: kind.evictions),
    "failures": ("Fetches that failed, by class of error", lambda kind: kind.failures),
}


def _families(kinds: Iterable[KindFigures]) -> Iterator[Metric]:
    for name, (what, value) in _GAUGES.items():
        gauge = GaugeMetricFamily(f"ca_core_cache_{name}", what, labels=("kind",))
        for kind in kinds:
            gauge.add_metric((kind.kind,), value(kind))
        yield gauge
    for name, (what, value) in _COUNTERS.items():
        counter = CounterMetricFamily(f"ca_core_cache_{name}", what, labels=("kind",))
        for kind in kinds:
            counter.add_metric((kind.kind,), value(kind))
        yield counter
    for name, (what, counts) in _REASONS.items():
        counter = CounterMetricFamily(f"ca_core_cache_{name}", what, labels=("kind", "reason"))
        for kind in kinds:
            for reason, count in counts(kind).items():
                counter.add_metric((kind.kind, reason), count)
        yield counter
