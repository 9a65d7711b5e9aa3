"""The tables that Consul tests its intentions by, row by row, as far as there are no peers."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

import msgspec
import pytest
from hypothesis import given

from ca_core.intentions.decision import Compiled, Decision, Default, Why
from ca_core.intentions.index import Index
from ca_core.intentions.model import ANY, Intention, Name, Verdict, service_name
from ca_core.intentions.packed import packed, unpacked
from tests.unit.intentions import bodies
from tests.unit.intentions.rulesets import intention, rule_sets

WEB, DB, API = map(service_name, ("web", "db", "api"))
ALL = service_name("*")
A, B, A_ALL = Name("a", "a"), Name("a", "b"), Name("a", "*")

PRECEDENCE_TABLE = [
    # destination, source, precedence
    ("exact/exact", "exact/exact", 9),
    ("exact/exact", "exact/*", 8),
    ("exact/exact", "*/*", 7),
    ("exact/*", "exact/exact", 6),
    ("exact/*", "exact/*", 5),
    ("exact/*", "*/*", 4),
    ("*/*", "exact/exact", 3),
    ("*/*", "exact/*", 2),
    ("*/*", "*/*", 1),
]


def named(text: str, name: str) -> Name:
    """Return the name that a cell of the table speaks of."""
    return {"exact/exact": service_name(name), "exact/*": ALL, "*/*": ANY}[text]


@pytest.mark.parametrize("level", [level for _, _, level in PRECEDENCE_TABLE])
def test_precedence_table(level):
    """Each row has its precedence, and decides over the whole of what is below it."""
    rules = {
        number: intention(named(of, "web"), named(to, "db"), "allow" if number == level else "deny")
        for to, of, number in PRECEDENCE_TABLE
        if number <= level
    }
    assert rules[level].precedence == level
    decision = Index.of(rules.values()).decide(WEB, DB)
    assert (decision.allowed, decision.intention) == (True, rules[level])


@pytest.mark.parametrize("level", [9, 8, 6, 5])
def test_without_namespaces_four_levels_are_left(level):
    """With one namespace these are the rows: both, any source, any destination, both any."""
    pairs = {9: (WEB, DB), 8: (ALL, DB), 6: (WEB, ALL), 5: (ALL, ALL)}
    assert intention(*pairs[level], "allow").precedence == level


def test_intention_precedence_sorter():
    """The nine rows are evaluated in their order, whatever order they came in."""
    rules = [intention(named(of, "web"), named(to, "db"), "deny") for to, of, _ in PRECEDENCE_TABLE]
    shuffled = Random(1).sample(rules, len(rules))
    assert list(Index.of(shuffled).candidates(WEB, DB)) == rules
    assert sorted(shuffled, key=lambda one: one.order) == rules


def test_intention_precedence_sorter_ties():
    """Of equal precedence the source's namespace and name count, then the destination's."""
    pairs = [
        (A, A),
        (A, B),
        (A, Name("b", "a")),
        (B, A),
        (Name("b", "a"), A),
        (A_ALL, A),
        (A_ALL, B),
    ]
    rules = [intention(*pair, "deny") for pair in pairs]
    assert all(one.order < other.order for one, other in pairwise(rules))
    index = Index.of(reversed(rules))
    at_a = [rule for rule in rules if rule.destination == A]
    assert list(index.to_destination(A)) == at_a
    assert list(index.from_source(A)) == [rules[0], rules[1], rules[2], rules[5], rules[6]]


def test_intention_match_table_a_single_service():
    """Asked about ``bar``, the rules of ``bar`` come first and those of ``*`` after."""
    index = Index.of(
        intention(service_name("example"), service_name(name), "allow") for name in ("bar", "baz")
    ).with_changes([intention(service_name("example"), ALL, "allow")])
    found = index.to_destination(service_name("bar"))
    assert [one.destination.name for one in found] == ["bar", "*"]


def test_intention_match_table_several_queries():
    """Each name asked for gets its own rules, in order."""
    example = service_name("example")
    index = Index.of(
        intention(example, service_name(name), "allow") for name in ("bar", "baz", "*")
    )
    queried = [index.to_destination(service_name(name)) for name in ("bar", "baz", "absent")]
    found = [[one.destination.name for one in rules] for rules in queried]
    assert found == [["bar", "*"], ["baz", "*"], ["*"]]


def test_intention_match_table_wildcards_by_source():
    """Asked by source, rules to one service come before rules to all."""
    bar = service_name("bar")
    rules = [intention(bar, DB, "allow"), intention(bar, ALL, "deny"), intention(ALL, ALL, "deny")]
    assert list(Index.of(reversed(rules)).from_source(bar)) == rules


def test_intention_match_of_a_wildcard_gives_wildcards_only():
    """Asked about ``*``, no rule of a single service is given."""
    rules = [intention(WEB, DB, "allow"), intention(WEB, ALL, "allow"), intention(ANY, ANY, "deny")]
    assert Index.of(rules).to_destination(ALL) == (rules[1], rules[2])
    assert Index.of(rules).to_destination(ANY) == (rules[2],)


@pytest.mark.parametrize(
    ("source", "destination", "default", "allowed", "why"),
    [
        ("none", "db", False, False, Why.ACL_DEFAULT),
        ("none", "db", True, True, Why.ACL_DEFAULT),
        ("web", "redis", True, False, Why.L7),
        ("api", "redis", True, False, Why.INTENTION),
        ("api", "web", False, True, Why.INTENTION),
        ("nomad", "redis", False, True, Why.INTENTION),
        ("anything", "mysql", False, True, Why.INTENTION),
    ],
    ids=["denied", "allowed", "with permissions", "deny", "allow", "external", "wildcard source"],
)
def test_intention_decision_table(source, destination, default, allowed, why):
    """No match is the default, permissions deny, and a wildcard source allows all."""
    redis = service_name("redis")
    nomad = replace(
        intention(service_name("nomad"), redis, "allow"), meta={"external-source": "nomad"}
    )
    rules = [
        intention(WEB, redis, "L7 allow"),
        intention(API, redis, "deny"),
        intention(API, WEB, "allow"),
        nomad,
        intention(ALL, service_name("mysql"), "allow"),
    ]
    index = Index.of(rules, Default(default))
    decision = index.decide(service_name(source), service_name(destination))
    assert (decision.allowed, decision.why) == (allowed, why)
    if source == "nomad":
        assert decision.intention == nomad


@pytest.mark.parametrize(
    ("tokens", "intentions", "allowed", "why", "reason"),
    [
        (False, None, False, Why.ACL_DEFAULT, "Default behavior configured by ACLs"),
        (True, None, True, Why.ACL_DEFAULT, "Default behavior configured by ACLs"),
        (True, True, True, Why.DEFAULT, "Default intention policy"),
        (True, False, False, Why.DEFAULT, "Default intention policy"),
        (False, True, True, Why.DEFAULT, "Default intention policy"),
        (False, False, False, Why.DEFAULT, "Default intention policy"),
    ],
)
def test_default_intention_policy(tokens, intentions, allowed, why, reason):
    """The default intention policy goes before the one of tokens, and says that it did."""
    default = Default(tokens) if intentions is None else Default(intentions, Why.DEFAULT)
    decision = Index.of((), default).decide(WEB, DB)
    assert (decision.allowed, decision.why, decision.reason) == (allowed, why, reason)


def test_deny_wildcard():
    """Where all are denied and one is allowed, the one is allowed and another is not."""
    index = Index.of([intention(ALL, DB, "deny"), intention(WEB, DB, "allow")])
    assert index.decide(WEB, DB).allowed
    assert not index.decide(API, DB).allowed


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (
            intention(WEB, DB, "allow"),
            "Matched L4 intention: default/web => default/db (Precedence: 9, Action: ALLOW)",
        ),
        (
            replace(intention(ALL, DB, "deny"), id="f00"),
            "Matched L4 intention: default/* => default/db (ID: f00, Precedence: 8, Action: DENY)",
        ),
        (
            intention(WEB, DB, "L7 allow"),
            "Matched L7 intention: default/web => default/db (Precedence: 9, Permissions: 1)",
        ),
    ],
)
def test_the_reason_names_the_intention(rule, reason):
    """The sentence is Consul's, with what it calls an intention."""
    assert Index.of([rule]).decide(WEB, DB).reason == reason


