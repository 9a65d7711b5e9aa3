"""What is due: ordered, monotone in time, never silent, and the same at every scale."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ca_core.lifecycle.due import (
    Roots,
    Validity,
    due,
    next_look,
    overdue,
    root_moments,
    signer_moments,
)
from ca_core.lifecycle.policy import Lead, RotationPolicy
from ca_core.lifecycle.rows import Kind

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
HOUR, DAY, YEAR = timedelta(hours=1), timedelta(days=1), timedelta(days=365)
POLICY = RotationPolicy()
TICK = timedelta(seconds=1)

lives = st.timedeltas(HOUR, 20 * YEAR)
shares = st.floats(0.01, 1)
late = st.floats(0, 1.2)


@st.composite
def all_roots(draw) -> Roots:
    """Draw a root, and a signer that was made somewhere in its life, as the TTL rules allow."""
    root = draw(lives)
    intermediate = max(draw(shares) * root, HOUR / 2)
    leaf = draw(st.floats(0.001, 1 / 3)) * intermediate
    made = BEGIN + draw(st.floats(0, 0.9)) * root
    end = min(made + intermediate, BEGIN + root)
    whole = Validity(BEGIN, BEGIN + root)
    is_primary = draw(st.booleans())
    return Roots(
        root=whole,
        signer=whole if is_primary else Validity(made, end),
        leaf_ttl=leaf,
        intermediate_ttl=intermediate,
        signer_is_primary=is_primary,
    )


def usual(**changed) -> Roots:
    """Return the defaults: a root of ten years, a signer of one, leaves of 72 hours."""
    roots = Roots(
        root=Validity(BEGIN, BEGIN + 10 * YEAR),
        signer=Validity(BEGIN, BEGIN + YEAR),
        leaf_ttl=3 * DAY,
        intermediate_ttl=YEAR,
    )
    return replace(roots, **changed)


def moment(roots: Roots, share: float) -> datetime:
    """Return a moment of the root's life, or shortly after it."""
    return roots.root.not_before + share * roots.root.life


@given(all_roots())
def test_what_is_prepared_is_prepared_before_it_becomes_active_and_that_before_the_end(roots):
    """Both thresholds lie inside the life, in their order."""
    for moments, validity in (
        (root_moments(roots, POLICY), roots.root),
        (signer_moments(roots, POLICY), roots.signer),
    ):
        assert validity.not_before < moments.prepare < moments.activate < validity.not_after


@given(all_roots(), late, late)
def test_what_is_due_stays_due(roots, one, other):
    """Time takes nothing back, and a new root is never exchanged for a new signer."""
    first, second = sorted((moment(roots, one), moment(roots, other)))
    before, after = due(roots, POLICY, first), due(roots, POLICY, second)
    if before is not None:
        assert after is not None
        assert (before.kind, after.kind) != (Kind.ROTATE, Kind.RENEW)
    if before is not None and after is not None and before.kind is after.kind is Kind.RENEW:
        assert before == after


@given(all_roots(), late)
def test_after_the_activation_moment_something_is_due_while_nothing_is_changing(roots, share):
    """There is no state in which an end is met in silence."""
    now = moment(roots, share)
    if overdue(roots, POLICY, now):
        step = due(roots, POLICY, now)
        assert step is not None
        assert step.not_before <= now
        assert due(replace(roots, is_changing=True), POLICY, now) is None


@given(all_roots(), late)
def test_something_is_due_from_the_moment_that_the_next_look_names(roots, share):
    """A loop that sleeps until then misses nothing and finds something."""
    now = moment(roots, share)
    assert (due(roots, POLICY, now) is not None) == (now >= next_look(roots, POLICY))


@given(all_roots())
def test_a_signer_is_replaced_two_leaf_lives_before_its_end(roots):
    """A leaf that it signed last is not clamped, and has ended before the signer does."""
    assume(roots.leaf_ttl * 2 <= roots.signer.life * 3 / 4)
    left = roots.signer.not_after - signer_moments(roots, POLICY).activate
    assert left >= 2 * roots.leaf_ttl - TICK


