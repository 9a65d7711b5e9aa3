"""The moments at which leaves are renewed."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ca_core.agent.backoff import LONGEST, backoff
from ca_core.agent.renewal import (
    RETRY_WINDOW,
    ROOT_CHANGE_SPREAD,
    LeafState,
    drawn,
    failed,
    hurried,
    life_left,
    renewal_window,
    retry_moment,
    retry_width,
    state_of,
)

ISSUED = datetime(2026, 1, 1, tzinfo=UTC)
LIVES = st.timedeltas(min_value=timedelta(seconds=10), max_value=timedelta(days=3650))
FRACTIONS = st.floats(min_value=0, max_value=1)
SPANS = st.timedeltas(min_value=timedelta(), max_value=timedelta(hours=2))


def test_a_leaf_of_three_days_is_renewed_between_43_and_65_hours():
    """The window is 60 to 90 % of the life, measured from the moment of issue."""
    window = renewal_window(ISSUED, ISSUED + timedelta(hours=72))
    assert window.earliest == ISSUED + timedelta(hours=43, minutes=12)
    assert window.latest == ISSUED + timedelta(hours=64, minutes=48)


def test_backdating_does_not_move_the_window():
    """Only issue and end count; a NotBefore in the past is no part of the life."""
    window = renewal_window(ISSUED, ISSUED + timedelta(minutes=10))
    assert window.earliest == ISSUED + timedelta(minutes=6)


@given(life=LIVES, fraction=FRACTIONS)
def test_the_drawn_moment_lies_between_60_and_90_percent(life, fraction):
    """Whatever is drawn stays within the window, and the window within the life."""
    moment = drawn(renewal_window(ISSUED, ISSUED + life), fraction)
    slack = timedelta(microseconds=2)
    assert ISSUED + 0.6 * life - slack <= moment <= ISSUED + 0.9 * life + slack


@given(life=LIVES, one=FRACTIONS, two=FRACTIONS)
def test_a_larger_fraction_is_never_earlier(life, one, two):
    """The draw is monotonic, so a uniform fraction gives uniform moments."""
    window = renewal_window(ISSUED, ISSUED + life)
    low, high = sorted((one, two))
    assert drawn(window, low) <= drawn(window, high)


@given(late=st.timedeltas(min_value=timedelta(), max_value=timedelta(days=9)))
def test_a_leaf_that_ended_before_its_issue_is_due_after_a_second(late):
    """A clock ahead of the server gives an empty window, never a hot loop."""
    window = renewal_window(ISSUED, ISSUED - late)
    assert window.earliest == window.latest == ISSUED + timedelta(seconds=1)


@given(life=st.timedeltas(min_value=timedelta(seconds=20), max_value=timedelta(minutes=10)))
def test_two_retries_fit_into_the_last_tenth_of_a_short_life(life):
    """Leaves under ten minutes are not renewed in a hot loop and still have room for retries."""
    window = renewal_window(ISSUED, ISSUED + life)
    assert window.latest + 2 * retry_width(ISSUED, ISSUED + life) <= ISSUED + life + timedelta(
        microseconds=9
    )


def test_long_lives_retry_in_windows_of_thirty_seconds():
    """From ten minutes on the window has its full width."""
    assert retry_width(ISSUED, ISSUED + timedelta(hours=1)) == RETRY_WINDOW


@given(attempt=st.integers(0, 1000), after=SPANS, fraction=FRACTIONS)
def test_each_window_holds_exactly_one_retry(attempt, after, fraction):
    """Retry n lies in the n-th fixed window after Retry-After, nowhere else."""
    moment = retry_moment(ISSUED, attempt, after, fraction)
    start = ISSUED + after + attempt * RETRY_WINDOW
    assert start <= moment <= start + RETRY_WINDOW


@given(
    pauses=st.lists(st.tuples(SPANS, SPANS, FRACTIONS), min_size=1, max_size=12),
)
def test_no_retry_before_retry_after_and_at_most_one_a_window(pauses):
    """However long tries take and whatever they ask for, windows stay fixed and are used once."""
    now, run, used = ISSUED, None, set()
    for took, retry_after, fraction in pauses:
        now += took
        run = failed(run, at=now, retry_after=retry_after, fraction=fraction)
        assert run.retry_at >= now + retry_after
        assert run.not_before == now + retry_after
        start = run.windows_from + run.number * RETRY_WINDOW
        assert start <= run.retry_at <= start + RETRY_WINDOW
        assert run.number not in used
        used.add(run.number)
        now = run.retry_at


@given(fraction=FRACTIONS, left=FRACTIONS, spread=SPANS)
def test_a_root_change_renews_within_the_spread(fraction, left, spread):
    """Whatever is drawn, and whenever the leaf ends."""
    assert ISSUED <= hurried(ISSUED, fraction, left=left, spread=spread) <= ISSUED + spread


def test_until_a_server_has_said_a_spread_it_is_half_a_minute():
    """The last moment of all is that of a fresh leaf with the highest draw."""
    assert hurried(ISSUED, 1.0, left=1.0) == ISSUED + ROOT_CHANGE_SPREAD


@given(fraction=FRACTIONS, one=FRACTIONS, two=FRACTIONS, spread=SPANS)
def test_of_two_leaves_with_the_same_draw_the_one_that_ends_sooner_is_first(
    fraction, one, two, spread
):
    """So the order of expiry is kept in expectation."""
    sooner, later = sorted((one, two))
    first = hurried(ISSUED, fraction, left=sooner, spread=spread)
    assert first <= hurried(ISSUED, fraction, left=later, spread=spread)


@given(
    seed=st.integers(0, 2**32),
    lives=st.sampled_from(
        [lambda _: 1.0, lambda _: 0.1, lambda r: r.random(), lambda r: 0.4 + 0.6 * r.random()]
    ),
)
@settings(max_examples=20)
def test_thousands_of_leaves_are_no_herd_however_alike_their_lives(seed, lives):
    """No second has three times as many as the mean, also if all were issued together."""
    random, spread, leaves = Random(seed), timedelta(seconds=250), 20_000
    seconds = Counter(
        int(
            (
                hurried(ISSUED, random.random(), left=lives(random), spread=spread) - ISSUED
            ).total_seconds()
        )
        for _ in range(leaves)
    )
    assert max(seconds.values()) < 3 * leaves / spread.total_seconds()


@given(now=st.timedeltas(min_value=timedelta(hours=-2), max_value=timedelta(hours=100)))
def test_what_is_left_of_a_life_lies_between_nothing_and_all(now):
    """A clock that was set does not lead out of the spread."""
    moment, end = ISSUED + now, ISSUED + timedelta(hours=72)
    left = life_left(moment, issued_at=ISSUED, not_after=end)
    assert left == max(0.0, min(1.0, (end - moment) / timedelta(hours=72)))
    assert life_left(moment, issued_at=end, not_after=end) == 0.0


@given(now=st.timedeltas(min_value=timedelta(hours=-2), max_value=timedelta(hours=100)))
def test_exactly_one_state_holds_at_any_moment(now):
    """Before NotBefore, fresh, due and expired follow one another without a gap."""
    end, due = ISSUED + timedelta(hours=72), ISSUED + timedelta(hours=50)
    moment = ISSUED + now
    state = state_of(moment, not_before=ISSUED, renew_at=due, not_after=end)
    assert (state is LeafState.NOT_YET_VALID) == (moment < ISSUED)
    assert (state is LeafState.FRESH) == (ISSUED <= moment < due)
    assert (state is LeafState.DUE) == (due <= moment <= end)
    assert (state is LeafState.EXPIRED) == (moment > end)


@given(failures=st.integers(1, 10_000), fraction=FRACTIONS, asked=SPANS)
def test_backoff_is_bounded_jittered_and_obeys_retry_after(failures, fraction, asked):
    """Never more than four seconds unless the server asks for more, never zero."""
    seconds = backoff(failures, fraction, at_least=asked)
    assert 0.125 <= seconds <= max(LONGEST, asked.total_seconds())
    assert seconds >= asked.total_seconds()


def test_those_who_failed_together_do_not_return_together():
    """The draw spreads a pause over its upper half."""
    assert backoff(5, 0.0) == 2
    assert backoff(5, 0.5) == 3
    assert backoff(5, 1.0) == 4


def test_backoff_doubles_until_its_ceiling():
    """At the same fraction each failure waits twice as long as the one before, up to 4 s."""
    assert [backoff(n, 1.0) for n in range(1, 8)] == [0.25, 0.5, 1, 2, 4, 4, 4]


SOFT_EXPIRIES = (  # life, then hours after the issue: earliest and latest
    (timedelta(hours=72), timedelta(hours=43.2), timedelta(hours=64.8)),
    (timedelta(hours=1), timedelta(minutes=36), timedelta(minutes=54)),
    (timedelta(minutes=1), timedelta(seconds=36), timedelta(seconds=54)),
)


@pytest.mark.parametrize(("life", "earliest", "latest"), SOFT_EXPIRIES)
def test_soft_expiry(life, earliest, latest):
    """util_test calculateSoftExpiry: its windows for 72 h and 1 h are ours.

    Consul moves the window with every look, so that later rows of its table begin "now"; here the
    moment is drawn at issue and looked at, and what was drawn before now is due. A life of a minute
    has a window like any other: Consul renews it at once, and again at once.
    """
    window = renewal_window(ISSUED, ISSUED + life)
    assert (window.earliest - ISSUED, window.latest - ISSUED) == (earliest, latest)


@pytest.mark.parametrize("moment", [timedelta(hours=44, seconds=20), timedelta(hours=66)])
def test_what_was_drawn_before_now_is_due(moment):
    """CalculateSoftExpiry past its first and its last mark: due, until the leaf has ended."""
    ends = ISSUED + timedelta(hours=72)
    drawn_at = drawn(renewal_window(ISSUED, ends), 0.0)
    state = state_of(ISSUED + moment, not_before=ISSUED, renew_at=drawn_at, not_after=ends)
    assert state is LeafState.DUE
    after = state_of(
        ends + timedelta(seconds=1), not_before=ISSUED, renew_at=drawn_at, not_after=ends
    )
    assert after is LeafState.EXPIRED