@given(bodies.intentions())
def test_packing_keeps_everything(rule):
    """What is unpacked is what was packed, times and id too; the first byte is the precedence."""
    noted = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    for one in (rule, replace(rule, id="an id", created=noted, updated=noted)):
        assert unpacked(packed(one)) == one
        assert type(unpacked(packed(one)).action) is type(one.action)
        assert packed(one)[0] == one.precedence
        assert Compiled.of(one).precedence == one.precedence


def test_a_decision_equals_another_that_says_the_same():
    """It makes no difference whether the intention is packed; every part counts."""
    rule = intention(WEB, DB, "allow")
    kept, plain = Compiled.of(rule), Decision(True, Why.INTENTION, rule)
    assert kept == plain
    assert hash(kept) == hash(plain)
    for change in (
        {"allowed": False},
        {"why": Why.PERMISSION},
        {"permission": 1},
        {"would": plain},
        {"intention": replace(rule, action=Verdict.DENY)},
    ):
        assert msgspec.structs.replace(plain, **change) != kept
    assert kept != rule


def test_a_decision_is_read_as_a_sentence_even_by_a_debugger():
    """What is shown of a packed decision is the intention, no bytes."""
    rule: Intention = intention(WEB, DB, "allow")
    shown = repr(Index.of([rule]).decide(WEB, DB))
    assert "packed" not in shown
    assert repr(rule) in shown


@given(rule_sets)
def test_a_table_lists_what_it_keeps_by_name(rules):
    """The names are those of the intention, wherever it is kept."""
    index = Index.of(rules)
    for table in (index.enforced, index.watched):
        listed = [(source, destination) for source, destination, _ in table.items()]
        assert len(listed) == len(set(listed)) == table.count
        for source, destination, one in table.items():
            assert one is table.get(source, destination)
            assert (one.intention.source, one.intention.destination) == (source, destination)