@given(all_roots())
def test_where_the_primary_signs_the_root_is_due_and_never_a_signer(roots):
    """There is no signer below it that could be renewed."""
    primary = replace(roots, signer=roots.root, signer_is_primary=True)
    for share in (0.1, 0.5, 0.8, 1.1):
        step = due(primary, POLICY, moment(primary, share))
        assert step is None or step.kind is Kind.ROTATE


@given(all_roots(), st.floats(0.05, 20), late)
def test_short_lives_are_treated_as_long_ones_are(roots, scale, share):
    """Where no absolute bound bites, every moment scales with the lives."""
    policy = RotationPolicy(
        signer_prepare=Lead(1 / 2, 1000 * YEAR),
        signer_activate=Lead(1 / 6, 1000 * YEAR),
        root_margin=1000 * YEAR,
        step=Lead(1 / 24, 1000 * YEAR),
    )
    scaled = _scaled(roots, scale)
    edges = (root_moments(roots, policy), signer_moments(roots, policy))
    now = moment(roots, share)
    assume(all(abs(now - edge) > TICK for m in edges for edge in (m.prepare, m.activate)))
    assume((roots.signer.not_after >= roots.root.not_after) == _is_bound(scaled))
    here, there = due(roots, policy, now), due(scaled, policy, BEGIN + scale * (now - BEGIN))
    assert (here and here.kind) == (there and there.kind)


def _scaled(roots: Roots, scale: float) -> Roots:
    def of(validity: Validity) -> Validity:
        return Validity(
            BEGIN + scale * (validity.not_before - BEGIN),
            BEGIN + scale * (validity.not_after - BEGIN),
        )

    return replace(
        roots,
        root=of(roots.root),
        signer=of(roots.signer),
        leaf_ttl=scale * roots.leaf_ttl,
        intermediate_ttl=scale * roots.intermediate_ttl,
    )


def _is_bound(roots: Roots) -> bool:
    return roots.signer.not_after >= roots.root.not_after


def test_the_usual_signer_is_prepared_thirty_days_ahead_and_signs_seven_days_ahead():
    """The bounds of long lives are those that operators know from SPIRE."""
    roots = usual()
    assert due(roots, POLICY, BEGIN + 334 * DAY) is None
    step = due(roots, POLICY, BEGIN + 335 * DAY)
    assert step is not None
    assert (step.kind, step.not_before) == (Kind.RENEW, BEGIN + 358 * DAY)
    assert step.reason == "the signer ends at 2031-01-01T00:00:00Z, after a life of 8760h"


def test_a_signer_made_before_the_root_is_rotated_has_its_full_life():
    """The rotation begins so early that the root never bounds the signers under it."""
    roots = usual()
    begins = root_moments(roots, POLICY).prepare
    assert roots.root.not_after - begins == YEAR + 30 * DAY
    assert root_moments(roots, POLICY).activate + YEAR <= roots.root.not_after


def test_a_root_comes_before_its_signer():
    """Its rotation brings a new signer; renewing the old one first would be work for nothing."""
    roots = usual(signer=Validity(BEGIN + 8 * YEAR, BEGIN + 9 * YEAR))
    step = due(roots, POLICY, BEGIN + 9 * YEAR - 10 * DAY)
    assert step is not None
    assert step.kind is Kind.ROTATE


def test_a_signer_that_ends_with_its_root_is_not_renewed_under_it():
    """Another signer would end at the same moment, and be due again at once, for ever."""
    end = BEGIN + YEAR
    roots = usual(root=Validity(end - 10 * YEAR, end), signer=Validity(BEGIN, end))
    late = RotationPolicy(root_prepare=0.001, root_activate=0.0001, leaf_lives=0)
    begins = signer_moments(roots, late).prepare
    assert begins < root_moments(roots, late).prepare
    step = due(roots, late, begins)
    assert step is not None
    assert step.kind is Kind.ROTATE


@pytest.mark.parametrize(("share", "longest"), [(0, DAY), (1, DAY), (0.5, timedelta())])
def test_a_lead_that_would_never_or_always_count_is_refused(share, longest):
    """A threshold at the beginning or at the end of a life is a mistake."""
    with pytest.raises(ValueError, match="share"):
        Lead(share, longest)
