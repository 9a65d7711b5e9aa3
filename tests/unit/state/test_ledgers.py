"""Ledger records: written in groups, kept while the engine refuses, never lost in silence."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.errors import UnavailableError
from ca_core.state import Store
from ca_core.state import ledgers as ledgers_module
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.ledgers import GROUP_ROWS, GROUP_SECONDS, RETRY_SECONDS, PendingRecords
from ca_core.state.memory import MemoryEngine
from tests.unit.state.rows import put


class Recording(MemoryEngine):
    """A memory engine that remembers each append and can refuse them."""

    def __init__(self):
        super().__init__()
        self.groups = []
        self.refusing = False
        self.asked = threading.Event()

    def append(self, ledger, values):
        """Refuse, or remember and write."""
        self.asked.set()
        if self.refusing:
            raise UnavailableError("the disk is full")
        self.groups.append((ledger, len(values)))
        super().append(ledger, values)


@pytest.fixture
def engine():
    """Return an engine that records its appends."""
    return Recording()


def test_records_are_written_in_groups(engine):
    """Many records cost few writes, none larger than a group."""
    with Store(engine) as store:
        for n in range(640):
            store.append("l", str(n).encode())
        store.flush()
        sizes = [size for _, size in engine.groups]
        assert sum(sizes) == 640
        assert max(sizes) <= GROUP_ROWS
        assert len(sizes) < 100


def test_a_lone_record_is_written_without_being_asked(engine):
    """Nobody needs to flush: the group is written when its oldest record has waited."""
    with Store(engine) as store:
        store.append("l", b"alone")
        assert engine.asked.wait(5)
        assert [row.value for row in store.read("l")] == [b"alone"]


def test_refused_records_are_kept_and_visible_and_written_later(engine):
    """While the disk is full the error shows; once there is space, all arrive in order."""
    with Store(engine) as store:
        engine.refusing = True
        store.append("l", b"1")
        with pytest.raises(UnavailableError):
            store.flush()
        assert isinstance(store.ledger_error, UnavailableError)
        store.append("l", b"2")
        engine.refusing = False
        store.flush()
        assert store.ledger_error is None
        assert [row.value for row in store.read("l")] == [b"1", b"2"]


def test_refused_records_are_retried_by_themselves(engine):
    """After a failure the writer asks again without anybody's help."""
    with Store(engine) as store:
        engine.refusing = True
        store.append("l", b"1")
        assert engine.asked.wait(5)
        engine.asked.clear()
        engine.refusing = False
        assert engine.asked.wait(5)
        assert [row.value for row in store.read("l")] == [b"1"]


def test_a_ledger_failure_does_not_stop_commits(engine):
    """Rows are committed while a ledger waits for the disk."""
    with Store(engine) as store:
        engine.refusing = True
        store.append("l", b"1")
        store.commit(put("a"))
        engine.refusing = False


def test_memory_for_refused_records_is_bounded(engine, monkeypatch):
    """Beyond the bound the caller is told that its record was not taken."""
    monkeypatch.setattr(ledgers_module, "MAX_ROWS", 10)
    with Store(engine) as store:
        engine.refusing = True
        with pytest.raises(UnavailableError):  # noqa: PT012 - the eleventh is the one refused
            for _ in range(11):
                store.append("l", b"x")
        engine.refusing = False
        store.flush()
        assert len(store.read("l")) == 10


def test_the_bound_counts_bytes_too(monkeypatch):
    """A few huge records fill the memory given to them as many small ones do."""
    monkeypatch.setattr(ledgers_module, "MAX_BYTES", 100)
    pending = PendingRecords()
    pending.add("l", b"x" * 90, now=0.0)
    with pytest.raises(UnavailableError):
        pending.add("l", b"x" * 11, now=0.0)
    pending.write(lambda *_: None, now=0.0)
    pending.add("l", b"x" * 11, now=0.0)


def test_closing_over_refused_records_says_how_many_are_lost(engine):
    """An end that loses records is loud."""
    store = Store(engine)
    engine.refusing = True
    store.append("l", b"1")
    store.append("l", b"2")
    with pytest.raises(UnavailableError, match="2 ledger records were lost"):
        store.close()


def test_two_servers_append_to_one_ledger():
    """Records of all servers stand in one order that every server reads."""
    backend = FakeBackend()
    with Store(FakeEngine(backend)) as one, Store(FakeEngine(backend)) as two:
        one.append("l", b"1")
        one.flush()
        two.append("l", b"2")
        two.flush()
        assert [row.value for row in one.read("l")] == [b"1", b"2"]


def test_a_group_is_due_when_full_or_old():
    """The writer sleeps until the oldest record has waited, less if the group is full."""
    pending = PendingRecords()
    assert pending.seconds_left(0.0) is None
    assert pending.add("l", b"x", now=10.0) is True
    assert pending.seconds_left(10.0) == pytest.approx(GROUP_SECONDS)
    hurries = [pending.add("l", b"x", now=10.0) for _ in range(GROUP_ROWS - 1)]
    assert hurries == [False] * (GROUP_ROWS - 2) + [True]
    assert pending.seconds_left(10.0) == 0


def test_what_comes_during_a_write_is_collected_too():
    """A stream of records costs a write each few milliseconds, not one after the other."""
    pending = PendingRecords()
    pending.add("l", b"x", now=10.0)
    pending.write(lambda *_: pending.add("l", b"y", now=10.001), now=10.0)
    assert pending.seconds_left(10.0) == pytest.approx(GROUP_SECONDS)


def test_a_group_that_filled_during_a_write_is_due_at_once():
    """More than a group never waits."""
    pending = PendingRecords()
    pending.add("l", b"x", now=10.0)

    def meanwhile(*_):
        for _ in range(GROUP_ROWS + 1):
            pending.add("l", b"y", now=10.0)

    pending.write(meanwhile, now=10.0)
    assert pending.seconds_left(10.0) == 0


def test_a_full_group_does_not_hurry_a_failing_disk():
    """After a failure the writer waits its pause, however many records come."""
    pending = PendingRecords()
    pending.add("l", b"x", now=0.0)
    with pytest.raises(UnavailableError):
        pending.write(a_refusing_engine().append, now=0.0)
    assert not any(pending.add("l", b"x", now=0.0) for _ in range(GROUP_ROWS))
    assert pending.seconds_left(0.0) == pytest.approx(RETRY_SECONDS)


def a_refusing_engine():
    """Return an engine that refuses every append."""
    engine = Recording()
    engine.refusing = True
    return engine


STEPS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(1, 100)) | st.sampled_from(["write", "fail"])
)


@given(STEPS)
def test_whatever_fails_every_record_arrives_once_and_in_order(steps):
    """Adding, writing and failing in any order loses, repeats and swaps nothing."""
    pending, written, added = PendingRecords(), {"a": [], "b": []}, {"a": [], "b": []}
    calls = 0

    def failing_at_the_second(ledger, values):
        nonlocal calls
        calls += 1
        if calls == 2:
            raise UnavailableError("full")
        written[ledger].extend(values)

    for step in steps:
        calls = 0
        if step == "write":
            pending.write(lambda ledger, values: written[ledger].extend(values), now=0.0)
            assert len(pending) == 0
        elif step == "fail":
            try:
                pending.write(failing_at_the_second, now=0.0)
            except UnavailableError:
                assert len(pending) > 0
        else:
            ledger, count = step
            for _ in range(count):
                value = str(len(added[ledger])).encode()
                pending.add(ledger, value, now=0.0)
                added[ledger].append(value)
    pending.write(lambda ledger, values: written[ledger].extend(values), now=0.0)
    assert written == added
