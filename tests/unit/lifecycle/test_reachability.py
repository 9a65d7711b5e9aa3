"""Which agents call: those that asked anything lately, and those that wait for news."""

from datetime import timedelta

from ca_core.lifecycle.reachability import LEASE, Reachability
from ca_core.testing.clock import FakeClock

SECOND = timedelta(seconds=1)


def test_an_agent_is_seen_for_a_lease_after_it_called():
    """And no longer."""
    clock = FakeClock()
    seen = Reachability(clock)
    seen.saw("n1")
    clock.advance(LEASE)
    assert seen.nodes() == {"n1"}
    clock.advance(SECOND)
    assert seen.nodes() == frozenset()
    assert seen.last("n1") == clock.now() - LEASE - SECOND


def test_an_agent_that_waits_for_news_is_seen_all_the_time():
    """It need not say again that it is there; its lease begins when it goes."""
    clock = FakeClock()
    seen = Reachability(clock)
    with seen.parked("n1"):
        with seen.parked("n1"):  # a newer question, before the older one has ended
            clock.advance(10 * LEASE)
        clock.advance(10 * LEASE)
        assert (seen.nodes(), seen.last("n1")) == ({"n1"}, clock.now())
    clock.advance(LEASE)
    assert seen.nodes() == {"n1"}
    clock.advance(SECOND)
    assert seen.nodes() == frozenset()
    assert seen.last("n2") is None
