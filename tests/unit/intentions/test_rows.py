"""Intentions in the store: keys, order, and which topics a change touches."""

import itertools
import random

import pytest
from hypothesis import given

from ca_core.intentions.model import ANY, Intention, Name, Verdict
from ca_core.intentions.rows import (
    INTENTION_IDS,
    INTENTIONS,
    all_stored,
    changed_topics,
    destination_topics,
    intention_of,
    key_of,
    pair_of,
    source_topics,
    stored,
    stored_by_id,
    with_destination,
    with_source,
    written,
)
from ca_core.state import Change, Store, Transaction
from ca_core.state.memory import MemoryEngine
from tests.unit.intentions.bodies import NAMES, intentions


def name(text):
    """Return the name; one part is of the default namespace."""
    return Name(*text.split("/")) if "/" in text else Name("default", text)


def intention(source, destination, action=Verdict.ALLOW):
    """Return an intention between names as people write them."""
    return Intention(source=name(source), destination=name(destination), action=action)


def view_of(*made):
    """Return a view that holds these intentions."""
    with Store(MemoryEngine()) as store:
        for one in made:
            store.commit(Transaction(changes=(written(one),)))
        return store.snapshot


def names_in(found):
    """Return the pairs, in order."""
    return [(str(each.intention.source), str(each.intention.destination)) for each in found]


@given(intentions())
def test_a_row_is_the_intention(made):
    """What is written is what is read, whatever it says."""
    change = written(made)
    assert pair_of(change.key) == (made.source, made.destination)
    assert intention_of(change.key, change.value) == made


def test_an_intention_is_found_by_its_names_with_its_indexes():
    """CreateIndex is of the first write, ModifyIndex of the last."""
    one = intention("web", "db")
    view = view_of(one, intention("api", "db"), intention("web", "db", Verdict.DENY))
    found = stored(view, one.source, one.destination)
    assert found.intention.action is Verdict.DENY
    assert (found.created, found.version) == (2, 4)
    assert stored(view, one.destination, one.source) is None


def test_an_intention_is_found_by_its_id():
    """The id leads to the key, and an id that leads nowhere finds nothing."""
    key = key_of(name("web"), name("db"))
    with Store(MemoryEngine()) as store:
        rows = (written(intention("web", "db")), Change(INTENTION_IDS, "i", key.encode()))
        store.commit(Transaction(changes=rows))
        assert stored_by_id(store.snapshot, "i").intention == intention("web", "db")
        store.commit(Transaction(changes=(Change(INTENTIONS, key, None),)))
        assert stored_by_id(store.snapshot, "i") is None
        assert stored_by_id(store.snapshot, "other") is None


def test_ties_are_broken_by_name():
    """Precedence first; then source and destination, so that the order is the same everywhere."""
    pairs = [("a/a", "a/a"), ("a/a", "a/b"), ("a/a", "b/a"), ("a/b", "a/a"), ("b/a", "a/a")]
    pairs += [("a/*", "a/a"), ("a/*", "a/b")]
    mixed = random.Random(1).sample(pairs, len(pairs))
    assert names_in(all_stored(view_of(*itertools.starmap(intention, mixed)))) == pairs


def test_every_level_stands_in_its_place():
    """Nine levels, the destination counting first."""
    levels = [(f"x/{s}" if s != "*/*" else s, f"y/{d}" if d != "*/*" else d)
              for d in ("d", "*", "*/*") for s in ("s", "*", "*/*")]  # fmt: skip
    view = view_of(*itertools.starmap(intention, reversed(levels)))
    assert names_in(all_stored(view)) == levels
    assert [each.intention.precedence for each in all_stored(view)] == list(range(9, 0, -1))


MATCHED = {
    "one": ([("example", "bar"), ("example", "baz"), ("example", "*")], "bar", ["bar", "*"]),
    "wildcard": ([("example", "bar"), ("example", "*"), ("*", "*")], "*", ["*", "*"]),
    "none": ([("example", "baz")], "bar", []),
    "namespace": ([("x", "ns/bar"), ("x", "ns/*"), ("x", "bar"), ("x", "*/*")], "ns/bar",
                  ["ns/bar", "ns/*", "*/*"]),
}  # fmt: skip


@pytest.mark.parametrize("case", MATCHED)
def test_a_destination_matches_itself_and_what_covers_it(case):
    """Consul's IntentionMatch table: the exact ones before the wildcards."""
    made, asked, expected = MATCHED[case]
    found = with_destination(view_of(*itertools.starmap(intention, made)), name(asked))
    assert [each.intention.destination for each in found] == [name(text) for text in expected]


def test_a_source_matches_itself_and_what_covers_it():
    """The same by the other end."""
    view = view_of(intention("web", "db"), intention("*", "db"), intention("api", "db"))
    assert names_in(with_source(view, name("web"))) == [
        ("default/web", "default/db"),
        ("default/*", "default/db"),
    ]


@given(NAMES, NAMES, NAMES)
def test_whoever_lists_a_name_is_woken_by_exactly_its_list(source, destination, asked):
    """A change touches a topic of a list if, and only if, the list holds it."""
    touched = changed_topics(source, destination)
    assert destination.covers(asked) == bool(touched & set(destination_topics(asked)))
    assert source.covers(asked) == bool(touched & set(source_topics(asked)))
    assert "intentions" in touched


def test_topics_of_sources_and_destinations_differ():
    """A namespace called ``from`` confuses nobody."""
    ends = {*destination_topics(name("from/web")), *source_topics(name("from/web"))}
    assert len(ends) == 6
    assert key_of(ANY, ANY) == "*/* */*"
