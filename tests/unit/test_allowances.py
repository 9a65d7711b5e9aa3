"""A bucket holds what comes back in time; each key spends its own."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.allowances import Allowances, Bucket
from ca_core.errors import RateLimitedError
from ca_core.testing.clock import FakeClock

times = st.floats(0, 1000)


@given(st.floats(-50, 50), times, times, st.floats(0.1, 100), st.floats(1, 100))
def test_a_bucket_never_holds_more_than_its_burst(tokens, start, later, rate, burst):
    """Refilling stops at the burst, however long the quiet time was."""
    bucket = Bucket(min(tokens, burst), start).refilled(later, rate=rate, burst=burst)
    assert bucket.tokens <= burst


@given(times, st.floats(0, 100), st.floats(0, 100), st.floats(0.1, 100))
def test_refilling_in_two_steps_equals_one(start, first, second, rate):
    """How often the clock is read does not change what is admitted."""
    empty = Bucket(0, start)
    once = empty.refilled(start + first + second, rate=rate, burst=1e9)
    halfway = empty.refilled(start + first, rate=rate, burst=1e9)
    twice = halfway.refilled(start + first + second, rate=rate, burst=1e9)
    assert once.tokens == pytest.approx(twice.tokens, abs=1e-6)


def allowances(clock, **more):
    """Return allowances of ten at once, then one in two seconds."""
    said = "too much came from {}".format
    return Allowances(clock, at_once=10.0, per_second=0.5, said=said, **more)


def test_each_key_spends_its_own():
    """Who has nothing left is told by name when to come back; others are not slowed."""
    left = allowances(FakeClock())
    left.spend("a", 10.0)
    with pytest.raises(RateLimitedError, match="too much came from a") as caught:
        left.spend("a", 3.0)
    assert caught.value.retry_after == timedelta(seconds=6)
    left.spend("b", 10.0)


def test_what_is_refused_costs_nothing():
    """At the moment that was told it passes, however often it was tried before."""
    clock = FakeClock()
    left = allowances(clock)
    left.spend("a", 10.0)
    for _ in range(5):
        with pytest.raises(RateLimitedError):
            left.spend("a")
    clock.advance(timedelta(seconds=2))
    left.spend("a")


def test_looking_takes_nothing():
    """Only what is charged is gone."""
    left = allowances(FakeClock())
    for _ in range(50):
        left.check("a", 10.0)
    left.charge("a", 9.5)
    with pytest.raises(RateLimitedError):
        left.check("a")


def test_what_was_caused_is_charged_even_below_nothing():
    """It is paid back before anything passes again."""
    clock = FakeClock()
    left = allowances(clock)
    left.charge("a", 15.0)
    with pytest.raises(RateLimitedError) as caught:
        left.spend("a")
    assert caught.value.retry_after == timedelta(seconds=12)
    clock.advance(caught.value.retry_after)
    left.spend("a")


def test_the_key_that_spent_longest_ago_is_forgotten_first():
    """What is remembered has an end, whoever comes."""
    left = allowances(FakeClock(), most=2)
    for key in ("a", "b", "a", "c"):
        left.spend(key, 5.0)
    with pytest.raises(RateLimitedError):
        left.check("a")
    left.check("b", 10.0)
