"""What every engine promises. An engine's test subclasses this and says how to open it."""

import asyncio
import threading
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor

import pytest

from ca_core.errors import ConflictError, RequestError
from ca_core.state import ABSENT, MAX_CHANGES, Change, Fence, Store, Transaction
from ca_core.state.protocol import FIRST_INDEX
from tests.unit.state.rows import cut, put


class EngineSuite(ABC):
    """The rules of the protocol, checked through an engine alone and through a store on it."""

    @abstractmethod
    def open(self):
        """Open an engine on this test's place; called again after ``close``, it finds the rows."""

    @pytest.fixture
    def engine(self):
        """Return an open engine, empty."""
        engine = self.open()
        yield engine
        engine.close()

    @pytest.fixture
    def store(self):
        """Return a store on an empty engine."""
        with Store(self.open()) as store:
            yield store

    def reopened(self, engine):
        """Return the engine as a restarted process opens it."""
        engine.close()
        return self.open()

    def test_an_empty_engine_stands_at_the_first_index(self, engine):
        """A waiter on an untouched topic holds the first index, so commits must come above it."""
        empty = engine.load()
        assert (empty.index, dict(empty.tables)) == (FIRST_INDEX, {})
        assert engine.commit(put("a")) > FIRST_INDEX

    def test_a_commit_stamps_every_row_with_its_index(self, engine):
        """Version and created of a new row are the index of the commit that made it."""
        index = engine.commit(Transaction(changes=(Change("t", "a", b"1"), Change("u", "b", b"2"))))
        tables = engine.load().tables
        row, other = tables["t"]["a"], tables["u"]["b"]
        assert (row.value, row.version, row.created) == (b"1", index, index)
        assert (other.value, other.version, other.created) == (b"2", index, index)

    def test_rewriting_keeps_created_and_moves_version(self, engine):
        """A row remembers the commit that created it through every rewrite."""
        first = engine.commit(put("a"))
        second = engine.commit(put("a", b"new"))
        row = engine.load().tables["t"]["a"]
        assert (row.value, row.version, row.created) == (b"new", second, first)

    def test_a_row_deleted_and_written_again_is_created_anew(self, engine):
        """Created tells two lives of one key apart; a fence lives on that."""
        engine.commit(put("a"))
        engine.commit(cut("a"))
        again = engine.commit(put("a"))
        assert engine.load().tables["t"]["a"].created == again

    def test_a_lost_race_changes_nothing(self, engine):
        """One wrong expectation refuses every change of the transaction and moves no index."""
        first = engine.commit(put("a"))
        with pytest.raises(ConflictError):
            engine.commit(
                Transaction(
                    changes=(Change("t", "b", b"x"), Change("t", "a", b"x")),
                    expect={("t", "a"): first + 1},
                )
            )
        loaded = engine.load()
        assert loaded.index == first
        assert {key: row.value for key, row in loaded.tables["t"].items()} == {"a": b"v"}

    def test_absent_means_must_not_exist(self, engine):
        """Of two that create a row if it is absent, the second is refused."""
        engine.commit(put("a", expect={("t", "a"): ABSENT}))
        with pytest.raises(ConflictError):
            engine.commit(put("a", expect={("t", "a"): ABSENT}))

    def test_a_deleted_row_is_absent(self, engine):
        """A version of a row that is gone is refused, absence is accepted."""
        first = engine.commit(put("a"))
        engine.commit(cut("a"))
        with pytest.raises(ConflictError):
            engine.commit(put("a", expect={("t", "a"): first}))
        engine.commit(put("a", expect={("t", "a"): ABSENT}))

    def test_writers_of_different_rows_do_not_conflict(self, engine):
        """Expectations name rows: commits in between to other rows disturb nobody."""
        first = engine.commit(put("a"))
        engine.commit(put("b"))
        engine.commit(put("a", b"still mine", expect={("t", "a"): first}))

    def test_an_expectation_may_name_a_row_that_is_not_written(self, engine):
        """A commit can depend on a row that it only read."""
        seen = engine.commit(put("read"))
        engine.commit(put("a", expect={("t", "read"): seen}))
        engine.commit(put("read", b"changed"))
        with pytest.raises(ConflictError):
            engine.commit(put("a", expect={("t", "read"): seen}))

    def test_a_fence_holds_while_the_lease_is_only_renewed(self, engine):
        """Renewal rewrites the lease's row, which keeps its created."""
        token = engine.commit(put("leader", table="leases"))
        engine.commit(put("leader", b"renewed", table="leases"))
        engine.commit(put("a", fence=Fence("leader", token)))

    def test_a_fence_stops_a_former_holder(self, engine):
        """A holder whose lease was taken over or given up writes nothing."""
        token = engine.commit(put("leader", table="leases"))
        engine.commit(cut("leader", table="leases"))
        with pytest.raises(ConflictError):
            engine.commit(put("a", fence=Fence("leader", token)))
        engine.commit(put("leader", table="leases"))
        with pytest.raises(ConflictError):
            engine.commit(put("a", fence=Fence("leader", token)))
        assert "t" not in engine.load().tables

    def test_a_hundred_changes_fit_and_more_are_refused(self, engine):
        """The limit is the same everywhere, so that nobody finds it on the day of the migration."""
        changes = tuple(Change("t", str(n), b"v") for n in range(MAX_CHANGES))
        index = engine.commit(Transaction(changes=changes))
        with pytest.raises(RequestError, match="101 changes"):
            engine.commit(Transaction(changes=(*changes, Change("t", "one more", b"v"))))
        assert engine.load().index == index

    @pytest.mark.parametrize("changes", [(), (Change("t", "a", b"1"), Change("t", "a", None))])
    def test_a_malformed_transaction_is_refused(self, engine, changes):
        """No changes, or one row twice, is a mistake of the caller."""
        with pytest.raises(RequestError):
            engine.commit(Transaction(changes=changes))

    def test_any_bytes_and_any_text_come_back_as_they_were(self, engine):
        """Values are opaque and keys may be any text, after a restart too."""
        value = bytes(range(256)) * 300
        engine.commit(put("ключ/🔑 '\"%_", value, table="tablé"))
        engine = self.reopened(engine)
        assert engine.load().tables["tablé"]["ключ/🔑 '\"%_"].value == value
        engine.close()

    def test_commits_are_delivered_in_order_and_whole(self, engine):
        """The watcher sees each commit above its index once, its own included, oldest first."""
        start = engine.commit(put("before"))
        seen = []
        engine.watch(start, seen.append)
        indexes = [engine.commit(put("a", str(n).encode())) for n in range(5)]
        assert [commit.index for commit in seen] == indexes
        assert [commit.changes[0].value for commit in seen] == [b"0", b"1", b"2", b"3", b"4"]

    def test_refused_commits_are_not_delivered(self, engine):
        """Nobody hears of what did not happen."""
        seen = []
        engine.watch(FIRST_INDEX, seen.append)
        with pytest.raises(ConflictError):
            engine.commit(put("a", expect={("t", "a"): 7}))
        assert seen == []

    def test_a_restart_keeps_rows_index_and_epoch(self, engine):
        """What was committed is there after the process ended, at the same index."""
        engine.commit(put("a"))
        engine.commit(put("b"))
        engine.commit(cut("a"))
        before = engine.load()
        engine = self.reopened(engine)
        after = engine.load()
        assert (after.index, after.epoch) == (before.index, before.epoch)
        assert dict(after.tables["t"]) == dict(before.tables["t"])
        assert engine.commit(put("c")) > before.index
        engine.close()

    def test_closing_twice_is_fine(self, engine):
        """Whoever cleans up need not know whether somebody else did."""
        engine.close()
        engine.close()

    def test_a_ledger_keeps_its_order_and_its_own_records(self, engine):
        """Records come back oldest first with rising positions; ledgers do not mix."""
        engine.append("issued", [b"1", b"2"])
        engine.append("audit", [b"x"])
        engine.append("issued", [b"3"])
        rows = engine.read("issued")
        assert [row.value for row in rows] == [b"1", b"2", b"3"]
        assert [row.position for row in rows] == sorted({row.position for row in rows})
        assert [row.value for row in engine.read("audit")] == [b"x"]
        assert list(engine.ledgers()) == ["audit", "issued"]

    def test_a_ledger_is_read_in_pages(self, engine):
        """Going on after the last position seen misses nothing and repeats nothing."""
        engine.append("l", [str(n).encode() for n in range(25)])
        pages, after = [], 0
        while page := engine.read("l", after=after, limit=10):
            pages.append([int(row.value) for row in page])
            after = page[-1].position
        assert [len(page) for page in pages] == [10, 10, 5]
        assert [n for page in pages for n in page] == list(range(25))

    def test_a_ledger_moves_no_index_and_survives_a_restart(self, engine):
        """Ledgers are outside the clock; their positions go on after a restart."""
        index = engine.commit(put("a"))
        engine.append("l", [b"1"])
        assert engine.load().index == index
        engine = self.reopened(engine)
        engine.append("l", [b"2"])
        first, second = engine.read("l")
        assert (first.value, second.value) == (b"1", b"2")
        assert first.position < second.position
        engine.close()

    def test_an_unknown_ledger_is_empty(self, engine):
        """Reading before anything was appended is no error."""
        assert list(engine.read("nothing")) == []

    def test_a_topic_keeps_its_index_through_deletes_and_restarts(self, store):
        """Deleting the last row of a topic moves its index up, and a restart keeps it."""
        store.commit(put("a", topics=["roots"]))
        deleted = store.commit(cut("a", topics=["roots"]))
        store.commit(put("b", topics=["other"]))
        assert store.snapshot.topic_index("roots") == deleted
        store.close()
        with Store(self.open()) as again:
            assert again.snapshot.topic_index("roots") == deleted
            assert again.snapshot.topic_index("roots", "never") == deleted
            assert again.snapshot.topic_index("never") == FIRST_INDEX

    def test_a_commit_is_seen_by_the_one_who_made_it(self, store):
        """When commit returns, the snapshot contains it."""
        for n in range(20):
            index = store.commit(put("a", str(n).encode()))
            assert store.snapshot.index == index
            assert store.snapshot.get("t", "a").value == str(n).encode()

    def test_an_old_snapshot_never_changes(self, store):
        """Whoever holds a snapshot reads one moment, whatever is committed meanwhile."""
        store.commit(put("a", b"old"))
        held = store.snapshot
        store.commit(put("a", b"new"))
        store.commit(put("b"))
        assert {key: row.value for key, row in held.table("t").items()} == {"a": b"old"}

    def test_a_waiter_wakes_for_its_topic(self, store):
        """A commit that touches the topic ends the wait with True."""

        async def scenario():
            waiting = asyncio.create_task(store.wait(["x", "roots"], 1, 10))
            await asyncio.sleep(0)
            await store.commit_async(put("a", topics=["roots"]))
            return await waiting

        assert asyncio.run(scenario()) is True

    def test_a_wait_for_what_already_happened_returns_at_once(self, store):
        """A client that comes late is answered without waiting."""
        store.commit(put("a", topics=["roots"]))
        assert asyncio.run(store.wait(["roots"], 1, 0)) is True

    def test_a_wait_without_news_ends_with_false(self, store):
        """The time limit is an answer, not an error."""
        index = store.commit(put("a", topics=["other"]))
        assert asyncio.run(store.wait(["roots"], index, 0.01)) is False

    def test_create_gives_everybody_the_value_that_stands(self, store):
        """Of many that create one row at once, one wins and all get its value."""
        everybody = threading.Barrier(8)

        def racer(n):
            everybody.wait()
            return store.create("t", "name", str(n).encode())

        with ThreadPoolExecutor(8) as threads:
            values = set(threads.map(racer, range(8)))
        assert values == {store.snapshot.get("t", "name").value}

    def test_no_update_is_lost(self, store):
        """Concurrent increments of one counter by compare-and-set add up."""

        def incremented(view):
            row = view.get("t", "n")
            count, version = (int(row.value), row.version) if row else (0, ABSENT)
            return put("n", str(count + 1).encode(), expect={("t", "n"): version})

        with ThreadPoolExecutor(4) as threads:
            for done in [threads.submit(store.update, incremented) for _ in range(40)]:
                done.result()
        assert store.snapshot.get("t", "n").value == b"40"

    def test_a_flushed_record_is_there_after_a_restart(self, store):
        """What was appended before flush returned is durable."""
        for n in range(200):
            store.append("l", str(n).encode())
        store.flush()
        assert [int(row.value) for row in store.read("l")] == list(range(200))
        store.close()
        with Store(self.open()) as again:
            assert [int(row.value) for row in again.read("l")] == list(range(200))

    def test_closing_writes_the_ledgers(self, store):
        """An orderly end loses no record, flushed or not."""
        store.append("l", b"last")
        store.close()
        with Store(self.open()) as again:
            assert [row.value for row in again.read("l")] == [b"last"]
