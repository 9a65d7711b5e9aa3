"""What becomes of an index as intentions come and go."""

import asyncio
import gc
from itertools import count, product
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ca_core.intentions.building import built, changed
from ca_core.intentions.decision import Default
from ca_core.intentions.index import DENIED, Changes, Index
from ca_core.intentions.model import ANY, Intention, Name
from ca_core.intentions.shards import COLUMNS, ROWS, cell
from tests.unit.intentions.reference import Reference
from tests.unit.intentions.rulesets import (
    NAMES,
    defaults,
    intention,
    intentions,
    names,
    rule_sets,
    unique,
)

ASKED = tuple(product(NAMES, NAMES))
WEB, DB = Name("a", "web"), Name("a", "db")


def contents(index: Index) -> dict[tuple[Name, Name], Intention]:
    """Return everything in it by its names."""
    return unique(index)


class Deltas(RuleBasedStateMachine):
    """An index that follows changes, beside what a rebuild would be made of."""

    def __init__(self) -> None:
        super().__init__()
        self.index = Index()
        self.model: dict[tuple[Name, Name], Intention] = {}
        self.default = DENIED
        self.older: list[tuple[Index, dict[tuple[Name, Name], Intention], Default]] = []

    def swap(self, index: Index) -> None:
        """Swap the index; keep the last one, which must not change any more."""
        self.older.append((self.index, contents(self.index), self.index.default))
        self.index = index

    @rule(one=intentions)
    def upsert(self, one):
        """Put one in, over what its names had."""
        self.swap(self.index.with_changes([one]))
        self.model[one.source, one.destination] = one

    @rule(source=names, destination=names)
    def delete(self, source, destination):
        """Take one out, there or not."""
        self.swap(self.index.with_changes(deleted=[(source, destination)]))
        self.model.pop((source, destination), None)

    @rule(some=rule_sets, pairs=st.lists(st.tuples(names, names)))
    def change_many(self, some, pairs):
        """Take several out and put several in, some of them the same."""
        self.swap(self.index.with_changes(some, pairs))
        for pair in pairs:
            self.model.pop(pair, None)
        self.model.update(unique(some))

    @rule()
    def empty(self):
        """Take everything out."""
        self.swap(self.index.with_changes(deleted=list(self.model)))
        self.model.clear()

    @rule(default=defaults)
    def change_default(self, default):
        """Decide otherwise where nothing matches."""
        self.swap(self.index.with_default(default))
        self.default = default

    @invariant()
    def it_is_what_a_rebuild_is(self):
        """Contents and every decision are those of an index made anew."""
        rebuilt = Index.of(self.model.values(), self.default)
        assert len(self.index) == len(rebuilt) == len(self.model)
        assert contents(self.index) == self.model
        for pair in ASKED:
            ours, anew = self.index.decide(*pair), rebuilt.decide(*pair)
            assert (ours.allowed, ours.why) == (anew.allowed, anew.why)
        name = NAMES[len(self.older) % len(NAMES)]
        assert self.index.decide(name, name) == rebuilt.decide(name, name)
        assert self.index.to_destination(name) == rebuilt.to_destination(name)
        assert self.index.from_source(name) == rebuilt.from_source(name)

    def teardown(self):
        """No snapshot has changed since it was left."""
        for index, before, default in self.older:
            assert contents(index) == before
            assert index.default == default
            assert len(index) == len(before)


Deltas.TestCase.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
TestDeltasEqualRebuilds = Deltas.TestCase


def test_an_old_snapshot_still_decides_as_it_did():
    """Whoever holds an index reads on in it undisturbed while newer ones are made of it."""
    old = Index.of([intention(WEB, DB, "allow"), intention(ANY, DB, "deny")])
    reference = Reference(tuple(old), old.default)
    newer = old.with_changes([intention(WEB, DB, "deny")], [(ANY, DB)]).with_default(Default(True))
    assert not newer.decide(WEB, DB).allowed
    assert newer.decide(DB, DB).allowed
    for pair in product((WEB, DB), repeat=2):
        assert old.decide(*pair) == reference.decide(*pair)


def test_an_intention_may_leave_observe_mode_and_return():
    """The same names are never both enforced and observed."""
    index = Index.of([intention(WEB, DB, "allow", observe=True)])
    assert not index.decide(WEB, DB).allowed
    enforced = index.with_changes([intention(WEB, DB, "allow")])
    assert enforced.decide(WEB, DB).allowed
    assert enforced.decide(WEB, DB).would is None
    again = enforced.with_changes([intention(WEB, DB, "allow", observe=True)])
    assert again.decide(WEB, DB) == index.decide(WEB, DB)
    assert [len(one) for one in (index, enforced, again)] == [1, 1, 1]


def test_deletions_come_before_upserts():
    """What is deleted and upserted in one change is there afterwards."""
    index = Index.of([intention(WEB, DB, "deny")])
    after = index.with_changes([intention(WEB, DB, "allow")], [(WEB, DB)])
    assert after.decide(WEB, DB).allowed


