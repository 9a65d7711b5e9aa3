"""What is registered here is a value: every change of it is another one."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.agent.services.definitions import Alias, CheckDefinition, Registration, Ttl
from ca_core.agent.services.following import followed
from ca_core.agent.services.localstate import LocalState
from ca_core.agent.services.standing import Report, worst
from ca_core.agent.services.state import (
    deregistered,
    registered,
    reported,
    with_check,
    without_check,
)
from ca_core.wire.catalog import CheckStatus, Service

PASSING, WARNING, CRITICAL = CheckStatus.PASSING, CheckStatus.WARNING, CheckStatus.CRITICAL
TTL = Ttl(ttl=timedelta(seconds=10))


def check(check_id, service_id="web", **more):
    """Return a TTL check."""
    return CheckDefinition(id=check_id, name=check_id, service_id=service_id, kind=TTL, **more)


def follower(check_id, owner, target):
    """Return a check that follows an instance."""
    kind = Alias(service_id=target)
    return CheckDefinition(id=check_id, name=check_id, service_id=owner, kind=kind)


def instance(name="web", *checks, **more):
    """Return an instance of a service."""
    return Registration(service=Service(id=name, service=name), checks=checks, **more)


def told(state, check_id, status, output="", at=1.0):
    """Return the state after a report."""
    return reported(state, check_id, Report(status=status, output=output, at=at))


def with_instances(*instances):
    """Return the state with these."""
    state = LocalState()
    for each in instances:
        state = registered(state, each, at=0.0)
    return state


def test_the_same_again_is_the_same_value():
    """A deployment that repeats itself changes nothing, and wakes nobody."""
    state = told(with_instances(instance("web", check("c"))), "c", PASSING)
    assert registered(state, instance("web", check("c")), at=9.0) is state
    assert with_check(state, check("c"), at=9.0) is state
    assert without_check(state, "other", at=9.0) is state
    assert deregistered(state, "other", at=9.0) is state


def test_a_check_that_is_defined_as_before_stands_as_before():
    """To register again must not make an instance critical."""
    state = told(with_instances(instance("web", check("c"))), "c", PASSING, "fine")
    moved = Registration(service=Service(id="web", service="web", port=81), checks=(check("c"),))
    state = registered(state, moved, at=9.0)
    assert (state.checks["c"].status, state.checks["c"].output) == (PASSING, "fine")
    assert state.services["web"].service.port == 81


def test_a_check_that_is_defined_anew_begins_anew():
    """What another question gave says nothing about this one."""
    state = told(with_instances(instance("web", check("c"))), "c", PASSING)
    state = registered(state, instance("web", check("c", notes="another")), at=9.0)
    assert state.checks["c"].status is CRITICAL
    assert state.checks["c"].critical_since == 9.0


def test_checks_that_are_left_out_stay_unless_only_the_named_ones_are_wanted():
    """As ``replace-existing-checks`` says; maintenance ends by itself alone."""
    state = with_instances(instance("web", check("old")))
    state = with_check(state, check("_service_maintenance:web"), at=0.0)
    assert set(registered(state, instance("web", check("new")), at=1.0).checks) == {
        *("old", "new", "_service_maintenance:web")
    }
    only = registered(state, instance("web", check("new")), at=1.0, only_these=True)
    assert set(only.checks) == {"new", "_service_maintenance:web"}


def test_a_sidecar_goes_with_its_service():
    """And its checks go with it; other services stay."""
    state = with_instances(
        instance("web", check("c")),
        instance("web-sidecar-proxy", check("d", "web-sidecar-proxy"), parent="web"),
        instance("db", check("e", "db")),
    )
    left = deregistered(state, "web", at=1.0)
    assert (set(left.services), set(left.checks)) == ({"db"}, {"e"})


def test_a_deadline_alone_is_no_change_that_anybody_sees():
    """A program that reports the same every second wakes nobody."""
    state = told(with_instances(instance("web", check("c"))), "c", PASSING, "fine")
    report = Report(status=PASSING, output="fine", at=5.0, deadline=15.0)
    after = reported(state, "c", report)
    assert after.version == state.version
    assert after.checks["c"].deadline == 15.0


def test_results_change_the_version_and_definitions_the_shape():
    """Who runs checks follows the shape, everybody else the version."""
    state = with_instances(instance("web", check("c")))
    after = told(state, "c", PASSING)
    assert (after.version > state.version, after.shape) == (True, state.shape)
    more = with_check(after, check("d"), at=0.0)
    assert more.shape > after.shape


def test_critical_since_counts_from_the_first_of_several_critical_results():
    """A service is removed after a time without a good result, not after a silence."""
    state = with_instances(instance("web", check("c", status=PASSING)))
    state = told(told(state, "c", CRITICAL, "a", at=3.0), "c", CRITICAL, "b", at=8.0)
    assert state.checks["c"].critical_since == 3.0
    assert told(state, "c", WARNING).checks["c"].critical_since is None


def test_an_output_is_cut():
    """A page of HTML is not kept whole."""
    state = told(with_instances(instance("web", check("c"))), "c", PASSING, "x" * 10_000)
    assert len(state.checks["c"].output) == 4096


def test_a_follower_of_nothing_is_critical():
    """What is not registered is not well."""
    state = with_instances(instance("proxy", follower("f", "proxy", "web")))
    assert state.checks["f"].status is CRITICAL
    state = registered(state, instance("web"), at=1.0)
    assert state.checks["f"].status is PASSING
    assert deregistered(state, "web", at=2.0).checks["f"].status is CRITICAL


def test_followers_in_a_circle_stand_as_the_checks_that_somebody_runs():
    """Two that follow one another tell nothing of themselves."""
    state = with_instances(
        instance("a", follower("fa", "a", "b"), check("c", "a")),
        instance("b", follower("fb", "b", "a")),
    )
    assert {state.checks[each].status for each in ("fa", "fb")} == {CRITICAL}
    state = told(state, "c", WARNING)
    assert {state.checks[each].status for each in ("fa", "fb")} == {WARNING}


@given(st.lists(st.tuples(st.sampled_from(["c1", "c2", "c3"]), st.sampled_from(list(CheckStatus)))))
def test_a_follower_is_the_worst_of_what_it_follows_at_every_moment(results):
    """However results come, in a chain of followers too."""
    state = with_instances(
        instance("web", *(check(each) for each in ("c1", "c2", "c3"))),
        instance("near", follower("near", "near", "web")),
        instance("far", follower("far", "far", "near")),
    )
    for check_id, status in results:
        state = told(state, check_id, status)
        expected = worst(state.checks[each].status for each in ("c1", "c2", "c3"))
        assert state.checks["near"].status is expected
        assert state.checks["far"].status is expected


@pytest.mark.parametrize("bad", [WARNING, CRITICAL])
def test_a_follower_names_what_is_not_passing(bad):
    """Whoever looks at the sidecar sees where to look next."""
    state = with_instances(instance("web", check("disk")), instance("p", follower("f", "p", "web")))
    assert "disk" in told(state, "disk", bad).checks["f"].output


IDS = st.sampled_from(["a", "b", "c", ""])
STEPS = st.one_of(
    st.tuples(st.just("register"), IDS, IDS, st.booleans()),
    st.tuples(st.just("deregister"), IDS),
    st.tuples(st.just("follow"), IDS, IDS),
    st.tuples(st.just("check"), IDS, st.sampled_from("xyz")),
    st.tuples(st.just("remove"), st.sampled_from("xyz")),
    st.tuples(st.just("report"), st.sampled_from("xyz"), st.sampled_from(list(CheckStatus))),
)


def stepped(state, step):
    """Return the state after one change; ids of checks belong to one instance as services do."""
    match step:
        case ("register", name, parent, only):
            new = instance(name or "d", parent=parent)
            return registered(state, new, at=1.0, only_these=only)
        case ("deregister", name):
            return deregistered(state, name, at=1.0)
        case ("follow", owner, target):
            return with_check(state, follower(f"f:{owner}", owner, target), at=1.0)
        case ("check", owner, check_id):
            return with_check(state, check(check_id, owner), at=1.0)
        case ("remove", check_id):
            return without_check(state, check_id, at=1.0)
        case ("report", check_id, status):
            return told(state, check_id, status)


@given(st.lists(STEPS, max_size=30))
def test_what_is_kept_up_to_date_is_what_one_would_find_anew(steps):
    """Groups of checks, and how followers stand, after any changes in any order."""
    state = LocalState()
    for step in steps:
        state = stepped(state, step)
    anew = LocalState.of(state.services.values(), state.checks.values())
    assert (state.owned, state.followers) == (anew.owned, anew.followers)
    assert followed(anew, {"", *anew.services, *anew.owned}, 2.0) == {}
