"""Tests of what a change newly allows and denies."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given

from ca_core.errors import RequestError
from ca_core.intentions import comparing
from ca_core.intentions.comparing import OTHER, Effect, changed_pairs, compared
from ca_core.intentions.deciding import decide_request
from ca_core.intentions.decision import Default
from ca_core.intentions.grouping import grouped
from ca_core.intentions.index import Index
from ca_core.intentions.model import (
    ANY,
    HttpRule,
    Intention,
    Name,
    Permission,
    Verdict,
    service_name,
)
from tests.unit.intentions.rulesets import defaults, rule_sets
from tests.unit.intentions.test_deciding import ASKED, mixed_sets

WEB, API, DB = map(service_name, ("web", "api", "db"))
EVERY = Name("default", "*")
DENIED, ALLOWED = Default(allowed=False), Default(allowed=True)
GET = Permission(action=Verdict.ALLOW, http=HttpRule(methods=("GET",)))
PUT = Permission(action=Verdict.ALLOW, http=HttpRule(methods=("PUT",)))


def l4(source, destination, action, **more):
    """Return an intention with an action."""
    return Intention(source=source, destination=destination, action=Verdict(action), **more)


def l7(source, destination, *permissions):
    """Return an intention with permissions."""
    return Intention(source=source, destination=destination, action=None, permissions=permissions)


def said(before, after, default=DENIED):
    """Return the comparison in words."""
    found = compared(Index.of(before, default), Index.of(after, default))
    return [str(group) for group in grouped(found)]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ([], [], []),
        ([], [l4(WEB, DB, "allow")], ["newly allows web -> db"]),
        ([l4(WEB, DB, "allow")], [], ["newly denies web -> db"]),
        ([], [l4(WEB, DB, "deny")], []),
        ([l4(WEB, DB, "allow", description="old")], [l4(WEB, DB, "allow")], []),
        ([l4(WEB, DB, "allow")], [l4(WEB, DB, "allow", observe=True)], ["newly denies web -> db"]),
        ([], [l4(WEB, DB, "allow", observe=True)], []),
        (
            [l4(WEB, DB, "deny")],
            [l4(WEB, DB, "deny"), l4(EVERY, DB, "allow")],
            ["newly allows any other -> db"],
        ),
        (
            [l4(WEB, DB, "allow"), l4(API, DB, "deny")],
            [l4(WEB, DB, "allow"), l4(API, DB, "deny"), l4(ANY, EVERY, "allow")],
            [
                "newly allows any other, any of any other namespace -> db",
                "newly allows api, web, any other, any of any other namespace -> any other",
            ],
        ),
        ([l7(WEB, DB, GET)], [l7(WEB, DB, PUT)], ["permissions differ web -> db"]),
        ([l4(WEB, DB, "allow")], [l7(WEB, DB, GET)], ["newly denies web -> db"]),
        ([l4(WEB, DB, "deny")], [l7(WEB, DB, GET)], ["permissions differ web -> db"]),
        ([l4(Name("ns", "web"), DB, "allow")], [], ["newly denies ns/web -> db"]),
        (
            [l4(Name("ns", "*"), DB, "allow")],
            [],
            ["newly denies any other of ns -> db"],
        ),
    ],
)
def test_a_change_is_said_in_words(before, after, words):
    """Where the default denies."""
    assert said(before, after) == words


def test_permissions_say_what_came_and_what_went():
    """The rest of them is not repeated."""
    (found,) = compared(
        Index.of([l7(WEB, DB, GET)], DENIED), Index.of([l7(WEB, DB, GET, PUT)], DENIED)
    )
    assert (found.effect, found.gained, found.lost) == (Effect.PERMISSIONS, ("allow PUT",), ())
    (found,) = compared(Index.of([l4(WEB, DB, "allow")]), Index.of([l7(WEB, DB, GET)]))
    assert found.effect is Effect.DENIES
    assert found.gained == ("allow GET", "deny every other request")
    assert found.lost == ("allow every request",)


def test_what_only_repeats_the_default_is_no_difference():
    """A permission at the end that allows where the default does adds nothing."""
    assert said([l7(WEB, DB, PUT, GET)], [l7(WEB, DB)], ALLOWED) == []


def test_another_default_concerns_every_pair_that_nothing_decides():
    """It is no intention, and still a change."""
    rules = [l4(WEB, DB, "deny")]
    found = compared(Index.of(rules, DENIED), Index.of(rules, ALLOWED))
    assert (WEB, DB) not in {(one.source, one.destination) for one in found}
    assert {one.effect for one in found} == {Effect.ALLOWS}
    everybody = Name(OTHER, OTHER)
    assert (everybody, everybody) in {(one.source, one.destination) for one in found}


def test_too_many_pairs_are_refused(monkeypatch):
    """A server must not compare for minutes."""
    monkeypatch.setattr(comparing, "MOST_PAIRS", 5)
    many = [l4(service_name(f"s{n}"), DB, "deny") for n in range(10)]
    with pytest.raises(RequestError, match="concerns more than 5 pairs"):
        said(many, [*many, l4(EVERY, EVERY, "allow")])
    assert said(many, [*many, l4(WEB, DB, "allow")]) == ["newly allows web -> db"]


CONCRETE = tuple(Name(space, name) for space in ("a", "b", "new") for name in ("x", "y", "fresh"))


def expanded(differences, before, after):
    """Return the effect on every pair of concrete names, ``OTHER`` read as all not mentioned."""
    every = [one for one in (*before, *after) if not one.observe]
    sources = {one.source for one in every}
    destinations = {one.destination for one in every}
    spaces = {name.namespace for one in every for name in (one.source, one.destination)}
    spaces = (spaces | {"default"}) - {"*"}

    def stands_for(name, mentioned):
        if name in mentioned:
            return name
        return Name(name.namespace if name.namespace in spaces else OTHER, OTHER)

    found = {(one.source, one.destination): one.effect for one in differences}
    by_name = {
        (source, destination): found.get((source, destination))
        or found.get((stands_for(source, sources), stands_for(destination, destinations)))
        for source, destination in product(CONCRETE, CONCRETE)
    }
    return {pair: effect for pair, effect in by_name.items() if effect is not None}


@given(rule_sets, rule_sets, defaults, defaults)
def test_a_comparison_is_that_of_every_decision(before, after, old, new):
    """Brute force over all names, and ones that nobody mentions, says the same."""
    was, now = Index.of(before, old), Index.of(after, new)
    effects = expanded(compared(was, now), before, after)
    for pair in product(CONCRETE, CONCRETE):
        verdicts = (was.decide(*pair).allowed, now.decide(*pair).allowed)
        expected = {(False, True): Effect.ALLOWS, (True, False): Effect.DENIES}.get(verdicts)
        assert effects.get(pair) in ({expected} if expected else {None, Effect.PERMISSIONS})


@given(mixed_sets, mixed_sets, defaults, defaults)
def test_a_request_that_is_decided_anew_is_among_the_differences(before, after, old, new):
    """No change of permissions goes unsaid."""
    was, now = Index.of(before, old), Index.of(after, new)
    found = {(one.source, one.destination) for one in compared(was, now)}
    services = {one.source for one in (*before, *after)}
    targets = {one.destination for one in (*before, *after)}
    for source, destination, request in ASKED:
        if (source in services and destination in targets) and (
            decide_request(was, source, destination, request).allowed
            is not decide_request(now, source, destination, request).allowed
        ):
            assert (source, destination) in found


@given(rule_sets, rule_sets, defaults)
def test_the_changed_pairs_are_enough(before, after, default):
    """Who knows what was changed need not look for it."""
    was, now = Index.of(before, default), Index.of(after, default)
    assert compared(was, now, changed_pairs(was, now)) == compared(was, now)
    everything = {(one.source, one.destination) for one in (*before, *after)}
    assert compared(was, now, everything) == compared(was, now)


@given(rule_sets, defaults)
def test_nothing_differs_from_itself(rules, default):
    """Nor by what does not decide."""
    index = Index.of(rules, default)
    other = Index.of([replace(one, description="else", id="x") for one in rules], default)
    assert compared(index, other) == ()


@given(rule_sets, rule_sets, defaults)
def test_groups_are_the_differences_and_no_more(before, after, default):
    """Taken apart they give every difference once."""
    found = compared(Index.of(before, default), Index.of(after, default))
    pairs = [
        (group.effect, source, destination)
        for group in grouped(found)
        for source, destination in product(group.sources, group.destinations)
    ]
    assert sorted(pairs) == sorted((one.effect, one.source, one.destination) for one in found)


@given(rule_sets, rule_sets, defaults)
def test_the_way_back_is_the_other_way_round(before, after, default):
    """What a change newly allows, its undoing newly denies."""
    was, now = Index.of(before, default), Index.of(after, default)
    turned = {Effect.ALLOWS: Effect.DENIES, Effect.DENIES: Effect.ALLOWS}
    there = {
        (one.source, one.destination, turned.get(one.effect, one.effect))
        for one in compared(was, now)
    }
    assert there == {(one.source, one.destination, one.effect) for one in compared(now, was)}
