"""Counters and gauges of one process, in a registry of its own (two servers fit in one process)."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from ca_core.clock import Clock
from ca_core.contract.answers import Credential
from ca_core.telemetry.caches import CacheCollector, KindFigures
from ca_core.telemetry.changes import ChangeCollector, ChangeFigures
from ca_core.telemetry.credentials import CredentialGauges


class Metrics:
    """Every metric there is, made once per process object.

    Labels are bounded: authorities, providers, kinds and phases of operations, plugins, rules,
    route names and statuses; never a service, a node or an identity.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        count, by_plugin = self._counter, partial(self._counter, labels=("plugin",))
        self.issued = count("leaves_issued", "Leaves signed, checked and recorded", ("authority",))
        self.violations = count(
            "guard_violations",
            "Answers of a provider that broke a rule; nothing of them was released",
            ("provider", "rule"),
        )
        self.provider_bugs = count(
            "provider_bugs",
            "Exceptions outside the contract that escaped a provider",
            ("provider",),
        )
        self.review_denials = by_plugin(
            "review_denials", "Leaves denied by a review plugin, or for want of its verdict"
        )
        self.review_failures = by_plugin(
            "review_failures", "Reviews that raised, returned something else, or gave no answer"
        )
        self.reviews_late = by_plugin("reviews_late", "Reviews that were over their budget")
        self.event_failures = by_plugin("event_failures", "Events whose delivery raised")
        self.events_dropped = by_plugin("events_dropped", "Events that a plugin was too slow for")
        self.operations = count(
            "operations",
            "Changes of who signs that are over, or were rolled back, led by this server",
            ("kind", "outcome"),
        )
        self.requests = count(
            "http_requests",
            "HTTP requests answered, hot reads from memory excepted",
            ("route", "status"),
        )

    def _counter(self, name: str, what: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"ca_core_{name}", what, labels, registry=self.registry)

    def show_switched_off(self, plugins: Callable[[], Mapping[str, bool]]) -> None:
        """Show for each review plugin, asked at every scrape, whether it is switched off.

        Args:
            plugins: name → whether it is switched off; the names never change.
        """
        gauge = Gauge(
            "ca_core_review_plugin_switched_off",
            "1 if a review plugin was over its budget too often and is asked no more",
            ("plugin",),
            registry=self.registry,
        )
        for name in plugins():
            gauge.labels(name).set_function(partial(_as_number, plugins, name))

    def show_expiry(self, name: str, what: str, value: Callable[[], float]) -> None:
        """Show when something expires, as a Unix time asked for at every scrape.

        Args:
            name: the metric, ``ca_core_NAME_expiry_timestamp_seconds``.
            what: what expires, for the help text.
            value: the moment; NaN if there is none.
        """
        gauge = Gauge(
            f"ca_core_{name}_expiry_timestamp_seconds",
            f"When {what} expires, as a Unix time",
            registry=self.registry,
        )
        gauge.set_function(value)

    def show_changes(self, ask: Callable[[], ChangeFigures]) -> None:
        """Show, at every scrape, how who signs changes."""
        self.registry.register(ChangeCollector(ask))

    def show_caches(self, ask: Callable[[], Iterable[KindFigures]]) -> None:
        """Show, at every scrape, what an agent remembers, by kind."""
        self.registry.register(CacheCollector(ask))

    def show_overdue(self, value: Callable[[], bool]) -> None:
        """Show, at every scrape, whether a root or signer should have been replaced by now."""
        gauge = Gauge(
            "ca_core_rotation_overdue",
            "1 if a root or signer should have been replaced by now and was not",
            registry=self.registry,
        )
        gauge.set_function(lambda: float(value()))

    def show_tokens(self, value: Callable[[], int]) -> None:
        """Show, at every scrape, how many tokens are stored."""
        gauge = Gauge("ca_core_acl_tokens", "Tokens that are stored", registry=self.registry)
        gauge.set_function(lambda: float(value()))

    def show_catalog(self, kinds: Iterable[str], count: Callable[[str], int]) -> None:
        """Show, at every scrape, how much of each kind the catalog holds."""
        gauge = Gauge(
            "ca_core_catalog_entries",
            "Nodes, silent nodes, services and instances in the catalog, agents parked here",
            ("kind",),
            registry=self.registry,
        )
        for kind in kinds:
            gauge.labels(kind).set_function(partial(count, kind))

    def show_credential(
        self, provider: Callable[[], str], last: Callable[[], Credential | None], clock: Clock
    ) -> None:
        """Show how the provider's credential stands, asked at every scrape; nothing if it has none.

        Args:
            provider: its name.
            last: what was last heard of it; answers from memory.
            clock: the time that hours are counted from.
        """
        self.registry.register(CredentialGauges(provider, last, clock))

    def exposition(self) -> tuple[bytes, str]:
        """Return the metrics in OpenMetrics text, and its content type."""
        return bytes(generate_latest(self.registry)), CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call] # the library is not typed here


def _as_number(plugins: Callable[[], Mapping[str, bool]], name: str) -> float:
    return float(plugins()[name])
