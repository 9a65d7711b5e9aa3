"""Counters and gauges of one process, in a registry of its own (two servers fit in one process)."""

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
        self.anchor_expiry = Gauge(
            "ca_core_anchor_expiry_timestamp_seconds",
            "When a trusted anchor expires, as a Unix time",
            ("authority",),
            registry=self.registry,
        )
        self.signer_expiry = Gauge(
            "ca_core_signer_expiry_timestamp_seconds",
            "When the current signer expires, as a Unix time",
            ("authority",),
            registry=self.registry,
        )
        self.own_leaf_expiry = Gauge(
            "ca_core_own_leaf_expiry_timestamp_seconds",
            "When this process's own leaf expires, as a Unix time",
            registry=self.registry,
        )

    def exposition(self) -> tuple[bytes, str]:
        """Return the metrics in OpenMetrics text, and its content type."""
        return bytes(generate_latest(self.registry)), CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call] # the library is not typed here
