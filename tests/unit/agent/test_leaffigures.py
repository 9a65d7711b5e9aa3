"""Leaves in figures: how many in which state, when the first one ends; no service is a label."""

import math
from datetime import timedelta

from prometheus_client import CollectorRegistry

from ca_core.agent.leaffigures import figures_of
from ca_core.errors import RateLimitedError, UnavailableError
from ca_core.telemetry.leaves import LeafCollector
from ca_core.testing.clock import START
from tests.unit.agent.fakes import passed
from tests.unit.agent.leafhouse import ANYONE, HOUR, ran


def samples(h):
    """Return what a scrape would show: (name, labels) → value."""
    registry = CollectorRegistry()
    registry.register(LeafCollector(lambda: figures_of(h.leaves, h.clock)))
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def test_each_leaf_counts_in_one_state_and_the_first_end_is_told():
    """Fresh, due while renewal fails, expired; a record that never had a leaf is absent."""

    async def scenario(h):
        assert math.isnan(samples(h)["ca_core_leaf_soonest_expiry_timestamp_seconds", ()])
        await h.leaves.get(ANYONE, "web")
        await passed(h.clock, HOUR)
        await h.leaves.get(ANYONE, "api")
        await h.leaves.get(ANYONE, "web")
        shown = samples(h)
        assert shown["ca_core_leaves", ("fresh",)] == 2
        end = (START + 72 * HOUR).timestamp()
        assert shown["ca_core_leaf_soonest_expiry_timestamp_seconds", ()] == end
        h.upstream.sign_errors = [UnavailableError("down")] * 10_000
        await passed(h.clock, 54 * HOUR, step=HOUR)
        assert samples(h)["ca_core_leaves", ("due for renewal",)] == 2
        await passed(h.clock, 17 * HOUR + timedelta(minutes=1), step=HOUR)
        shown = samples(h)
        assert shown["ca_core_leaves", ("expired",)] == 1
        assert shown["ca_core_leaves", ("due for renewal",)] == 1
        assert sum(v for (name, _), v in shown.items() if name == "ca_core_leaves") == 2

    ran(scenario)


def test_first_leaves_and_renewals_are_counted_apart_and_failures_by_their_class():
    """A renewal is one more certificate for the same record."""

    async def scenario(h):
        await h.leaves.get(ANYONE, "web")
        h.upstream.sign_errors = [RateLimitedError(retry_after=HOUR / 60), UnavailableError("down")]
        await passed(h.clock, 54 * HOUR)
        await passed(h.clock, timedelta(minutes=5), step=timedelta(seconds=1))
        shown = samples(h)
        assert shown["ca_core_leaves_obtained_total", ("first",)] == 1
        assert shown["ca_core_leaves_obtained_total", ("renewal",)] == 1
        assert h.leaves.counts.failures == {"RateLimitedError": 1, "UnavailableError": 1}

    ran(scenario)


def test_a_thousand_services_make_no_more_series_than_one():
    """Labels are states; the figures are the same for any number of names."""

    async def scenario(h):
        await h.leaves.get(ANYONE, "web")
        one = set(samples(h))
        for number in range(20):
            await h.leaves.get(ANYONE, f"s{number}")
        assert set(samples(h)) == one

    ran(scenario)
