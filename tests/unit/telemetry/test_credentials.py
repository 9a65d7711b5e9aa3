"""Gauges of a credential: hours left, the end, failures; nothing where nothing is known."""

import math
from datetime import timedelta

import pytest

from ca_core.contract.answers import Credential
from ca_core.telemetry.metrics import Metrics
from ca_core.testing.clock import START, FakeClock
from tests.unit.telemetry.test_metrics import BOUNDED, families

PREFIX = "ca_core_provider_credential_"


def shown(credential):
    """Return the samples by name, without the prefix."""
    metrics = Metrics()
    metrics.show_credential(lambda: "vault", lambda: credential, FakeClock())
    samples = [sample for family in families(metrics) for sample in family.samples]
    ours = [sample for sample in samples if sample.name.startswith(PREFIX)]
    assert all(sample.labels == {"provider": "vault"} for sample in ours)
    assert all(set(sample.labels) <= BOUNDED for sample in ours)
    return {sample.name.removeprefix(PREFIX): sample.value for sample in ours}


@pytest.mark.parametrize(
    ("credential", "hours", "moment", "failures"),
    [
        (Credential(ends=START + timedelta(minutes=90)), 1.5, START.timestamp() + 5400, 0),
        (Credential(ends=START - timedelta(1), failures=7), 0, START.timestamp() - 86400, 7),
        (Credential(ends=None), math.inf, math.inf, 0),
    ],
    ids=["lives", "dead", "for ever"],
)
def test_a_credential_has_three_gauges(credential, hours, moment, failures):
    """Hours from now, never below zero; the moment; failures in a row."""
    assert shown(credential) == {
        "runway_hours": hours,
        "expiry_timestamp_seconds": moment,
        "failures": failures,
    }


def test_nothing_known_is_no_sample():
    """An alert on a number does not fire for what is not there."""
    assert shown(None) == {}
