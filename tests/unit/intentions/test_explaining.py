"""Tests of why: what became of every intention, and of every permission."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.intentions import explaining
from ca_core.intentions.deciding import decide_request
from ca_core.intentions.decision import Default, Why
from ca_core.intentions.explaining import Standing, explain
from ca_core.intentions.index import Index
from ca_core.intentions.model import (
    ANY,
    HeaderMatch,
    HeaderRule,
    HttpRule,
    Intention,
    Name,
    PathMatch,
    Permission,
    Verdict,
    service_name,
)
from ca_core.intentions.requests import HttpRequest
from ca_core.intentions.telling import told
from tests.unit.intentions.bodies import intentions as drawn_intentions
from tests.unit.intentions.rulesets import defaults, names, rule_sets, unique

WEB, API, DB = map(service_name, ("web", "api", "db"))
EVERY = Name("default", "*")
DENIED = Default(allowed=False, why=Why.DEFAULT)
ROLE = HeaderRule(name="x-role", match=HeaderMatch.PREFIX, value="op", invert=True)


def l4(source, action="allow", destination=DB, **more):
    """Return an intention with an action."""
    return Intention(source=source, destination=destination, action=Verdict(action), **more)


def permission(action, **http):
    """Return a permission."""
    return Permission(action=Verdict(action), http=HttpRule(**http))


ADMIN = permission("deny", match=PathMatch.PREFIX, path="/admin")
GET = permission("allow", methods=("GET",), headers=(ROLE,))
REST = permission("allow", match=PathMatch.REGEX, path="/v[0-9]")
WEB_L7 = Intention(source=WEB, destination=DB, action=None, permissions=(ADMIN, GET, REST))


def why(intentions, request=None, source=WEB):
    """Return (source, standing, because) of every candidate."""
    found = explain(Index.of(intentions, DENIED), source, DB, request)
    return [(one.intention.source.name, one.standing, one.because) for one in found.candidates]


def test_every_intention_of_the_destination_is_told_of_in_order():
    """The winner, what it goes before, and what is about others."""
    rules = [l4(ANY, "deny"), l4(EVERY), l4(API), l4(WEB, "deny"), l4(WEB, destination=EVERY)]
    assert why([*rules, l4(WEB, destination=API)]) == [
        ("api", Standing.NO_MATCH, "its source is default/api"),
        ("web", Standing.DECIDES, "its action is deny"),
        ("*", Standing.NOT_REACHED, "default/web => default/db goes before it"),
        ("*", Standing.NOT_REACHED, "default/web => default/db goes before it"),
        ("web", Standing.NOT_REACHED, "default/web => default/db goes before it"),
    ]


def test_an_observed_intention_says_what_it_would_do():
    """One that something goes before says that too."""
    seen = l4(WEB, "deny", observe=True)
    assert why([seen, l4(EVERY)]) == [
        ("web", Standing.WOULD_DECIDE,
         "it is in observe mode and decides nothing; enforced: its action is deny"),
        ("*", Standing.DECIDES, "its action is allow"),
    ]  # fmt: skip
    hidden = "it is in observe mode, and default/web => default/db goes before it"
    assert why([l4(WEB), l4(EVERY, observe=True)])[1:] == [("*", Standing.NOT_REACHED, hidden)]
    assert why([seen, l4(EVERY, observe=True)])[1:] == [("*", Standing.NOT_REACHED, hidden)]


@pytest.mark.parametrize(
    ("request_", "because", "checked"),
    [
        (None, "it denies, because it has permissions and no request is known",
         [(None, "no request is known")] * 3),
        (HttpRequest(path="/admin/x"), "Permissions[0] is the first that matches: deny",
         [(True, ""), (None, "Permissions[0] goes before it"),
          (None, "Permissions[0] goes before it")]),
        (HttpRequest(path="/v1", headers=(("x-role", "op-secret"),)),
         "Permissions[2] is the first that matches: allow",
         [(False, "path begins /admin: the request's is /v1"),
          (False, "does not hold: not: header x-role begins op"), (True, "")]),
        (HttpRequest(method="POST", path="/x"),
         "none of its permissions matches: the default decides, and no other intention",
         [(False, "path begins /admin: the request's is /x"),
          (False, "the method is POST, not GET"),
          (False, "path matches /v[0-9]: the request's is /x")]),
        (HttpRequest(path="/x"),
         "none of its permissions matches: the default decides, and no other intention",
         [(False, "path begins /admin: the request's is /x"),
          (False,
           "does not hold, and the header is not there: not: header x-role begins op"),
          (False, "path matches /v[0-9]: the request's is /x")]),
        (HttpRequest(path="/%2f"),
         "it denies what can be read in more than one way: Path: the path hides a character as %2f",
         [(None, "Path: the path hides a character as %2f")] * 3),
    ],
)  # fmt: skip
def test_permissions_are_told_one_by_one(request_, because, checked):
    """With the part that does not match; no value of a header that was sent is repeated."""
    found = explain(Index.of([WEB_L7], DENIED), WEB, DB, request_)
    (only,) = found.candidates
    assert only.because == because
    assert [(one.matches, one.because) for one in only.permissions] == checked
    assert "secret" not in repr(told(found))


def test_of_many_others_some_are_shown(monkeypatch):
    """All that match are; the rest is counted."""
    monkeypatch.setattr(explaining, "MOST_OTHERS", 3)
    many = [l4(service_name(f"s{n}")) for n in range(10)]
    found = explain(Index.of([*many, l4(EVERY)], DENIED), WEB, DB)
    assert [one.standing for one in found.candidates] == [Standing.NO_MATCH] * 3 + [
        Standing.DECIDES
    ]
    assert found.left_out == 7


def test_the_answer_says_all_of_it():
    """In the words of the wire."""
    seen = replace(WEB_L7, observe=True)
    answer = told(
        explain(Index.of([seen, l4(EVERY)], DENIED), WEB, DB, HttpRequest(path="/admin?x"))
    )
    assert (answer.source, answer.destination, answer.path) == ("web", "db", "/admin")
    assert (answer.decision.allowed, answer.decision.why) == (True, "intention")
    assert (answer.would.allowed, answer.would.permission) == (False, 0)
    assert answer.default.why == "default"
    first = answer.candidates[0]
    assert [one.words for one in first.permissions] == [
        "deny path begins /admin",
        "allow GET not: header x-role begins op",
        "allow path matches /v[0-9]",
    ]


requests = st.none() | st.builds(
    HttpRequest,
    method=st.sampled_from(["GET", "PUT", "x y"]),
    path=st.sampled_from(["/", "/a", "/v1", "/%2f", "//a"]),
    headers=st.sampled_from([(), (("a", "abc"),), (("a", "x"), ("b", "Y"))]),
)
sets = st.lists(drawn_intentions(), max_size=6).map(lambda found: tuple(unique(found).values()))


@given(rule_sets | sets, defaults, st.sampled_from((WEB, DB)) | names, requests)
def test_an_explanation_is_of_the_decision_that_is_made(rules, default, source, request):
    """It says what ``decide`` says, and one candidate at most decides."""
    index = Index.of(rules, default)
    found = explain(index, source, DB, request)
    if request is None:
        assert found.decision == index.decide(source, DB)
    else:
        assert found.decision == decide_request(index, source, DB, request)
    deciding = [one.intention for one in found.candidates if one.standing is Standing.DECIDES]
    assert deciding == [one for one in [index.winner(source, DB)] if one is not None]
    would = [one.intention for one in found.candidates if one.standing is Standing.WOULD_DECIDE]
    assert would == [one for one in [index.observed(source, DB)] if one is not None]
    orders = [one.intention.order for one in found.candidates]
    assert orders == sorted(orders)
    told(found)


@given(sets, defaults, requests)
def test_the_permission_told_is_the_one_that_decided(rules, default, request):
    """The first that matches, where there is a request that can be compared."""
    found = explain(Index.of(rules, default), WEB, DB, request)
    for one in found.candidates:
        if one.standing is Standing.DECIDES and one.permissions:
            matching = [at for at, each in enumerate(one.permissions) if each.matches]
            assert found.decision.permission == (matching[0] if matching else -1)
            assert len(matching) <= 1
