"""Failing handshakes: the same as asking every pair one by one."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.lifecycle.simulation.mesh import Mesh, Standing
from ca_core.lifecycle.simulation.scenario import START

bundles = st.sampled_from([frozenset({0}), frozenset({0, 1}), frozenset({1})])
standings = st.builds(Standing, st.sampled_from([0, 1, None]), st.booleans(), bundles)
HOUR = timedelta(hours=1)


def believed(presenter, verifier, *, is_crossed):
    """Say by hand whether a leaf is believed."""
    if presenter.anchor is None:
        return False
    way = presenter.crossed and is_crossed and 0 in verifier.trusts
    return presenter.anchor in verifier.trusts or way


@given(st.lists(standings, min_size=1, max_size=12), st.booleans())
def test_the_share_is_that_of_all_pairs(everybody, is_crossed):
    """A handshake fails if either side refuses the other."""
    mesh = Mesh(START, 10)
    mesh.cross_ends = START + HOUR if is_crossed else None
    for one in everybody:
        mesh.moved(None, one, START)
    failing = sum(
        not (believed(a, b, is_crossed=is_crossed) and believed(b, a, is_crossed=is_crossed))
        for a in everybody
        for b in everybody
    )
    assert mesh.share() == pytest.approx(failing / len(everybody) ** 2)


@given(st.lists(st.tuples(standings, standings), min_size=1, max_size=8))
def test_who_changes_and_changes_back_leaves_the_share_as_it_was(changes):
    """Counting moves forgets nothing and invents nobody."""
    mesh = Mesh(START, 10)
    for before, _ in changes:
        mesh.moved(None, before, START)
    share = mesh.share()
    for before, after in changes:
        mesh.moved(before, after, START)
    for before, after in reversed(changes):
        mesh.moved(after, before, START)
    assert mesh.share() == share


def test_handshakes_fail_for_as_long_as_the_two_do_not_believe_each_other():
    """An hour in which a half refuses the other half costs half of its handshakes."""
    mesh = Mesh(START, 10)
    old = Standing(0, False, frozenset({0}))
    new = Standing(1, False, frozenset({0, 1}))
    mesh.moved(None, old, START)
    mesh.moved(None, old, START)
    mesh.moved(old, new, START + HOUR)
    mesh.moved(old, new, START + 2 * HOUR)
    mesh.passed(START + 3 * HOUR)
    assert mesh.failed == pytest.approx(10 * 3600 / 2)
    assert mesh.worst == 0.5


def test_a_cross_certificate_helps_until_it_ends():
    """The same pair believes each other before its end and not after it."""
    mesh = Mesh(START, 1)
    mesh.cross_ends = START + HOUR
    mesh.moved(None, Standing(0, False, frozenset({0, 1})), START)
    mesh.moved(None, Standing(1, True, frozenset({0})), START)
    mesh.moved(None, Standing(0, False, frozenset({0})), START)
    mesh.cross_ended(START + HOUR)
    assert mesh.failed == 0
    mesh.passed(START + 2 * HOUR)
    assert mesh.failed == pytest.approx(3600 * 3 / 9)  # with itself and, both ways, with the last
