"""The compiled index says what the table of precedence says, everywhere."""

from itertools import product
from random import Random

import pytest

from ca_core.intentions.decision import Default, Why
from ca_core.intentions.index import Index
from ca_core.intentions.model import ANY, Intention, Name
from tests.unit.intentions.reference import PRECEDENCE, Reference, kind
from tests.unit.intentions.rulesets import (
    DEFAULTS,
    NAMES,
    SHAPES,
    intention,
    random_set,
)

WEB, DB = Name("a", "web"), Name("a", "db")
SOURCES = (WEB, Name("a", "*"), ANY)
DESTINATIONS = (DB, Name("a", "*"), ANY)
LEVELS = tuple(product(SOURCES, DESTINATIONS))
"""The nine pairs of names that match web → db, one of each precedence."""

ASKED_SOURCES = (WEB, Name("a", "other"), Name("b", "web"), Name("a", "*"), Name("b", "*"), ANY)
ASKED_DESTINATIONS = (DB, Name("a", "other"), Name("b", "db"), Name("a", "*"), Name("b", "*"), ANY)
ASKED = tuple(product(ASKED_SOURCES, ASKED_DESTINATIONS))

RANDOM_SETS = 20_000
MANY_RANDOM_SETS = 1_000_000
ABSENT, ENFORCED, OBSERVED = range(3)


def assert_agree(rules: tuple[Intention, ...], default: Default, asked=ASKED) -> None:
    """Both say the same about every pair asked for."""
    index, reference = Index.of(rules, default), Reference(rules, default)
    for source, destination in asked:
        ours, theirs = (one.decide(source, destination) for one in (index, reference))
        assert ours == theirs, f"{source} → {destination} with {default}: {list(map(str, rules))}"


def test_the_nine_levels_are_nine():
    """The nine pairs of names have every precedence once, in the model as in the table."""
    found = [PRECEDENCE[kind(destination), kind(source)] for source, destination in LEVELS]
    assert sorted(found) == list(range(1, 10))
    assert found == [intention(*pair, "allow").precedence for pair in LEVELS]


@pytest.mark.parametrize("default", DEFAULTS, ids=str)
def test_one_intention_agrees_in_every_shape_at_every_level(default):
    """Every pair of names, shape and mode decides every class of question as the table says."""
    for pair, shape, observe in product(LEVELS, SHAPES, (False, True)):
        assert_agree((intention(*pair, shape, observe=observe),), default)
    assert_agree((), default)


def test_two_intentions_agree_in_every_shape():
    """Any two levels in any two shapes and modes decide as the table says."""
    shapes = tuple(product(SHAPES, (False, True)))
    for number, (one, other) in enumerate(product(LEVELS, repeat=2)):
        for (shape, observe), (shape2, observe2) in product(shapes, repeat=2):
            first = intention(*one, shape, observe=observe)
            second = intention(*other, shape2, observe=observe2)
            if one < other:
                assert_agree((first, second), DEFAULTS[number % 4], asked=((WEB, DB),))


def test_every_presence_of_the_nine_levels_agrees():
    """Each level absent, enforced or observed, all 19,683 ways, decides web → db by the table."""
    for number, states in enumerate(product((ABSENT, ENFORCED, OBSERVED), repeat=9)):
        rules = tuple(
            intention(*pair, SHAPES[(number + place) % 4], observe=state == OBSERVED)
            for place, (pair, state) in enumerate(zip(LEVELS, states, strict=True))
            if state != ABSENT
        )
        assert_agree(rules, DEFAULTS[number % 4], asked=((WEB, DB),))


def test_every_subset_of_the_nine_levels_agrees_for_every_class_of_question():
    """Exact, other, namespace and all, on both sides, with all 512 subsets of the levels."""
    for number, present in enumerate(product((False, True), repeat=9)):
        rules = tuple(
            intention(*pair, SHAPES[(number + place) % 2], observe=(number + place) % 5 == 0)
            for place, (pair, there) in enumerate(zip(LEVELS, present, strict=True))
            if there
        )
        assert_agree(rules, DEFAULTS[number % 4])


def test_random_rule_sets_agree(record_property):
    """Twenty thousand random sets decide random questions, one in each class, by the table."""
    record_property("measured", f"{agreeing(RANDOM_SETS, seed=1):,} decisions")


@pytest.mark.soak
def test_a_million_random_rule_sets_agree(record_property):
    """A million random sets decide random questions by the table."""
    record_property("measured", f"{agreeing(MANY_RANDOM_SETS, seed=2):,} decisions")


@pytest.mark.soak
def test_every_shape_at_every_level_agrees_under_every_default():
    """All 5^9 ways of absent, allow, deny, L7 and observed decide web → db by the table."""
    states = (None, ("allow", False), ("deny", False), ("L7 allow", False), ("allow", True))
    compiled = {
        (pair, state): intention(*pair, state[0], observe=state[1])
        for pair, state in product(LEVELS, states)
        if state is not None
    }
    for drawn in product(states, repeat=9):
        rules = tuple(
            compiled[pair, state]
            for pair, state in zip(LEVELS, drawn, strict=True)
            if state is not None
        )
        index = Index.of(rules)
        for default in (Default(allowed=False), Default(allowed=True, why=Why.DEFAULT)):
            theirs = Reference(rules, default).decide(WEB, DB)
            assert index.with_default(default).decide(WEB, DB) == theirs, list(map(str, rules))


def agreeing(sets: int, *, seed: int) -> int:
    """Compare so many random sets on three random questions each; return how many."""
    random = Random(seed)
    for _ in range(sets):
        asked = [(random.choice(NAMES), random.choice(NAMES)) for _ in range(3)]
        assert_agree(random_set(random), random.choice(DEFAULTS), asked)
    return 3 * sets
