"""Forecasts: what goes wrong is foretold, what does not is not, and production code decides."""

from datetime import timedelta

import pytest

from ca_core.agent import renewal
from ca_core.authority import limiter
from ca_core.authority.settings import CASettings
from ca_core.errors import RequestError
from ca_core.lifecycle import rows, spread
from ca_core.lifecycle.policy import Lead, RotationPolicy
from ca_core.lifecycle.rows import Kind, OnDeadline, Wishes
from ca_core.lifecycle.simulation import timeline
from ca_core.lifecycle.simulation.flight import flown
from ca_core.lifecycle.simulation.scenario import Cohort, Scenario, Span

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOTHING = timedelta()
TWO_HOURS = (Cohort(0.1, Span(NOTHING, 2 * HOUR)),)


def phases(forecast):
    """Return when each phase was reached, by name."""
    return {one.phase: one.at for one in forecast.phases}


def test_a_rotation_where_all_goes_well_costs_no_handshake():
    """Everybody acknowledges at once, every leaf is re-issued, the old root leaves."""
    found = flown(Scenario(agents=200))
    assert found.outcome == "active"
    assert found.failed_handshakes == 0
    assert found.worst_share == 0
    assert found.reissued_after is not None
    assert found.signed >= 200
    assert found.retired_after is not None
    assert 72 * HOUR <= found.retired_after <= 76 * HOUR
    assert sum(point.signed for point in found.curve) >= 200 * 0.99


def test_the_same_scenario_gives_the_same_forecast():
    """Two people who ask the same are told the same."""
    scenario = Scenario(agents=100, offline=TWO_HOURS, outages=(Span(MINUTE, 5 * MINUTE),))
    assert flown(scenario) == flown(scenario)


def test_without_a_cross_certificate_readers_are_given_time_to_settle():
    """Whoever cannot acknowledge is waited for."""
    crossed, alone = (flown(Scenario(agents=20, can_cross_sign=can)) for can in (True, False))
    assert phases(alone)["active"] - phases(crossed)["active"] == pytest.approx(600)


def test_an_operation_waits_for_a_cohort_that_is_away():
    """It becomes active when the last of them is back, and no handshake fails."""
    found = flown(Scenario(agents=100, offline=TWO_HOURS, can_cross_sign=False))
    assert 2 * 3600 <= phases(found)["active"] <= 2 * 3600 + 10
    assert found.failed_handshakes == 0


def test_the_deadline_ends_an_operation_that_is_to_be_aborted():
    """Those that are missing are named; nothing was re-issued."""
    wishes = Wishes(on_deadline=OnDeadline.ABORT, patience=HOUR)
    found = flown(Scenario(agents=100, offline=TWO_HOURS, wishes=wishes))
    assert found.outcome == "aborted"
    assert phases(found)["aborted"] == pytest.approx(3602)
    assert found.missing == 10
    assert "and 5 more" in found.reason
    assert found.reissued_after is None


def test_force_without_a_cross_certificate_breaks_handshakes_with_those_who_are_away():
    """Ten of a hundred do not know the new root: a tenth, both ways, until they are back."""
    wishes = Wishes(force=True)
    scenario = Scenario(
        agents=100, offline=TWO_HOURS, wishes=wishes, can_cross_sign=False, handshakes=10
    )
    found = flown(scenario)
    assert found.missing == 10
    assert found.worst_share == pytest.approx(2 * 0.1 * 0.9)
    assert found.failed_handshakes == pytest.approx(10 * 7200 * 0.18, rel=0.02)


def test_a_cross_certificate_spares_those_who_are_left_behind():
    """The same with a way to the old root: nothing fails."""
    wishes = Wishes(on_deadline=OnDeadline.PROCEED, patience=MINUTE)
    found = flown(Scenario(agents=100, offline=TWO_HOURS, wishes=wishes))
    assert (found.outcome, found.missing) == ("active", 10)
    assert found.failed_handshakes == 0


def test_whoever_is_away_for_longer_than_its_leaves_live_is_seen_to_expire():
    """It no longer counts once its last leaf has ended; the operation goes on without it."""
    away = (Cohort(0.1, Span(NOTHING, 100 * HOUR)),)
    found = flown(Scenario(agents=50, offline=away))
    assert found.outcome == "active"
    assert found.most_expired == 5 * 2  # the service's and the agent's own
    assert found.failed_handshakes > 0
    assert phases(found)["active"] <= 72 * 3600


def test_a_renewal_distributes_nothing():
    """The anchor is known already."""
    assert set(phases(flown(Scenario(agents=20, kind=Kind.RENEW)))) == {
        "planned",
        "prepared",
        "active",
    }


def test_a_tainted_root_leaves_within_minutes():
    """It does not wait for what it signed."""
    found = flown(Scenario(agents=50, kind=Kind.TAINT))
    assert found.retired_after is not None
    assert found.retired_after - SECOND * phases(found)["active"] <= rows.TAINTED_LEAVES


