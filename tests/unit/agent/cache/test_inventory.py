"""One budget for everything an agent remembers."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ca_core.agent.cache.entries import Counts, Entry, Reason, Standing
from ca_core.agent.cache.inventory import Inventory
from ca_core.agent.cache.kinds import KindName


class Keeper:
    """Keeps things of one kind: id → [bytes, used at, busy]. ``stays`` are never given up."""

    def __init__(self, kind, *, stays=False):
        self.kind, self.stays = kind, stays
        self.counts, self.things, self.now = Counts(), {}, 0
        self.looks = 0
        self.listener = lambda: None

    @property
    def size(self):
        """Return the bytes of all."""
        return sum(size for size, _, _ in self.things.values())

    def standing(self):
        """Return how many there are."""
        busy = [busy for _, _, busy in self.things.values()]
        return Standing(entries=len(busy), waiters=sum(busy))

    def entries(self):
        """Yield each."""
        self.looks += 1
        for name, (size, used, busy) in list(self.things.items()):
            yield Entry(
                kind=self.kind,
                id=name,
                key=str(name),
                bytes=size,
                age=0.0,
                unused=float(self.now - used),
                hits=0,
                misses=0,
                waiters=int(busy),
                index=1,
                busy=busy,
            )

    def evict(self, entry_id):
        """Give one up, and say so."""
        if self.stays or self.things[entry_id][2]:
            return 0
        size = self.things.pop(entry_id)[0]
        self.counts.evictions[Reason.BUDGET] += 1
        self.listener()
        return size


def kept(*keepers, budget=100):
    """Return an inventory over keepers."""
    return Inventory(keepers, budget)


def test_what_was_used_longest_ago_goes_first_whatever_its_kind():
    """Two kinds, one order; as much goes as leaves a tenth of the budget free."""
    leaves, views = Keeper(KindName.LEAF), Keeper(KindName.UPSTREAMS)
    leaves.things = {"old": [30, 1, False], "new": [30, 8, False]}
    views.things = {"older": [30, 0, False], "newer": [30, 9, False]}
    kept(leaves, views).keep_within()
    assert (set(leaves.things), set(views.things)) == ({"old", "new"}, {"newer"})


def test_within_the_budget_nothing_goes_and_nothing_is_looked_at():
    """A read costs no look at ten thousand entries."""
    views = Keeper(KindName.UPSTREAMS)
    views.things = {"a": [100, 0, False]}
    kept(views).keep_within()
    assert (set(views.things), views.looks) == ({"a"}, 0)


def test_what_is_busy_and_the_roots_stay_even_beyond_the_budget():
    """Better too much memory than a reader without an answer."""
    roots, views = Keeper(KindName.ROOTS, stays=True), Keeper(KindName.UPSTREAMS)
    roots.things = {"": [500, 0, False]}
    views.things = {"waited for": [500, 0, True], "idle": [10, 5, False]}
    found = kept(roots, views)
    found.keep_within()
    assert (set(roots.things), set(views.things)) == ({""}, {"waited for"})
    assert found.size == 1000


def test_where_nothing_can_go_it_is_not_tried_again_for_every_new_entry():
    """Only once there is a hundredth more; a larger budget is looked at at once."""
    views = Keeper(KindName.UPSTREAMS)
    views.things = {"waited for": [1000, 0, True]}
    found = kept(views)
    for _ in range(50):
        found.keep_within()
    assert views.looks == 1
    views.things["more"] = [50, 1, False]
    found.keep_within()
    assert "more" not in views.things
    found.resize(2000)
    views.things["more"] = [500, 1, False]
    found.keep_within()
    assert "more" in views.things


def test_a_smaller_budget_holds_at_once():
    """An operator who sets it sees it kept."""
    views = Keeper(KindName.UPSTREAMS)
    views.things = {name: [10, at, False] for at, name in enumerate("abcdefgh")}
    found = kept(views)
    found.resize(50)
    assert sorted(views.things) == ["e", "f", "g", "h"]
    assert found.budget == 50


def test_a_keeper_that_tells_of_every_change_is_not_asked_again_meanwhile():
    """Forgetting is a change too; it does not begin another round inside the first."""
    views = Keeper(KindName.UPSTREAMS)
    views.things = {name: [20, at, False] for at, name in enumerate("abcdefgh")}
    found = kept(views)
    views.listener = found.keep_within
    found.keep_within()
    assert views.looks == 1
    assert sorted(views.things) == ["e", "f", "g", "h"]


def test_entries_come_the_largest_first_and_figures_by_kind():
    """Whoever looks sees what costs most; figures add up."""
    views = Keeper(KindName.UPSTREAMS)
    views.things = {"small": [1, 0, True], "large": [7, 0, False]}
    found = kept(Keeper(KindName.LEAF), views)
    assert [entry.key for entry in found.entries()] == ["large", "small"]
    leaf, upstreams = found.figures()
    assert (leaf.kind, leaf.entries, leaf.bytes) == ("leaf", 0, 0)
    assert (upstreams.entries, upstreams.bytes, upstreams.waiters) == (2, 8, 1)


class BudgetMachine(RuleBasedStateMachine):
    """Things of two kinds come, are used, waited for and left; the model sorts them every time."""

    def __init__(self):
        super().__init__()
        self.keepers = [Keeper(KindName.LEAF), Keeper(KindName.UPSTREAMS)]
        self.inventory = kept(*self.keepers)
        self.model = {}
        self.resigned_at = 0
        self.now = 0

    def tick(self):
        """Let a moment pass."""
        self.now += 1
        for keeper in self.keepers:
            keeper.now = self.now

    @rule(which=st.integers(0, 1), name=st.integers(0, 9), size=st.integers(1, 40))
    def comes(self, which, name, size):
        """A thing is remembered, or another value of it."""
        self.tick()
        busy = self.model.get((which, name), [0, 0, False])[2]
        self.model[which, name] = [size, self.now, busy]
        self.keepers[which].things[name] = [size, self.now, busy]
        self.inventory.keep_within()
        self.forget()

    @rule(which=st.integers(0, 1), name=st.integers(0, 9), busy=st.booleans())
    def is_used(self, which, name, busy):
        """Somebody reads a thing, begins to wait for it, or waits no more."""
        self.tick()
        if (which, name) in self.model:
            self.model[which, name][1:] = [self.now, busy]
            self.keepers[which].things[name][1:] = [self.now, busy]

    @property
    def size(self):
        """Return the bytes of all."""
        return sum(each[0] for each in self.model.values())

    def forget(self):
        """Do what the budget says, as plainly as can be."""
        if self.size <= 100:
            self.resigned_at = 0
        elif self.size > self.resigned_at * 1.01:
            for key in sorted(self.model, key=lambda key: self.model[key][1]):
                if self.size > 90 and not self.model[key][2]:
                    del self.model[key]
            self.resigned_at = self.size if self.size > 100 else 0

    @invariant()
    def what_is_kept_is_what_the_model_keeps(self):
        """The same things, no more and no fewer."""
        for which, keeper in enumerate(self.keepers):
            assert set(keeper.things) == {name for kind, name in self.model if kind == which}


BudgetMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestBudget = BudgetMachine.TestCase
