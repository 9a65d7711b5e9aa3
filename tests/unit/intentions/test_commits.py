"""What writes intentions: one transaction each, with compare-and-set, by name and by id."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ca_core.errors import ConflictError, NotFoundError, RequestError
from ca_core.intentions.commits import (
    created,
    deleted,
    deleted_by_id,
    meta_kept,
    updated_by_id,
    upserted,
)
from ca_core.intentions.following import Following
from ca_core.intentions.model import Intention, Verdict
from ca_core.intentions.rows import (
    INTENTION_IDS,
    all_stored,
    stored,
    stored_by_id,
    with_destination,
    with_source,
)
from ca_core.state import Store
from ca_core.state.memory import MemoryEngine
from ca_core.testing.clock import START
from tests.unit.intentions.bodies import DB, NAMES, VERDICTS, WEB

LATER = START + timedelta(hours=1)
ONE = Intention(source=WEB, destination=DB, action=Verdict.ALLOW)
OTHER = replace(ONE, action=Verdict.DENY)


@pytest.fixture
def store():
    """Return an empty store."""
    with Store(MemoryEngine()) as made:
        yield made


def write(store, make, *arguments, **options):
    """Commit what ``make`` says now; return the index, None if it had nothing to say."""
    return store.update(lambda view: make(view, *arguments, **options))


def standing(store):
    """Return the intention from web to db."""
    return stored(store.snapshot, WEB, DB)


def test_an_upsert_writes_once_and_then_over(store):
    """Creation stays, the update moves, and there is one."""
    first = write(store, upserted, ONE, START)
    second = write(store, upserted, OTHER, LATER)
    found = standing(store)
    assert (found.created, found.version) == (first, second)
    assert found.intention == replace(OTHER, created=START, updated=LATER)
    assert len(all_stored(store.snapshot)) == 1


def test_the_same_again_writes_nothing(store):
    """A deployment that repeats itself wakes nobody."""
    write(store, upserted, ONE, START)
    index = store.snapshot.index
    assert write(store, upserted, ONE, LATER) is None
    assert store.snapshot.index == index


def test_a_delete_removes_and_is_no_error_the_second_time(store):
    """What is not there is gone already."""
    write(store, upserted, ONE, START)
    assert write(store, deleted, WEB, DB)
    assert standing(store) is None
    assert write(store, deleted, WEB, DB) is None


@pytest.mark.parametrize("expect", [1, 7])
def test_an_expectation_that_does_not_hold_changes_nothing(store, expect):
    """Compare-and-set is by ModifyIndex; what is absent is at 0."""
    with pytest.raises(ConflictError, match="there is none") as caught:
        write(store, upserted, ONE, START, expect=expect)
    assert caught.value.field == "cas"
    with pytest.raises(ConflictError):
        write(store, deleted, WEB, DB, expect=expect)
    index = write(store, upserted, ONE, START, expect=0)
    for make in (
        lambda v: upserted(v, OTHER, LATER, expect=0),
        lambda v: deleted(v, WEB, DB, expect=0),
    ):
        with pytest.raises(ConflictError, match=f"its ModifyIndex is {index}"):
            store.update(make)
    assert standing(store).intention.action is Verdict.ALLOW


def test_an_expectation_that_holds_lets_the_write_through(store):
    """Who read last writes."""
    index = write(store, upserted, ONE, START, expect=0)
    index = write(store, upserted, OTHER, LATER, expect=index)
    assert write(store, deleted, WEB, DB, expect=index)


def test_a_race_is_lost_by_the_row_not_by_the_store(store):
    """A transaction made of an older view is refused once its own row moved, and only then."""
    old = store.snapshot
    write(store, upserted, replace(ONE, source=DB), START)
    assert store.commit(upserted(old, ONE, START))
    with pytest.raises(ConflictError):
        store.commit(upserted(old, OTHER, START))


def test_a_created_one_has_its_id_for_life(store):
    """An upsert by name keeps it; old clients find it still."""
    write(store, created, ONE, "id-1", START)
    write(store, upserted, OTHER, LATER)
    found = stored_by_id(store.snapshot, "id-1").intention
    assert (found.id, found.created, found.action) == ("id-1", START, Verdict.DENY)


def test_a_pair_is_created_once(store):
    """The second is a duplicate, whoever wrote the first."""
    write(store, upserted, ONE, START)
    with pytest.raises(ConflictError, match="duplicate intention found: default/web => default/db"):
        write(store, created, OTHER, "id-1", START)
    assert stored_by_id(store.snapshot, "id-1") is None


def test_a_change_by_id_may_have_another_source(store):
    """The row moves, the id and the creation with it."""
    write(store, created, ONE, "id-1", START)
    write(store, updated_by_id, "id-1", replace(OTHER, source=DB), LATER)
    assert standing(store) is None
    found = stored_by_id(store.snapshot, "id-1").intention
    assert found == Intention(
        source=DB, destination=DB, action=Verdict.DENY, id="id-1", created=START, updated=LATER
    )


def test_a_change_by_id_keeps_its_destination(store):
    """Rights belong to the destination: another one is another intention."""
    write(store, created, ONE, "id-1", START)
    with pytest.raises(RequestError, match="Cannot modify Destination partition/namespace/name"):
        write(store, updated_by_id, "id-1", replace(ONE, destination=WEB), LATER)


def test_a_change_by_id_does_not_overwrite_another(store):
    """A source that has an intention already is a duplicate."""
    write(store, created, ONE, "id-1", START)
    write(store, upserted, replace(ONE, source=DB), START)
    with pytest.raises(ConflictError, match="duplicate intention found"):
        write(store, updated_by_id, "id-1", replace(ONE, source=DB), LATER)


def test_the_same_by_id_writes_nothing(store):
    """As by name."""
    write(store, created, ONE, "id-1", START)
    assert write(store, updated_by_id, "id-1", ONE, LATER) is None


def test_a_delete_takes_the_id_along(store):
    """By name or by id, nothing is left of it."""
    for way in ((deleted, WEB, DB), (deleted_by_id, "id-1")):
        write(store, created, ONE, "id-1", START)
        write(store, *way)
        assert not store.snapshot.table(INTENTION_IDS)
        assert not all_stored(store.snapshot)


def test_an_unknown_id_is_not_found(store):
    """Nothing is made by changing what is not there."""
    with pytest.raises(NotFoundError, match="Cannot modify non-existent intention: 'id-1'"):
        write(store, updated_by_id, "id-1", ONE, START)
    with pytest.raises(NotFoundError, match="Cannot delete non-existent intention: 'id-1'"):
        write(store, deleted_by_id, "id-1")


def test_meta_that_is_not_said_stays(store):
    """It is of the intention that stands; a new one has none."""
    assert meta_kept(store.snapshot, ONE) == ONE
    write(store, upserted, replace(ONE, meta={"a": "b"}), START)
    assert dict(meta_kept(store.snapshot, OTHER).meta) == {"a": "b"}


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["put", "cut", "new", "move"]), NAMES, NAMES, VERDICTS), max_size=25
)


def apply(store, number, operation, model):
    """Do one operation on the store, and on a dictionary of actions by pair."""
    kind, source, destination, action = operation
    made = Intention(source=source, destination=destination, action=action)
    pair = source, destination
    if kind == "put":
        write(store, upserted, made, START)
        model[pair] = action
    elif kind == "cut":
        write(store, deleted, *pair)
        model.pop(pair, None)
    elif kind == "new" and pair not in model:
        write(store, created, made, f"id-{number}", START)
        model[pair] = action
    elif kind == "move":
        move(store, made, model)


def move(store, made, model):
    """Give the first one with an id and this destination another source, if that is free."""
    named = [each.intention for each in all_stored(store.snapshot) if each.intention.id]
    found = next((each for each in named if each.destination == made.destination), None)
    if found is None or (made.source, made.destination) in model:
        return
    write(store, updated_by_id, found.id, made, START)
    del model[found.source, found.destination]
    model[made.source, made.destination] = made.action


@settings(max_examples=60, deadline=None)
@given(OPERATIONS, NAMES)
def test_whatever_was_written_is_what_stands_in_table_and_index(operations, asked):
    """A dictionary, the table, and the index that followed agree; every id leads to its row."""
    model = {}
    with Store(MemoryEngine()) as store:
        following = Following(store)
        for number, operation in enumerate(operations):
            apply(store, number, operation, model)
        view, now = store.snapshot, following.now
    rows = all_stored(view)
    assert {
        (r.intention.source, r.intention.destination): r.intention.action for r in rows
    } == model
    assert sorted(now.index, key=lambda each: each.order) == [row.intention for row in rows]
    assert now.to_destination(asked) == with_destination(view, asked)
    assert now.from_source(asked) == with_source(view, asked)
    assert {row.intention.id for row in rows} - {""} == set(view.table(INTENTION_IDS))
    assert all(stored_by_id(view, r.intention.id) == r for r in rows if r.intention.id)