def test_an_outage_of_the_provider_delays_what_it_covers():
    """Nothing is prepared while it lasts; what is tried meanwhile fails and is tried again."""
    early = flown(Scenario(agents=50, outages=(Span(NOTHING, 10 * MINUTE),)))
    assert 600 <= phases(early)["prepared"] <= 632
    late = flown(Scenario(agents=50, outages=(Span(3 * SECOND, 10 * MINUTE),)))
    assert late.failed > 0
    assert late.reissued_after is not None
    assert late.reissued_after > 10 * MINUTE


def test_the_backends_quota_sets_the_pace():
    """Five a second need a minute and a half for 500 leaves, whatever is admitted."""
    found = flown(Scenario(agents=500, quota=5))
    assert found.refused > 0
    assert found.reissued_after is not None
    assert 95 * SECOND <= found.reissued_after <= 5 * MINUTE


def test_a_slow_provider_sets_the_pace_too():
    """One signature at a time, each of half a second, and those that wait too long give up."""
    found = flown(Scenario(agents=100, signing_time=SECOND / 2))
    assert found.reissued_after is not None
    assert found.reissued_after >= 50 * SECOND


def test_admission_lets_no_more_through_than_its_rate():
    """After the burst, at most so many are signed in a second."""
    settings = CASettings(csr_max_per_second=10)
    found = flown(Scenario(agents=1000, settings=settings))
    assert all(point.signed <= 20 for point in found.curve)
    assert found.reissued_after is not None
    assert found.reissued_after >= 98 * SECOND


@pytest.mark.parametrize("issued_ago", [None, HOUR])
@pytest.mark.parametrize(("leaves", "share"), [(1, 0.1), (3, 0.01)])
def test_a_re_issue_is_no_herd(issued_ago, leaves, share):
    """Of thousands of leaves hardly one is sent away, whether their ages differ or not."""
    agents = 4000 // (leaves + 1)
    scenario = Scenario(agents=agents, leaves=leaves, issued_ago=issued_ago, longest=3 * HOUR)
    found = flown(scenario)
    assert found.signed >= scenario.all_leaves
    assert found.refused <= share * scenario.all_leaves
    assert found.reissued_after is not None
    assert found.reissued_after <= 3 * MINUTE


def test_what_is_due_begins_and_waits_for_its_moment():
    """The policy's own thresholds decide when the signer is made and when it signs."""
    found = flown(Scenario(agents=20, kind=None))
    assert found.kind == "renew"
    assert found.due.startswith("the signer ends at")
    assert phases(found)["active"] == pytest.approx((30 - 7) * 86400)
    earlier = RotationPolicy(signer_activate=Lead(1 / 6, timedelta(days=14)))
    again = flown(Scenario(agents=20, kind=None, policy=earlier))
    assert phases(again)["active"] == pytest.approx((30 - 14) * 86400)


def test_all_leaves_of_one_age_are_renewed_in_their_window():
    """A mesh that was started at once renews between 60 and 90 % of the first leaf's life."""
    settings = CASettings(leaf_ttl=HOUR)
    scenario = Scenario(
        agents=200, kind=Kind.RENEW, settings=settings, issued_ago=NOTHING, longest=HOUR,
        wishes=Wishes(not_before=None), outages=(Span(NOTHING, 20 * MINUTE),),
    )  # fmt: skip
    assert flown(scenario).most_expired == 0


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (renewal, "HURRY_BY_CHANCE", 0.0),
        (renewal, "RETRY_WINDOW", 5 * MINUTE),
        (spread, "SHARE", 0.1),
        (limiter, "MAX_WAIT", NOTHING),
        (rows, "TAINTED_LEAVES", HOUR),
        (renewal, "EARLIEST", 0.1),
    ],
)
def test_a_threshold_of_production_changes_the_forecast(monkeypatch, module, name, value):
    """The simulator has no copy of what it foretells."""
    scenario = Scenario(
        agents=300,
        kind=Kind.TAINT if name == "TAINTED_LEAVES" else Kind.ROTATE,
        settings=CASettings(csr_max_per_second=2),
        outages=(Span(3 * SECOND, 5 * MINUTE),),
    )
    before = flown(scenario)
    monkeypatch.setattr(module, name, value)
    assert flown(scenario) != before


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"agents": 0}, "agents"),
        ({"agents": 10**7}, "agents"),
        ({"offline": (Cohort(0.9, Span(NOTHING, HOUR)),) * 2}, "offline"),
        ({"kind": Kind.SETTINGS}, "kind"),
        ({"concurrency": 10**9}, "concurrency"),
        ({"handshakes": 1e308}, "handshakes"),
        ({"quota": 1e-300}, "quota"),
        ({"settings": CASettings(csr_max_per_second=1e-300)}, "rate"),
        ({"signing_time": HOUR}, "signing_time"),
        ({"outages": (Span(NOTHING, 10_000 * DAY),)}, "outage"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(wrong, field):
    """The error names what to change."""
    with pytest.raises(RequestError) as caught:
        Scenario(**wrong)
    assert caught.value.field == field


def test_a_scenario_without_end_is_given_up(monkeypatch):
    """However odd it is: whoever asks gets an answer, and is told what to make smaller."""
    monkeypatch.setattr(timeline, "MOST_ACTS", 1000)
    with pytest.raises(RequestError) as caught:
        flown(Scenario(agents=10, outages=(Span(NOTHING, 30 * DAY),)))
    assert caught.value.field == "longest"
