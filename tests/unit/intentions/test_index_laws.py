"""What can be said of every set of intentions, whatever is in it."""

from dataclasses import replace
from itertools import product
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ca_core.intentions.decision import Decision, Default
from ca_core.intentions.index import Index
from ca_core.intentions.model import Intention, Verdict
from tests.unit.intentions.rulesets import (
    DEFAULTS,
    NAMES,
    SERVICES,
    defaults,
    intention,
    intentions,
    names,
    rule_sets,
)

ASKED = tuple(product(NAMES, NAMES))

enforced = intentions.map(lambda one: replace(one, observe=False))
denials = st.builds(intention, names, names, st.sampled_from(("deny", "L7 deny", "L7 allow")))
allowances = st.builds(intention, names, names, st.just("allow"))


def allowed(index: Index) -> set[tuple]:
    """Return every pair that may connect."""
    return {pair for pair in ASKED if index.decide(*pair).allowed}


def enforced_part(decision: Decision) -> tuple:
    """Return what holds, without what would have."""
    return decision.allowed, decision.why, decision.intention


@given(rule_sets, defaults, denials)
def test_an_enforced_denial_never_allows(rules, default, denial):
    """A denial (deny, or permissions without a request) put anywhere allows no pair anew."""
    before = Index.of(rules, default)
    assert allowed(before.with_changes([denial])) <= allowed(before)


@given(rule_sets, defaults, denials)
def test_a_denial_that_wins_denies(rules, default, denial):
    """Whatever pair an added denial wins is denied, by it."""
    after = Index.of(rules, default).with_changes([denial])
    for pair in ASKED:
        if after.winner(*pair) == denial:
            assert not after.decide(*pair).allowed
            assert after.decide(*pair).intention == denial


@given(rule_sets, defaults, st.sampled_from(SERVICES), st.sampled_from(SERVICES))
def test_a_denial_of_the_pair_itself_always_wins(rules, default, source, destination):
    """Nothing goes before a denial with both names exact."""
    denial = intention(source, destination, "deny")
    decision = Index.of(rules, default).with_changes([denial]).decide(source, destination)
    assert decision == Decision(denial.action is Verdict.ALLOW, decision.why, denial)


@given(rule_sets, defaults, allowances)
def test_an_enforced_allowance_never_denies(rules, default, allowance):
    """An allowance put anywhere denies no pair anew."""
    before = Index.of(rules, default)
    assert allowed(before) <= allowed(before.with_changes([allowance]))


@given(rule_sets, defaults, enforced)
def test_a_change_moves_only_what_it_wins(rules, default, change):
    """A pair that an intention neither won before nor wins after is decided as it was."""
    before = Index.of(rules, default)
    after = before.with_changes([change])
    names_of = {(change.source, change.destination)}
    for pair in ASKED:
        winners = (before.winner(*pair), after.winner(*pair))
        if not any(one and (one.source, one.destination) in names_of for one in winners):
            assert enforced_part(before.decide(*pair)) == enforced_part(after.decide(*pair))


@given(rule_sets, defaults, intentions)
def test_an_intention_of_lower_precedence_changes_nothing(rules, default, added):
    """Where something enforced of higher precedence matches, an addition below it is not seen."""
    before = Index.of(rules, default)
    after = before.with_changes([added])
    for pair in ASKED:
        winner = before.winner(*pair)
        if winner and winner.precedence > added.precedence:
            assert before.decide(*pair) == after.decide(*pair)


@given(rule_sets, defaults)
def test_what_is_observed_decides_nothing(rules, default):
    """With and without the observed intentions the same holds; only ``would`` differs."""
    both, alone = Index.of(rules, default), Index.of((r for r in rules if not r.observe), default)
    for pair in ASKED:
        assert enforced_part(both.decide(*pair)) == enforced_part(alone.decide(*pair))
        assert alone.decide(*pair).would is None


@given(rule_sets, defaults)
def test_would_is_what_enforcing_the_observed_one_brings(rules, default):
    """``would`` is the decision once the observed intention that goes first is enforced."""
    index = Index.of(rules, default)
    for pair in ASKED:
        seen, would = index.observed(*pair), index.decide(*pair).would
        assert (seen is None) == (would is None)
        if seen:
            real = replace(seen, observe=False)
            then = index.with_changes([real]).decide(*pair)
            assert then.intention == real
            assert (would.allowed, would.why, would.intention) == (then.allowed, then.why, seen)


@given(rule_sets, defaults, defaults)
def test_the_default_moves_only_what_it_decides(rules, default, other):
    """Another default changes exactly the pairs that no enforced intention matches."""
    before = Index.of(rules, default)
    after = before.with_default(other)
    for pair in ASKED:
        if before.winner(*pair):
            assert before.decide(*pair) == after.decide(*pair)
        else:
            assert (after.decide(*pair).allowed, after.decide(*pair).why) == (
                other.allowed,
                other.why,
            )


@given(rule_sets, defaults, st.randoms(use_true_random=False))
def test_the_order_of_input_never_matters(rules, default, random: Random):
    """However the intentions are handed over, every answer is the same."""
    shuffled = random.sample(rules, len(rules))
    one, other = Index.of(rules, default), Index.of(shuffled, default)
    for pair in ASKED:
        assert one.decide(*pair) == other.decide(*pair)
    for name in SERVICES:
        assert one.candidates(name, name) == other.candidates(name, name)
        assert one.to_destination(name) == other.to_destination(name)
        assert one.from_source(name) == other.from_source(name)


@given(rule_sets, defaults)
def test_candidates_come_in_the_order_of_evaluation(rules, default):
    """Candidates are all that match, highest first, and the first enforced one is the winner."""
    index = Index.of(rules, default)
    for pair in ASKED:
        found = index.candidates(*pair)
        assert found == tuple(sorted(matching(rules, *pair), key=lambda one: -one.precedence))
        assert index.winner(*pair) == next((one for one in found if not one.observe), None)
        first = found[0] if found else None
        assert index.observed(*pair) == (first if first and first.observe else None)


@given(rule_sets)
def test_match_answers_what_covers_the_name(rules):
    """By destination and by source: all that cover the name, highest first, then by name."""
    index = Index.of(rules)
    for name in NAMES:
        to = [one for one in rules if one.destination.covers(name)]
        of = [one for one in rules if one.source.covers(name)]
        assert index.to_destination(name) == tuple(sorted(to, key=lambda one: one.order))
        assert index.from_source(name) == tuple(sorted(of, key=lambda one: one.order))


@given(rule_sets)
def test_everything_put_in_comes_out(rules):
    """Iteration, length and look-up by names give what was put in."""
    index = Index.of(rules)
    assert len(index) == len(rules)
    assert sorted(index, key=lambda one: one.order) == sorted(rules, key=lambda one: one.order)
    for one in rules:
        assert index.get(one.source, one.destination) == one


def test_no_intention_allows_where_permissions_stand_alone():
    """An intention with permissions denies at every level and under every default."""
    for default, (source, destination) in product(DEFAULTS, ASKED):
        rules = [intention(source, destination, shape) for shape in ("L7 allow", "L7 deny")]
        for rule in rules:
            assert not Index.of([rule], default).decide(source, destination).allowed


def matching(rules: tuple[Intention, ...], source, destination) -> list[Intention]:
    """Return what matches the pair."""
    return [one for one in rules if one.matches(source, destination)]


def test_a_default_is_told_as_it_was_given():
    """The default that went in is the default that comes out."""
    for default in DEFAULTS:
        assert Index.of((), default).default == default
    assert Index().default == Default(allowed=False)
