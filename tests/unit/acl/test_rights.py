"""What rules say together."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.acl.access import Action
from ca_core.acl.rights import (
    Chain,
    DefaultPolicy,
    Rights,
    management_rules,
    merged,
    rules_for_everything,
)
from ca_core.acl.rules import NAMELESS, Level, Resource, Rule
from tests.unit.acl.rulesets import (
    ANY_RULE,
    FRESH,
    INTENTION_RULES,
    NAMES,
    RULES,
    read_slowly,
    universe,
)

READ, WRITE = Action.INTENTION_READ, Action.INTENTION_WRITE


def about(name, level, *, prefix=False, resource=Resource.INTENTION):
    """Return one rule, on intentions unless said."""
    return Rule(resource, name, level, prefix)


EVERY = {level: about("", level, prefix=True) for level in Level}

WILDCARD_ORACLE = {
    "foo write, all deny": ([about("foo", Level.WRITE), EVERY[Level.DENY]], True, False),
    "foo deny, all write": ([about("foo", Level.DENY), EVERY[Level.WRITE]], True, False),
    "foo write, all write": ([about("foo", Level.WRITE), EVERY[Level.WRITE]], True, True),
    "foo write alone": ([about("foo", Level.WRITE)], True, None),
    "foo deny alone": ([about("foo", Level.DENY)], None, False),
    "foo read, all write": ([about("foo", Level.READ), EVERY[Level.WRITE]], True, False),
    "foo deny, all deny": ([about("foo", Level.DENY), EVERY[Level.DENY]], False, False),
    "prefix f write alone": ([about("f", Level.WRITE, prefix=True)], True, None),
    "all read": ([EVERY[Level.READ]], True, False),
    "all deny": ([EVERY[Level.DENY]], False, False),
    "a name '*' write": ([about("*", Level.WRITE)], True, None),
    "a prefix '*' write": ([about("*", Level.WRITE, prefix=True)], True, None),
    "nothing": ([], None, None),
}


@pytest.mark.parametrize("case", WILDCARD_ORACLE)
def test_questions_about_every_name_follow_the_oracle(case):
    """To read ``*`` a right on any name is enough; to write it, all must be writable."""
    rules, reads, writes = WILDCARD_ORACLE[case]
    rights = Rights(rules)
    assert rights.allows(READ, "*") is reads
    assert rights.allows(WRITE, "*") is writes
    assert rights.any_allows(READ) is reads
    assert rights.all_allows(WRITE) is writes


PRECEDENCE = {
    "exact before prefix": ([("web", Level.DENY, False), ("web", Level.WRITE, True)], Level.DENY),
    "longest prefix first": ([("w", Level.DENY, True), ("we", Level.READ, True)], Level.READ),
    "the whole name as prefix": ([("web", Level.READ, True), ("w", Level.DENY, True)], Level.READ),
    "every name last": ([("", Level.WRITE, True)], Level.WRITE),
    "deny before write": ([("web", Level.WRITE, False), ("web", Level.DENY, False)], Level.DENY),
    "write before read": ([("web", Level.READ, True), ("web", Level.WRITE, True)], Level.WRITE),
    "a longer name": ([("web-1", Level.WRITE, False), ("web-1", Level.WRITE, True)], None),
    "another case": ([("Web", Level.WRITE, False), ("WEB", Level.WRITE, True)], None),
    "the empty name is no prefix": ([("", Level.WRITE, False)], None),
    "a star is a name": ([("*", Level.WRITE, False), ("*", Level.WRITE, True)], None),
}


@pytest.mark.parametrize("resource", sorted(set(Resource) - NAMELESS))
@pytest.mark.parametrize("case", PRECEDENCE)
def test_the_level_of_a_name_follows_the_table(case, resource):
    """An exact rule, else the longest prefix, else nothing; of equals the strictest."""
    rules, expected = PRECEDENCE[case]
    written = (about(n, level, prefix=p, resource=resource) for n, level, p in rules)
    assert Rights(written).level_of(resource, "web") is expected


@pytest.mark.parametrize("resource", sorted(NAMELESS))
def test_a_resource_without_names_takes_any_name(resource):
    """A question may name what it is about; the rule is on all of it."""
    rights = Rights([about("", Level.READ, resource=resource)])
    assert rights.level_of(resource, "") is rights.level_of(resource, "x") is Level.READ


def test_a_higher_level_contains_the_lower():
    """Write is also read, read is not write, deny is neither."""
    for level, action in itertools.product(Level, (READ, WRITE)):
        assert Rights([about("web", level)]).allows(action, "web") is (action.level <= level)


def test_a_rule_on_services_says_nothing_of_others():
    """Whoever may write every service has no word about nodes, agents or the cluster."""
    rights = Rights([about("", Level.WRITE, prefix=True, resource=Resource.SERVICE)])
    decided = {action for action in Action if rights.allows(action, "web") is not None}
    assert decided == {Action.SERVICE_READ, Action.SERVICE_WRITE}


def test_a_star_is_a_plain_name_outside_intentions():
    """``service:write`` on ``*`` asks for a service of that name, not for all."""
    rules = [
        about("", Level.WRITE, prefix=True, resource=Resource.SERVICE),
        about("*", Level.DENY, resource=Resource.SERVICE),
    ]
    assert Rights(rules).allows(Action.SERVICE_WRITE, "*") is False
    assert (
        Rights([about("x", Level.READ, resource=Resource.SERVICE)]).allows(Action.SERVICE_READ, "*")
        is None
    )


@given(RULES, NAMES.flatmap(lambda name: st.sampled_from([name, name + FRESH])))
def test_the_slow_reading_agrees(rules, name):
    """Compiled look-ups and a direct reading of the rules are one."""
    rights = Rights(rules)
    for resource in Resource:
        assert rights.level_of(resource, name) is read_slowly(rules, resource, name)


@given(INTENTION_RULES)
def test_all_means_all(rules):
    """``*`` may be written exactly where every name may, of those written and all others."""
    rights = Rights(rules)
    every = all(rights.allows(WRITE, name) for name in universe(rules) - {"*"})
    star = rights.level_of(Resource.INTENTION, "*")
    assert (rights.allows(WRITE, "*") is True) is (every and star is Level.WRITE)


@given(INTENTION_RULES)
def test_any_means_any(rules):
    """``*`` may be read exactly where one name may, of those written and all others."""
    rights = Rights(rules)
    some = any(rights.allows(READ, name) for name in universe(rules) - {"*"})
    star = rights.level_of(Resource.INTENTION, "*")
    assert (rights.allows(READ, "*") is True) is (some or star in {Level.READ, Level.WRITE})


@given(RULES.flatmap(lambda rules: st.tuples(st.just(rules), st.permutations(rules))))
def test_order_never_matters(pair):
    """Policies are a set."""
    assert Rights(pair[0]) == Rights(pair[1])


@given(RULES, ANY_RULE, st.sampled_from(Action), NAMES, st.sampled_from(DefaultPolicy))
def test_adding_a_deny_never_allows(rules, rule, action, name, default):
    """One more deny leaves every answer as it was or refuses, whatever the default."""
    denial = Rule(rule.resource, rule.name, Level.DENY, rule.prefix)
    before = Chain(Rights(rules), default).allows(action, name)
    after = Chain(Rights((*rules, denial)), default).allows(action, name)
    assert before or not after


@given(RULES)
def test_merging_says_the_same_once(rules):
    """Merged rules are sorted, hold no segment twice, and merge to themselves."""
    once = merged(rules)
    assert Rights(once) == Rights(rules)
    assert merged(once) == once
    assert len({(rule.resource, rule.name, rule.prefix) for rule in once}) == len(once)


def test_management_may_everything():
    """The rules of ``global-management`` allow every action on every name, without a default."""
    rights = Rights(management_rules())
    for action, name in itertools.product(Action, ("", "web", "*", "a/b")):
        assert rights.allows(action, name) is True


def test_reading_everything_changes_nothing():
    """The read-only rules allow the read half of every question, and refuse the rest."""
    rights = Rights(rules_for_everything(Level.READ))
    for action, name in itertools.product(Action, ("", "web", "*")):
        assert rights.allows(action, name) is (action.level is Level.READ)


DEFAULTS = {
    DefaultPolicy.DENY: set(),
    DefaultPolicy.ALLOW: set(Action) - {Action.ACL_READ, Action.ACL_WRITE},
    DefaultPolicy.MANAGE: set(Action),
}


@pytest.mark.parametrize("default", DefaultPolicy)
def test_the_default_decides_where_no_rule_does(default):
    """Nothing, everything but tokens, or everything."""
    allowed = {action for action in Action if Chain(Rights(), default).allows(action, "web")}
    assert allowed == DEFAULTS[default]


@pytest.mark.parametrize("default", DefaultPolicy)
def test_a_rule_goes_before_the_default(default):
    """A deny stands where everything is allowed, a write where nothing is."""
    rights = Rights([about("web", Level.WRITE), about("db", Level.DENY)])
    chain = Chain(rights, default)
    assert chain.allows(WRITE, "web")
    assert not chain.allows(READ, "db")


def test_the_default_answers_for_every_name():
    """Where rules leave ``*`` undecided, the default says it: one write alone is not all."""
    rights = Rights([about("foo", Level.WRITE)])
    assert Chain(rights, DefaultPolicy.ALLOW).allows(WRITE, "*")
    assert not Chain(rights, DefaultPolicy.DENY).allows(WRITE, "*")
