"""When a token is due, and how long to wait after a failure, whatever the numbers are."""

from datetime import UTC, datetime, timedelta

import pytest
from ca_provider_vault.lease import (
    CALLERS_PAUSE,
    LAST_PAUSE,
    LEAST_PAUSE,
    TokenLease,
    Trouble,
    due,
    pause,
)
from ca_provider_vault.tokens import span
from hypothesis import given
from hypothesis import strategies as st

from ca_core.contract import ProviderError, RateLimitedError, Secret, UnavailableError

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LIVES = st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=3650))
SPANS = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=3650))
JITTERS = st.floats(min_value=0, max_value=1)


def lease(ttl: timedelta | None) -> TokenLease:
    """Return the lease of a token."""
    return TokenLease(token=Secret("s.unseen-token"), since=NOW, ttl=ttl, renewable=True)


@given(ttl=LIVES)
def test_a_token_is_due_after_two_thirds_and_before_its_end(ttl):
    """But never so soon that a short life becomes a busy loop."""
    found = due(lease(ttl))
    assert found - NOW >= LEAST_PAUSE
    assert found <= max(NOW + ttl, NOW + LEAST_PAUSE)
    assert found - NOW >= ttl * 0.66


@given(ttl=LIVES, passed=SPANS)
def test_a_token_is_dead_exactly_when_nothing_is_left(ttl, passed):
    """Runway and death are one fact."""
    made = lease(ttl)
    assert made.is_dead(NOW + passed) == (made.runway(NOW + passed) == timedelta())


def test_a_token_without_end_is_never_due_and_never_dead():
    """Its runway is not a number."""
    made = lease(None)
    assert due(made) is None
    assert made.runway(NOW) is None
    assert not made.is_dead(NOW + timedelta(days=100_000))


@given(failures=st.integers(min_value=1, max_value=10**9), jitter=JITTERS)
def test_a_pause_grows_to_its_limit_and_not_beyond(failures, jitter):
    """After any number of failures it is between four fifths of a second and half a minute."""
    found = pause(failures, jitter)
    assert timedelta(seconds=0.8) <= found <= LAST_PAUSE
    assert found <= pause(failures + 1, jitter)


@given(failures=st.integers(min_value=1, max_value=20), jitter=JITTERS)
def test_jitter_takes_at_most_a_fifth(failures, jitter):
    """A fleet spreads, and nobody is early by much."""
    assert pause(failures, 0) * 0.8 <= pause(failures, jitter) <= pause(failures, 0)


@given(steps=st.lists(st.tuples(st.integers(0, 600), JITTERS), min_size=1, max_size=50))
def test_a_caller_waits_no_longer_than_it_must(steps):
    """Two seconds, but until the next attempt where a login was refused or there is a limit."""
    gone, refused, limited, now = Trouble(), Trouble(), Trouble(), NOW
    for seconds, jitter in steps:
        now += timedelta(seconds=seconds)
        gone = gone.worse(UnavailableError("gone"), now, jitter)
        refused = refused.worse(ProviderError("refused"), now, jitter, was_refused=True)
        limited = limited.worse(RateLimitedError(retry_after=CALLERS_PAUSE), now, jitter)
        assert timedelta() < gone.wait_of_a_call(now) <= CALLERS_PAUSE
        assert refused.wait_of_a_call(now) == refused.try_again - now
        assert limited.wait_of_a_call(now) == limited.try_again - now
        assert gone.wait_of_a_call(now + CALLERS_PAUSE) == timedelta()
    assert gone.failures == refused.failures == len(steps)


def test_a_clock_that_was_set_back_does_not_prolong_a_pause():
    """An hour back is not an hour without service."""
    trouble = Trouble().worse(ProviderError("refused"), NOW, 0, was_refused=True)
    assert trouble.wait_of_a_call(NOW - timedelta(hours=1)) == timedelta()


def test_without_trouble_nobody_waits():
    """The first attempt is made at once."""
    assert Trouble().wait_of_a_call(NOW) == timedelta()


@pytest.mark.parametrize("seconds", [10**11, 10**18, 10**400], ids=["rare", "odd", "huge"])
def test_an_end_beyond_all_dates_is_an_end(seconds):
    """Nothing foreign is raised: it would end the thread that renews."""
    assert NOW + timedelta(days=36500) < lease(span(seconds)).ends


def test_a_lease_does_not_show_its_token():
    """It is in states that are shown."""
    assert "unseen" not in repr(lease(None))
