"""Counters and gauges of one process, in a registry of its own (two servers fit in one process)."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest


class Metrics:
    """Every metric there is, made once per process object.

    Labels are bounded: authorities, providers, rules, route names and statuses; never a service, a
    node or an identity.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.issued = Counter(
            "ca_core_leaves_issued",
            "Leaves signed, checked and recorded",
            ("authority",),
            registry=self.registry,
        )
        self.violations = Counter(
            "ca_core_guard_violations",
            "Answers of a provider that broke a rule; nothing of them was released",
            ("provider", "rule"),
            registry=self.registry,
        )
        self.provider_bugs = Counter(
            "ca_core_provider_bugs",
            "Exceptions outside the contract that escaped a provider",
            ("provider",),
            registry=self.registry,
        )
        self.requests = Counter(
            "ca_core_http_requests",
            "HTTP requests answered, hot reads from memory excepted",
            ("route", "status"),
            registry=self.registry,
        )

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

    def exposition(self) -> tuple[bytes, str]:
        """Return the metrics in OpenMetrics text, and its content type."""
        return bytes(generate_latest(self.registry)), CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call] # the library is not typed here
