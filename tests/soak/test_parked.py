"""Crowds before one agent: queries that wait, and connections that never finish what they begin."""

import pytest

from bench.pair import started_pair
from bench.parked import HALF_A_BODY, HALF_A_HEAD, crowd, parked, stalled
from tests.stopwatch import stopwatch

MANY = 10_000
SOON = 2.0
"""Seconds on a machine that runs other tests too; the goal is one, on a machine of one's own."""
KILOBYTE = 1024


@pytest.fixture(scope="module")
def pair():
    """Run a server and an agent."""
    with started_pair() as both:
        yield both


@pytest.fixture
def told(pair):
    """Run a crowd before the agent."""
    with crowd(pair.port) as orders:
        yield orders


def check(waited, number, *, most, within):
    """Hold a crowd of queries to what was promised to it."""
    assert (waited.came, waited.wrong) == (number, 0)
    assert waited.seconds <= within
    assert waited.per_query <= most
    assert max(waited.others) <= within, "others were not served meanwhile"


def test_a_thousand_parked_queries_cost_little_and_all_are_answered(pair, told, record_property):
    """Every one is answered soon after a change, and other requests meanwhile."""
    with stopwatch() as watch:
        waited = parked(pair, told, 1_000)
        record_property("measured", str(waited))
        check(waited, 1_000, most=30 * KILOBYTE, within=SOON + watch.lost)


@pytest.mark.soak
def test_ten_thousand_parked_queries(pair, told, record_property):
    """At 15 KB each, all of them within a second, others meanwhile."""
    waited = parked(pair, told, MANY)
    record_property("measured", str(waited))
    check(waited, MANY, most=15 * KILOBYTE, within=1.0)


@pytest.mark.parametrize(
    ("number", "sent", "within"),
    [
        pytest.param(500, HALF_A_HEAD, 10.0, id="500 half heads"),
        pytest.param(MANY, HALF_A_HEAD, 10.0, id="10000 half heads", marks=pytest.mark.soak),
        pytest.param(MANY, HALF_A_BODY, 30.0, id="10000 half bodies", marks=pytest.mark.soak),
    ],
)
@pytest.mark.timeout(240)
def test_connections_that_stall_are_dropped_without_harm(pair, told, number, sent, within):
    """The agent ends each of them at its limit, and answers others all the time."""
    with stopwatch() as watch:
        ended = stalled(pair, told, number, sent)
    assert (ended.came, ended.wrong) == (number, 0)
    assert within <= ended.seconds + SOON
    assert ended.seconds <= within + 3 * SOON + watch.lost
    assert max(ended.others) <= SOON + watch.lost