@pytest.mark.parametrize(
    "name",
    [Name("a", "x/y"), Name("a/b", "x"), Name("a", "x y"), Name("a b", "x"), Name("*", "x")],
    ids=str,
)
def test_what_is_no_name_is_refused(name):
    """A name with a separator in it, or an exact one after ``*``, is never kept."""
    for pair in ((name, DB), (WEB, name)):
        with pytest.raises(ValueError, match="name"):
            Index.of([intention(*pair, "allow")])


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        (Name("web x", "y"), Name("a", "db")),
        (Name("a", "web"), Name("a", "db a/web")),
        (Name("a/web", ""), Name("a", "db")),
        (Name("", "a/web"), Name("a", "db")),
        (Name("a", "web"), Name("a/db a", "web")),
        (Name("a", "web"), Name("", "a/db")),
        (Name("", ""), Name("", "")),
        (Name("*", "web"), Name("a", "db")),
        (Name("a", "web"), Name("*", "db")),
    ],
    ids=str,
)
def test_hostile_names_match_no_other(source, destination):
    """Names that hold separators, nothing or a stray wildcard match only ``*/*``, by the table."""
    rules = [
        intention(a, b, "allow") for a, b in product((WEB, Name("a", "*")), (DB, Name("a", "*")))
    ]
    rules += [intention(ANY, ANY, "L7 allow")]
    index, reference = Index.of(rules), Reference(tuple(rules), DENIED)
    assert index.decide(source, destination) == reference.decide(source, destination)


def many(number: int, seed: int = 1) -> list[Intention]:
    """Return about so many intentions among a tenth as many services, wildcards too."""
    random = Random(seed)
    pool = [Name("ab"[one % 2], f"service-{one}") for one in range(number // 10)]
    pool += [Name("a", "*"), Name("b", "*"), ANY]
    pairs = {(random.choice(pool), random.choice(pool)) for _ in range(number)}
    return [intention(*pair, random.choice(("allow", "deny"))) for pair in sorted(pairs)]


def test_match_tells_names_that_begin_or_end_alike_apart():
    """What is kept beside a name that begins or ends like it is not taken for its own."""
    near = next(name for name in map("db{}".format, count()) if row(name) == row("db"))
    rules = [
        intention(Name(space, "web"), Name("a", name), "allow")
        for space, name in product(("a", "ba"), ("db", near))
    ]
    index = Index.of(rules)
    assert index.to_destination(DB) == (rules[0], rules[2])
    assert index.from_source(WEB) == (rules[0], rules[1])


def row(name: str) -> int:
    """Return the row that a destination is kept in."""
    return cell(name, "") // COLUMNS


def test_nothing_is_left_of_what_was_deleted():
    """An index emptied one by one is as large as an empty one."""
    index = Index.of(many(200))
    for pair in unique(index):
        index = index.with_changes(deleted=[pair])
    assert len(index) == 0
    assert not any(index.enforced.exact)
    assert index.enforced.spaces == {}
    assert list(index.enforced.every) == []


def test_nothing_is_left_of_a_service_beside_others():
    """The last wildcard of a service leaves no empty entry among those of its namespace."""
    index = Index.of([intention(ANY, DB, "allow"), intention(WEB, ANY, "deny")])
    both = index.with_changes([intention(ANY, WEB, "allow"), intention(DB, ANY, "deny")])
    less = both.with_changes(deleted=[(ANY, WEB), (DB, ANY)]).enforced.spaces["a"]
    assert sum(map(len, (*less.toward, *less.onward))) == 2


async def test_an_index_built_in_slices_is_the_same():
    """Building with pauses gives what building at once gives, and others run between."""
    rules, turns = many(2_000), 0

    async def pause() -> None:
        nonlocal turns
        turns += 1
        await asyncio.sleep(0)

    index = await built(iter(rules), Default(allowed=True), pause=pause)
    assert contents(index) == unique(rules)
    assert index.default == Default(allowed=True)
    assert turns >= 10
    halved = await changed(index, deleted=list(unique(rules[::2])), pause=pause)
    assert contents(halved) == unique(rules[1::2])
    assert contents(index) == unique(rules)
    assert turns >= 20


def test_the_work_of_changes_counts_what_is_copied():
    """A change of a shard with many entries is worth more than one of an empty one."""
    crowded = Index.of(many(5_000))
    one = intention(WEB, DB, "allow")
    works = []
    for index in (Index(), crowded):
        changes = Changes(index)
        for rule_ in [one, *many(100)]:
            changes.upsert(rule_)
        works.append(changes.work)
    assert works[0] < works[1]


def test_a_change_copies_little():
    """One change among twenty thousand shares all but a few shards with what was before."""
    before = Index.of(many(20_000))
    after = before.with_changes([intention(WEB, DB, "allow")])
    pairs = zip(before.enforced.exact, after.enforced.exact, strict=True)
    assert sum(old is not new for old, new in pairs) == 1
    assert after.enforced.spaces == before.enforced.spaces
    assert after.watched.exact is before.watched.exact


def test_the_collector_has_nothing_to_look_at():
    """What an index keeps adds no object for each intention to what a collection visits."""
    rules = many(20_000)
    gc.collect()
    before = len(gc.get_objects())
    index = Index.of(rules)
    gc.collect()
    assert len(gc.get_objects()) - before < 2 * ROWS * COLUMNS  # the shards themselves, at most
    assert not any(gc.is_tracked(one) for one in index.enforced)
