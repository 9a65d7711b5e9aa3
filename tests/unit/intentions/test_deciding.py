"""Tests of decisions about requests: the rule forms that are published, and what holds of all."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.intentions.deciding import decide_request
from ca_core.intentions.decision import Decision, Default, Why
from ca_core.intentions.index import Index
from ca_core.intentions.model import (
    ANY,
    HttpRule,
    Intention,
    Name,
    PathMatch,
    Permission,
    Verdict,
    service_name,
)
from ca_core.intentions.requests import HttpRequest
from tests.unit.intentions.compiled import Rule, compiled_rules, rules_allow, source_matches
from tests.unit.intentions.rulesets import defaults, rule_sets, unique

WEB, API, DB = map(service_name, ("web", "api", "db"))
EVERY = Name("default", "*")
ROOT = HttpRule(match=PathMatch.PREFIX, path="/")
ALLOWED, DENIED = Default(allowed=True), Default(allowed=False)


def l4(source, action, destination=DB):
    """Return an intention with an action."""
    return Intention(source=source, destination=destination, action=Verdict(action))


def l7(source, *permissions, destination=DB):
    """Return an intention with permissions, given as (action, rule)."""
    made = tuple(Permission(action=Verdict(action), http=http) for action, http in permissions)
    return Intention(source=source, destination=destination, action=None, permissions=made)


def ask(intentions, default, source=WEB, destination=DB, **request):
    """Return the decision about a request."""
    index = Index.of(intentions, default)
    return decide_request(index, source, destination, HttpRequest(**request))


def web(action):
    """Return the rule of the table for web."""
    return Rule(Verdict(action), WEB, http=(ROOT, ()))


def others(action):
    """Return the rule of the table for everybody but web."""
    return Rule(Verdict(action), EVERY, without=(WEB,))


TABLE = [
    (ALLOWED, [l7(WEB, ("allow", ROOT))], []),
    (DENIED, [l7(WEB, ("allow", ROOT))], [web("allow")]),
    (ALLOWED, [l7(WEB, ("deny", ROOT))], [web("deny")]),
    (DENIED, [l7(WEB, ("deny", ROOT))], []),  # CVE-2021-36213
    (ALLOWED, [l7(WEB, ("allow", ROOT)), l4(EVERY, "deny")], [others("deny")]),
    (DENIED, [l7(WEB, ("allow", ROOT)), l4(EVERY, "deny")], [web("allow")]),
    (ALLOWED, [l7(WEB, ("deny", ROOT)), l4(EVERY, "deny")], [web("deny"), others("deny")]),
    (DENIED, [l7(WEB, ("deny", ROOT)), l4(EVERY, "deny")], []),
    (ALLOWED, [l7(WEB, ("allow", ROOT)), l4(EVERY, "allow")], []),
    (DENIED, [l7(WEB, ("allow", ROOT)), l4(EVERY, "allow")], [web("allow"), others("allow")]),
    (ALLOWED, [l7(WEB, ("deny", ROOT)), l4(EVERY, "allow")], [web("deny")]),
    (DENIED, [l7(WEB, ("deny", ROOT)), l4(EVERY, "allow")], [others("allow")]),
]  # fmt: skip


@pytest.mark.parametrize(("default", "intentions", "rules"), TABLE)
def test_precedence_is_removed_as_published(default, intentions, rules):
    """TestRemoveIntentionPrecedence: the rules that stand for the intentions, in any order."""
    assert compiled_rules(intentions, default) == rules
    for source in (WEB, API):
        decision = ask(intentions, default, source)
        assert decision.allowed is rules_allow(rules, default, source, DB, HttpRequest())


def test_a_denial_with_permissions_never_becomes_an_allowance():
    """CVE-2021-36213: where the default denies already, nothing is left, and nothing is allowed."""
    decision = ask([l7(WEB, ("deny", ROOT))], DENIED)
    assert decision == Decision(
        allowed=False, why=Why.PERMISSION, intention=l7(WEB, ("deny", ROOT)), permission=0
    )
    assert not ask([l7(WEB, ("deny", ROOT))], DENIED, API).allowed


ADMIN = HttpRule(match=PathMatch.EXACT, path="/v2/admin")
PREFIX = HttpRule(match=PathMatch.PREFIX, path="/v2/")
HEALTH = HttpRule(match=PathMatch.EXACT, path="/healthz", methods=("GET",))
KITCHEN = l7(WEB, ("deny", ADMIN), ("allow", PREFIX), ("allow", HEALTH))


@pytest.mark.parametrize(
    ("method", "path", "allowed", "permission"),
    [
        ("GET", "/v2/admin", False, 0), ("GET", "/v2//admin", False, 0),
        ("GET", "/v2/%61dmin", False, 0), ("GET", "/v2/x/../admin?y", False, 0),
        ("POST", "/v2/users", True, 1), ("GET", "/v2/", True, 1), ("GET", "/v2/Admin", True, 1),
        ("GET", "/healthz", True, 2), ("POST", "/healthz", False, -1), ("GET", "/v1", False, -1),
    ],
)  # fmt: skip
def test_the_first_permission_that_matches_decides(method, path, allowed, permission):
    """[deny /v2/admin, allow /v2/*, allow GET /healthz], where the default denies."""
    decision = ask([KITCHEN], DENIED, method=method, path=path)
    assert (decision.allowed, decision.permission) == (allowed, permission)
    if permission >= 0:
        assert decision.reason == f"Matched L7 intention: {KITCHEN}, Permissions[{permission}]"
    else:
        assert decision == Decision(allowed=False, why=Why.ACL_DEFAULT)


@pytest.mark.parametrize("path", ["/v2%2fadmin", "/v2\\admin", "/v2/%", "/..", "/v2/\n", "x"])
def test_a_request_that_can_be_read_twice_is_denied(path):
    """CVE-2024-10005: even where the default, and every permission, allows."""
    allowing = l7(WEB, ("allow", ROOT))
    decision = ask([allowing], ALLOWED, path=path)
    assert (decision.allowed, decision.why, decision.intention) == (False, Why.REQUEST, allowing)
    assert ask([l4(WEB, "allow")], DENIED, path=path).allowed
    assert ask([], ALLOWED, path=path).allowed


def test_no_permission_that_matches_means_the_default_not_the_next_intention():
    """A wider intention is shadowed, whatever it says."""
    get = l7(WEB, ("allow", HttpRule(methods=("GET",))))
    assert not ask([get, l4(EVERY, "allow")], DENIED, method="POST").allowed
    assert ask([get, l4(EVERY, "deny")], ALLOWED, method="POST").allowed


def test_what_an_observed_intention_would_say_of_the_request_is_told():
    """It decides nothing; its permissions and its default are looked at as if it did."""
    seen = replace(KITCHEN, observe=True)
    rules = [seen, l4(EVERY, "allow")]
    denied = ask(rules, DENIED, path="/v2/admin")
    assert denied.allowed
    assert denied.would == Decision(allowed=False, why=Why.PERMISSION, intention=seen, permission=0)
    assert ask(rules, DENIED, path="/else").would == Decision(allowed=False, why=Why.ACL_DEFAULT)
    assert ask(rules, DENIED, path="/%2f").would == Decision(
        allowed=False, why=Why.REQUEST, intention=seen
    )
    assert ask(rules, DENIED, API, path="/v2/admin").would is None


@pytest.mark.parametrize(
    ("tested", "against", "expected"),
    [
        (WEB, WEB, False),
        (WEB, EVERY, True),
        (EVERY, WEB, False),
        (EVERY, ANY, True),
        (EVERY, EVERY, False),
        (Name("ns", "web"), EVERY, False),
    ],
)
def test_a_source_is_subtracted_from_wider_ones_alone(tested, against, expected):
    """TestIxnSourceMatches: a wildcard that is the same does not count."""
    assert source_matches(tested, against) is expected


def test_sources_inside_others_are_not_subtracted_twice():
    """TestSimplifyNotSourceSlice: without everybody is without web too."""
    rules = compiled_rules(
        [l4(WEB, "deny"), l4(API, "deny"), l4(EVERY, "deny"), l4(ANY, "allow")], DENIED
    )
    assert rules == [Rule(Verdict.ALLOW, ANY, without=(EVERY,))]


MIXED = [l4(WEB, "allow"), l4(EVERY, "deny"), l4(WEB, "deny", EVERY)]


@pytest.mark.parametrize(
    ("default", "intentions", "rules"),
    [
        (DENIED, MIXED, [Rule(Verdict.ALLOW, WEB)]),
        (ALLOWED, MIXED, [Rule(Verdict.DENY, EVERY, without=(WEB,))]),
        (DENIED, [l4(EVERY, "allow")], [Rule(Verdict.ALLOW, EVERY)]),
        (ALLOWED, [l4(EVERY, "deny")], [Rule(Verdict.DENY, EVERY)]),
        (DENIED, [l4(WEB, "allow")], [Rule(Verdict.ALLOW, WEB)]),
        (ALLOWED, [l4(WEB, "deny")], [Rule(Verdict.DENY, WEB)]),
        (DENIED, [l4(WEB, "deny"), l4(EVERY, "allow")],
         [Rule(Verdict.ALLOW, EVERY, without=(WEB,))]),
        (ALLOWED, [l4(WEB, "deny"), l4(EVERY, "allow")], [Rule(Verdict.DENY, WEB)]),
        (DENIED, [KITCHEN], [
            Rule(Verdict.ALLOW, WEB, http=(PREFIX, (ADMIN,))),
            Rule(Verdict.ALLOW, WEB, http=(HEALTH, (ADMIN,))),
        ]),
        (ALLOWED, [KITCHEN], [Rule(Verdict.DENY, WEB, http=(ADMIN, ()))]),
    ],
    ids=[
        "default-deny-mixed-precedence", "default-allow-mixed-precedence",
        "default-deny-service-wildcard", "default-allow-service-wildcard",
        "default-deny-one-allow", "default-allow-one-deny",
        "default-deny-allow-deny", "default-allow-allow-deny",
        "default-deny-single-intention-with-kitchen-sink-perms",
        "default-allow-single-intention-with-kitchen-sink-perms",
    ],
)  # fmt: skip
def test_rules_are_made_as_published(default, intentions, rules):
    """TestMakeRBACNetworkAndHTTPFilters: mixed precedence, wildcards, one rule, kitchen sink."""
    assert compiled_rules(intentions, default) == rules


PATHS = ("/", "/a", "/a/b", "/v2/admin", "/v1")
https = st.builds(
    lambda match, path, methods: HttpRule(
        match=match, path="" if match is PathMatch.ANY else path, methods=methods
    ),
    st.sampled_from([PathMatch.ANY, PathMatch.EXACT, PathMatch.PREFIX]),
    st.sampled_from(PATHS),
    st.sampled_from([(), ("GET",), ("POST", "PUT")]),
)
permissions = st.builds(Permission, action=st.sampled_from(Verdict), http=https)
l7_intentions = st.builds(
    lambda source, destination, made: Intention(
        source=source, destination=destination, action=None, permissions=tuple(made)
    ),
    st.sampled_from([WEB, API, EVERY, ANY]),
    st.sampled_from([DB, WEB]),
    st.lists(permissions, min_size=1, max_size=4),
)
l4_intentions = st.builds(
    l4,
    st.sampled_from([WEB, API, EVERY, ANY]),
    st.sampled_from(["allow", "deny"]),
    st.sampled_from([DB, WEB, EVERY, ANY]),
)
mixed_sets = st.lists(l4_intentions | l7_intentions, max_size=8).map(
    lambda drawn: list(unique(drawn).values())
)
ASKED = tuple(
    (source, destination, HttpRequest(method=method, path=path))
    for source, destination, method, path in product(
        (WEB, API, service_name("new"), Name("ns", "web")), (DB, WEB, API), ("GET", "PUT"), PATHS
    )
)


@given(mixed_sets, defaults)
def test_decisions_agree_with_the_compiled_rules(intentions, default):
    """Whatever the intentions, a walk and the rules without precedence say the same."""
    index = Index.of(intentions, default)
    for destination in (DB, WEB, API):
        matching = [one for one in intentions if one.destination.covers(destination)]
        rules = compiled_rules(matching, default)
        for source, to, request in ASKED:
            if to == destination:
                said = decide_request(index, source, to, request)
                assert said.allowed is rules_allow(rules, default, source, to, request)


@given(rule_sets, defaults)
def test_without_permissions_a_request_changes_nothing(intentions, default):
    """Intentions with an action decide as they do without a request."""
    plain = [one for one in intentions if one.action is not None]
    index = Index.of(plain, default)
    for source, destination in product((WEB, Name("a", "x"), Name("b", "y")), repeat=2):
        said = decide_request(index, source, destination, HttpRequest(path="/%2f"))
        assert said == index.decide(source, destination)


@given(mixed_sets, defaults, st.randoms())
def test_the_order_in_which_intentions_are_given_does_not_matter(intentions, default, random):
    """Only that of permissions within one does."""
    mixed = random.sample(intentions, len(intentions))
    for source, destination, request in ASKED[::7]:
        first = decide_request(Index.of(intentions, default), source, destination, request)
        assert first == decide_request(Index.of(mixed, default), source, destination, request)


@given(mixed_sets, defaults)
def test_a_denial_of_everything_put_first_denies_every_request(intentions, default):
    """A permission that denies ``/`` before all others leaves nothing allowed."""
    denying = [
        replace(one, permissions=(Permission(action=Verdict.DENY, http=ROOT), *one.permissions))
        if one.permissions
        else one
        for one in intentions
    ]
    index = Index.of(denying, default)
    for source, destination, request in ASKED[::5]:
        winner = index.winner(source, destination)
        if winner is not None and winner.permissions:
            assert not decide_request(index, source, destination, request).allowed
