"""One record of the cache against a slow, obvious model of it, whatever happens when."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ca_core.acl.principal import Token
from ca_core.agent.cache.cache import Cache
from ca_core.agent.cache.kinds import Kind, KindName
from ca_core.agent.waiting import stopped
from ca_core.errors import DeniedError, Error, ProviderError, UnavailableError
from ca_core.testing.clock import FakeClock
from ca_core.wire.freshness import Freshness
from tests.unit.agent.fakes import settle

TURNS = 8
"""Of the loop, until everything has run that can."""
WAIT, PATIENCE, IDLE = 300.0, 10.0, 1000.0
CALLERS = tuple(Token(name) for name in ("alice", "bob", "carol"))
ERRORS = {"away": UnavailableError("away"), "broken": ProviderError("broken")}
REFUSED = DeniedError("refused")
FRESHNESS = (
    Freshness(),
    Freshness(must_revalidate=True),
    Freshness(max_age=timedelta(seconds=30)),
    Freshness(max_age=timedelta(seconds=30), stale_if_error=timedelta(seconds=120)),
    Freshness(must_revalidate=True, stale_if_error=timedelta(seconds=120)),
)
callers, spans = st.sampled_from(CALLERS), st.sampled_from([1, 7, 40, 100, 400, 1000])


class Listening:
    """A source that fetches nothing; the test says what comes."""

    def __init__(self):
        self.followed = set()

    def ask(self, key):
        """Note that it is wanted."""
        self.followed.add(key)
        return True

    def forget(self, key):
        """Note that it is not."""
        self.followed.discard(key)


@dataclass
class Reader:
    """One read, as the model sees it: ``result`` is None while it has to wait."""

    caller: Token
    index: int
    freshness: Freshness
    task: asyncio.Task
    ends: float
    wants_fetch: bool
    result: tuple | None = None


@dataclass
class Model:
    """What a record is, said as plainly as can be."""

    used: float
    value: str = ""
    index: int = 0
    error: Error | None = None
    lost_at: float | None = None
    holders: set = field(default_factory=set)


class RecordMachine(RuleBasedStateMachine):
    """Readers come and go, values and failures arrive, time passes, rights are taken."""

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock, self.source = FakeClock(), Listening()
        idle, patience = timedelta(seconds=IDLE), timedelta(seconds=PATIENCE)
        kind = Kind(name=KindName.CATALOG, weigh=len, idle=idle, patience=patience)
        self.cache = Cache(kind, self.clock, lambda _: self.source)
        self.model, self.readers = None, []

    def teardown(self):
        """End every reader."""
        self.run(stopped(*(reader.task for reader in self.readers)))
        self.loop.close()

    def run(self, work):
        """Run something on the loop."""
        return self.loop.run_until_complete(work)

    @property
    def now(self):
        """Return the seconds that have passed."""
        return self.clock.monotonic()

    @property
    def age(self):
        """Return how old the value is, as readers are told."""
        lost = self.model.lost_at
        return timedelta(seconds=0 if lost is None else self.now - lost)

    @property
    def waiting(self):
        """Return the readers that have to wait."""
        return [reader for reader in self.readers if reader.result is None]

    @rule(caller=callers, holds=st.sampled_from(["nothing", "current", "other"]), data=st.data())
    def reads(self, caller, holds, data):
        """A caller reads, with some index, with some demand for freshness."""
        freshness = data.draw(st.sampled_from(FRESHNESS))
        if self.model is None:
            self.model = Model(used=self.now)
        model = self.model
        model.holders.add(caller)
        model.used = self.now
        index = {"nothing": 0, "current": model.index, "other": model.index + 5}[holds]
        asking = self.cache.get(
            "k", caller, min_index=index, wait=timedelta(seconds=WAIT), freshness=freshness
        )
        fresh = model.index > 0 and freshness.accepts(self.age)
        task = self.loop.create_task(asking)
        reader = Reader(caller, index, freshness, task, self.now + PATIENCE, not fresh)
        self.readers.append(reader)
        if fresh:
            self.got_value(reader, hit=True)
        self.run(settle(TURNS))

    def got_value(self, reader, *, hit):
        """Answer a reader with what there is, unless he holds it: then he waits for another."""
        if reader.index == self.model.index:
            reader.wants_fetch, reader.ends = False, self.now + WAIT
            return
        self.answers(reader, hit=hit)

    def answers(self, reader, *, hit):
        """End a reader with the value, or why there is none."""
        model = self.model
        if model.index:
            model.used = self.now
            reader.result = (model.value, model.index, hit, self.age, model.lost_at is None)
        else:
            reader.result = (model.error,)

    def got_error(self, reader, error):
        """End a reader's fetch with an error, unless he takes the old value then."""
        if self.model.index and reader.freshness.accepts_after_error(self.age):
            self.got_value(reader, hit=True)
        else:
            reader.result = (error,)

    def fetch_ended(self, error):
        """Let everybody go on who waited for a fetch, and who waited for another index."""
        for reader in self.waiting:
            if not reader.wants_fetch:
                if reader.index != self.model.index:
                    self.answers(reader, hit=False)
            elif error is None:
                self.got_value(reader, hit=False)
            else:
                self.got_error(reader, error)

    @precondition(lambda self: self.model is not None)
    @rule(value=st.sampled_from("xyz"), index=st.integers(0, 12))
    def arrives(self, value, index):
        """A server answers with a value, its index higher, equal or lower than before."""
        model, index = self.model, max(index, 1)
        index += index == model.index and value != model.value
        model.value, model.index, model.error, model.lost_at = value, index, None, None
        self.cache.arrived("k", value, index)
        self.fetch_ended(None)
        self.run(settle(TURNS))

    @precondition(lambda self: self.model is not None and self.model.index)
    @rule()
    def stays(self):
        """A server answers that nothing has changed."""
        self.model.error, self.model.lost_at = None, None
        self.cache.unchanged("k")
        self.fetch_ended(None)
        self.run(settle(TURNS))

    @precondition(lambda self: self.model is not None)
    @rule(error=st.sampled_from([*ERRORS.values(), REFUSED]))
    def fails(self, error):
        """A fetch fails; a refusal takes the value along."""
        model = self.model
        model.error = error
        model.lost_at = self.now if model.lost_at is None else model.lost_at
        if error is REFUSED:
            model.value, model.index = "", 0
        self.cache.failed("k", error)
        self.fetch_ended(error)
        self.run(settle(TURNS))

    @rule(seconds=spans)
    def time_passes(self, seconds):
        """Readers who have waited long enough are answered; what is idle is forgotten."""
        for _ in range(seconds // 100 or 1):
            self.one_step(min(seconds, 100))

    def one_step(self, seconds):
        """Let some time pass at once."""
        self.clock.advance(timedelta(seconds=seconds))
        self.run(settle(TURNS))
        for reader in self.waiting:
            if reader.ends <= self.now:
                self.has_waited(reader)
        self.run(settle(TURNS))
        self.cache.forget_idle()
        model = self.model
        if model is not None and model.used + IDLE <= self.now:
            if self.waiting:
                model.used = self.now
            else:
                self.model = None

    def has_waited(self, reader):
        """End the wait of a reader."""
        if reader.wants_fetch:
            self.got_error(reader, self.model.error or UnavailableError("no server has answered"))
        else:
            self.answers(reader, hit=False)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def gives_up(self, data):
        """A reader goes away."""
        reader = data.draw(st.sampled_from(range(len(self.waiting))))
        gone = self.waiting[reader]
        gone.task.cancel()
        self.run(settle(TURNS))
        self.readers.remove(gone)

    @precondition(lambda self: self.model is not None)
    @rule(caller=callers)
    def loses_the_right(self, caller):
        """A token ends: its readers are told, and what nobody holds is gone."""
        self.cache.review(lambda who, _: who != caller)
        self.model.holders.discard(caller)
        for reader in self.waiting:
            if reader.caller == caller:
                reader.result = ("taken back",)
        if not self.model.holders:
            self.model = None
        self.run(settle(TURNS))

    @rule()
    def is_evicted(self):
        """The budget wants room; what is waited for stays."""
        freed = self.cache.evict("k")
        assert (freed > 0) is (self.model is not None and not self.waiting)
        if freed:
            self.model = None

    @invariant()
    def readers_have_what_the_model_says(self):
        """Who has to wait waits; who has an answer has that one."""
        for reader in self.readers:
            assert reader.task.done() is (reader.result is not None), reader
            if reader.result is not None:
                self.check(reader)
        self.readers = self.waiting

    def check(self, reader):
        """Compare one answer."""
        error = reader.task.exception()
        match reader.result:
            case ("taken back",):
                assert isinstance(error, DeniedError)
                assert "taken back" in str(error)
            case (expected,):
                assert type(error) is type(expected)
                assert str(expected) in str(error)
            case _:
                got = reader.task.result()
                found = (got.value, got.index, got.hit, got.age, got.in_contact)
                assert found == reader.result

    @invariant()
    def the_record_is_what_the_model_is(self):
        """There or not; value, index, age, holders, size; and followed exactly while there."""
        entries = list(self.cache.entries())
        assert len(entries) == (self.model is not None)
        assert len(self.source.followed) <= len(entries)
        assert self.cache.size == sum(entry.bytes for entry in entries)
        standing = self.cache.standing()
        assert (standing.entries, standing.waiters) == (len(entries), len(self.waiting))
        assert standing.age == sum(entry.age for entry in entries)
        for entry in entries:
            assert entry.index == self.model.index
            assert entry.age == self.age.total_seconds()
            assert set(entry.partitions) == {f"token:{one.accessor}" for one in self.model.holders}
            assert entry.waiters == len(self.waiting)
            assert entry.error == str(self.model.error or "")
            assert entry.unused == self.now - self.model.used


RecordMachine.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
TestOneRecord = RecordMachine.TestCase


class Careless:
    """Draws a reader without any demand."""

    def draw(self, _strategy):
        """Return no demand."""
        return Freshness()


def test_a_look_before_its_time_is_no_use():
    """The record was made long ago and is looked at then; what counts is when it was read last."""
    state = RecordMachine()
    state.reads(caller=CALLERS[0], holds="nothing", data=Careless())
    state.time_passes(seconds=400)
    state.time_passes(seconds=400)
    state.time_passes(seconds=100)
    state.arrives(index=1, value="x")
    state.readers_have_what_the_model_says()
    state.reads(caller=CALLERS[0], holds="current", data=Careless())
    state.time_passes(seconds=100)
    state.the_record_is_what_the_model_is()
    state.teardown()
