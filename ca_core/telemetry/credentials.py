"""Gauges of a provider's credential: hours left, when it ends, failures in a row."""

import math
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ca_core.clock import Clock
from ca_core.contract.answers import Credential

_HOUR = timedelta(hours=1)


def hours_left(credential: Credential, now: datetime) -> float | None:
    """Return how many hours a credential still lives, at least 0; None if it never expires."""
    runway = credential.runway(now)
    return None if runway is None else runway / _HOUR


class CredentialGauges(Collector):
    """Shows how the credential of one provider stands; no sample while none is known.

    One that never expires has ``+Inf`` hours left and ends at ``+Inf``.

    Args:
        provider: name of the provider, the label.
        last: what was last heard of its credential; answers from memory.
        clock: the time that hours are counted from.
    """

    def __init__(
        self, provider: Callable[[], str], last: Callable[[], Credential | None], clock: Clock
    ) -> None:
        self._provider = provider
        self._last = last
        self._clock = clock

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return the families without samples."""
        return (
            _family("runway_hours", "Hours that the provider's credential still lives"),
            _family("expiry_timestamp_seconds", "When that credential expires, as a Unix time"),
            _family("failures", "How often it could not be renewed or replaced, in a row"),
        )

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the families as they stand now."""
        families, found = tuple(self.describe()), self._last()
        if found is not None:
            hours = hours_left(found, self._clock.now())
            values = (
                math.inf if hours is None else hours,
                math.inf if found.ends is None else found.ends.timestamp(),
                float(found.failures),
            )
            for family, value in zip(families, values, strict=True):
                family.add_metric((self._provider(),), value)
        return families


def _family(name: str, what: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"ca_core_provider_credential_{name}", what, labels=("provider",))
