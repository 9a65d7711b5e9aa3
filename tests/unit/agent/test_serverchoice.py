"""Which server an agent asks: it stays with one, and passes over what does not do its work."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ca_core.agent.serverchoice import (
    FORGIVEN_AFTER,
    LONGEST_REST,
    SETTLED,
    answered,
    failed,
    first_choice,
    next_server,
    reconsidered,
)

FRACTIONS = st.floats(0.0, 1.0)


@given(st.integers(1, 9), FRACTIONS)
def test_agents_begin_anywhere(servers, fraction):
    """Whatever is drawn is a server."""
    assert 0 <= first_choice(servers, 0.0, fraction).current < servers


def test_agents_spread():
    """Nobody prefers the server that is named first."""
    draw = Random(1).random
    begun = Counter(first_choice(3, 0.0, draw()).current for _ in range(3000))
    assert min(begun.values()) > 900


def test_a_server_that_fails_is_left_for_another():
    """At once, without a second try."""
    choice = failed(first_choice(2, 0.0, 0.0), 0, 10.0, 0.5)
    assert choice.current == 1
    assert choice.standings[0].rests_until > 10.0


def test_a_server_that_returns_is_not_returned_to():
    """Whoever has moved stays: a thousand agents do not come back in one moment."""
    choice = failed(first_choice(2, 0.0, 0.0), 0, 10.0, 0.5)
    for now in range(11, 11 + int(SETTLED / 2)):
        choice = reconsidered(answered(choice, 1), float(now), 0.0)
        assert choice.current == 1


def test_after_long_agents_draw_anew():
    """So that a server that returned gets its share, a few agents at a time."""
    moved = failed(first_choice(2, 0.0, 0.0), 0, 10.0, 0.5)
    later = moved.settled_until + 1
    assert {reconsidered(moved, later, fraction).current for fraction in (0.1, 0.9)} == {0, 1}
    draw = Random(1).random
    ends = [failed(first_choice(2, 0.0, 0.0), 0, 0.0, draw()).settled_until for _ in range(1000)]
    assert max(ends) - min(ends) > 0.9 * SETTLED


def test_the_failure_of_a_server_that_is_not_asked_moves_nobody():
    """An old connection may break long after the agent has left."""
    choice = failed(first_choice(2, 0.0, 0.0), 1, 10.0, 0.5)
    assert choice.current == 0


def test_when_all_rest_the_one_whose_rest_ends_first_is_asked():
    """Somebody is always asked: an outage of all ends at the first that returns."""
    choice = failed(first_choice(3, 0.0, 0.0), 2, 0.0, 0.5)
    for now in (0.1, 0.2, 0.3, 0.4):
        choice = failed(choice, 0, now, 0.5)
        choice = failed(choice, 1, now, 0.5)
    assert choice.current == 2
    assert next_server(choice, 0.5, 0.5, tried={2}) in {0, 1}
    assert next_server(choice, 0.5, 0.5, tried={0, 1, 2}) is None


def test_rests_grow_and_end():
    """A server that flaps is asked ever more seldom, at most a minute apart."""
    choice, rests = first_choice(2, 0.0, 0.0), []
    for now in range(10):
        choice = failed(choice, 1, float(now), 1.0)
        rests.append(choice.standings[1].rests_until - now)
    assert rests == sorted(rests)
    assert rests[0] <= 1.0
    assert rests[-1] == LONGEST_REST


def test_one_that_failed_less_is_preferred():
    """Of those that do not rest."""
    choice = first_choice(3, 0.0, 0.0)
    for server in (0, 1, 1):
        choice = failed(choice, server, 0.0, 0.5)
    assert next_server(choice, 100.0, 0.9, tried=()) == 2
    assert next_server(choice, 100.0, 0.9, tried={2}) == 0


def test_failures_are_forgotten():
    """A server that nobody asked for long is as good as any other."""
    choice = failed(first_choice(2, 0.0, 0.0), 1, 0.0, 0.5)
    later = choice.standings[1].rests_until + FORGIVEN_AFTER + 1
    assert next_server(choice, later, 0.9, tried=()) == 1
    assert failed(choice, 1, later, 0.5).standings[1].failures == 1


def test_a_success_ends_the_rest():
    """It does its work: nothing counts against it."""
    choice = answered(failed(first_choice(2, 0.0, 0.0), 1, 0.0, 0.5), 1)
    assert (choice.standings[1].failures, choice.standings[1].rests_until) == (0, 0.0)


def test_speed_breaks_ties_alone():
    """A much slower server is not drawn beside a quick one, but before one that fails."""
    choice = first_choice(3, 0.0, 0.0)
    for server, seconds in ((0, 0.5), (1, 0.01), (2, 0.015)):
        choice = answered(choice, server, seconds)
    drawn = {next_server(choice, 0.0, fraction / 10, tried=()) for fraction in range(10)}
    assert drawn == {1, 2}
    assert choice.current == 0  # whoever is there stays
    for server in (1, 2):
        choice = failed(choice, server, 0.0, 0.5)
    assert next_server(choice, 10.0, 0.5, tried=()) == 0


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from(["fails", "works", "draws"]), st.integers(0, 3), FRACTIONS)),
)
def test_there_is_always_a_server_and_a_failing_one_is_left_if_another_does_not_rest(count, told):
    """Whatever happens in whatever order."""
    choice, now = first_choice(count, 0.0, 0.5), 0.0
    for what, place, fraction in told:
        server, now = place % count, now + 7 * fraction
        if what == "fails":
            choice = failed(choice, server, now, fraction)
            others = [one for at, one in enumerate(choice.standings) if at != server]
            if any(one.rests_until <= now for one in others):
                assert choice.current != server
        elif what == "works":
            choice = answered(choice, server, fraction)
        else:
            choice = reconsidered(choice, now, fraction)
        assert 0 <= choice.current < count
        assert len(choice.standings) == count
