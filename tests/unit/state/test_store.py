"""The store over a shared backend whose deliveries, gaps and failures the test controls."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ca_core.errors import ConflictError, OutcomeUnknownError, RequestError, UnavailableError
from ca_core.state import Change, Fence, Store, Transaction
from ca_core.state import store as store_module
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.memory import MemoryEngine
from tests.unit.state.rows import put


class Server:
    """One server of a cluster: a fake engine and the store on it."""

    def __init__(self, backend):
        self.engine = FakeEngine(backend)
        self.store = Store(self.engine)


@pytest.fixture
def cluster():
    """Return two servers on one backend with gaps in its index."""
    backend = FakeBackend(gaps=(0, 4))
    servers = Server(backend), Server(backend)
    yield servers
    for server in servers:
        server.store.close()


async def parked(store, count=1):
    """Let the loop turn until ``count`` futures wait in the store."""
    while len(store._waiters) < count:
        await asyncio.sleep(0)


def test_a_commit_reaches_the_other_server(cluster):
    """What one server commits, the other one reads at the same index."""
    one, two = cluster
    index = one.store.commit(put("a", topics=["x"]))
    assert two.store.snapshot.index == index
    assert two.store.snapshot.topic_index("x") == index
    assert two.store.snapshot.epoch == one.store.snapshot.epoch


def test_a_commit_returns_only_when_its_own_view_contains_it(cluster):
    """Read your own writes holds even while deliveries are late."""
    one, two = cluster
    one.engine.hold()
    with ThreadPoolExecutor(1) as thread:
        outcome = thread.submit(one.store.commit, put("a"))
        while two.store.snapshot.get("t", "a") is None:
            threading.Event().wait(0.001)
        assert not outcome.done()
        one.engine.release()
        assert outcome.result(10) == one.store.snapshot.index
    assert one.store.snapshot.get("t", "a") is not None


def test_late_deliveries_complete_commits_in_their_order(cluster):
    """Each commit completes with the delivery of its own index, not of a later one."""
    one, _ = cluster
    one.engine.hold()

    async def scenario():
        first = asyncio.ensure_future(one.store.commit_async(put("a")))
        second = asyncio.ensure_future(one.store.commit_async(put("b")))
        await asyncio.sleep(0)  # both are submitted
        await asyncio.to_thread(one.store._writer.call, lambda: None)  # both are written
        one.engine.release_one()
        await first
        assert not second.done()
        one.engine.release()
        return first.result() < await second

    assert asyncio.run(scenario())


def test_a_commit_delivered_twice_changes_nothing(cluster):
    """A backend that resumes its stream a little early does no harm, and no index runs back."""
    one, _ = cluster
    one.store.commit(put("a", b"1"))
    one.store.commit(put("a", b"2"))
    before = one.store.snapshot
    for commit in one.engine._backend.commits_after(0):
        one.store._published.deliver(commit)
    assert one.store.snapshot is before


def test_create_returns_the_winner_although_its_delivery_is_late(cluster, monkeypatch):
    """A loser whose view is behind waits for the row that beat it, and is woken by it."""
    monkeypatch.setattr(store_module, "CATCH_UP_SECONDS", 60)
    one, two = cluster
    one.engine.hold()
    two.store.create("t", "a", b"winner")
    assert one.store.snapshot.get("t", "a") is None
    with ThreadPoolExecutor(1) as thread:
        outcome = thread.submit(one.store.create, "t", "a", b"loser")
        with pytest.raises(TimeoutError):
            outcome.result(0.05)
        one.engine.release()
        assert outcome.result(10) == b"winner"


def test_update_decides_anew_after_a_lost_race(cluster):
    """Whoever loses sees the winner's row before it decides again."""
    one, two = cluster
    version = two.store.commit(put("n", b"1"))
    seen = []

    def twice(view):
        row = view.get("t", "n")
        seen.append(row.value)
        if len(seen) == 1:
            two.store.commit(put("n", b"5", expect={("t", "n"): version}))
        return put("n", row.value * 2, expect={("t", "n"): row.version})

    one.store.update(twice)
    assert seen == [b"1", b"5"]
    assert one.store.snapshot.get("t", "n").value == b"55"


def test_update_without_a_transaction_writes_nothing(cluster):
    """None means that there is nothing to do."""
    one, _ = cluster
    before = one.store.snapshot
    assert one.store.update(lambda _: None) is None
    assert one.store.snapshot is before


def test_update_under_a_lost_fence_gives_up(cluster):
    """A fence that no longer holds is not a race to be tried again."""
    one, _ = cluster
    with pytest.raises(ConflictError):
        one.store.update(lambda _: put("a", fence=Fence("leader", 7)))


def test_update_gives_up_when_the_winner_never_arrives(cluster, monkeypatch):
    """A server cut off from deliveries says so after a while instead of trying for ever."""
    monkeypatch.setattr(store_module, "CATCH_UP_SECONDS", 0.01)
    one, two = cluster
    one.engine.hold()
    two.store.create("t", "a", b"winner")
    with pytest.raises(UnavailableError):
        one.store.create("t", "a", b"loser")


def test_create_settles_what_an_unanswered_write_left_open(cluster):
    """When the backend did not answer, asking again finds the row that was written."""
    one, two = cluster
    one.engine.fail(OutcomeUnknownError("lost"), after_writing=True)
    assert one.store.create("t", "a", b"mine") == b"mine"
    one.engine.fail(OutcomeUnknownError("lost"))
    assert one.store.create("t", "b", b"mine") == b"mine"
    assert two.store.snapshot.get("t", "b").value == b"mine"


@pytest.mark.parametrize("error", [UnavailableError("away"), OutcomeUnknownError("lost")])
def test_an_engine_failure_reaches_the_caller_and_the_store_goes_on(cluster, error):
    """The error of one commit is its own; the next one succeeds."""
    one, _ = cluster
    one.engine.fail(error)
    with pytest.raises(type(error)):
        one.store.commit(put("a"))
    assert one.store.snapshot.get("t", "a") is None
    one.store.commit(put("a"))


def test_topics_count_towards_the_limit(cluster):
    """A hundred rows and a topic are too many, because a topic is a row."""
    one, _ = cluster
    changes = tuple(Change("t", str(n), b"v") for n in range(100))
    with pytest.raises(RequestError):
        one.store.commit(Transaction(changes=changes, topics=frozenset({"x"})))


def test_a_wait_begun_before_a_late_delivery_is_woken_by_it(cluster):
    """A waiter of one server wakes for the commit of another, whenever that arrives."""
    one, two = cluster
    one.engine.hold()

    async def scenario():
        waiting = asyncio.ensure_future(one.store.wait(["x"], 1, 10))
        await parked(one.store)
        two.store.commit(put("a", topics=["x"]))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await asyncio.to_thread(one.engine.release)
        return await waiting

    assert asyncio.run(scenario()) is True


def test_unrelated_commits_wake_nobody(cluster):
    """The very future that waits on one topic is untouched by commits to others."""
    one, _ = cluster

    async def scenario():
        waiting = asyncio.ensure_future(one.store.wait(["x"], 1, 10))
        await parked(one.store)
        (future,) = one.store._waiters._by_topic["x"]
        for n in range(20):
            await one.store.commit_async(put(str(n), topics=["y"]))
            await one.store.commit_async(put(str(n)))
        assert one.store._waiters._by_topic["x"] == {future}
        assert not future.done()
        waiting.cancel()

    asyncio.run(scenario())


def test_a_waiter_with_a_later_index_sleeps_on(cluster):
    """A commit at or below the index that the client already has is no news."""
    one, _ = cluster

    async def scenario():
        waiting = asyncio.ensure_future(one.store.wait(["x"], 1000, 0.05))
        await parked(one.store)
        await one.store.commit_async(put("a", topics=["x"]))
        return await waiting

    assert asyncio.run(scenario()) is False


@pytest.mark.parametrize("ending", ["cancelled", "expired", "woken"])
def test_a_wait_leaves_nothing_behind(cluster, ending):
    """Whatever ends a wait, no future of it stays parked on any topic."""
    one, _ = cluster

    async def scenario():
        limit = 0.01 if ending == "expired" else 10
        waiting = asyncio.ensure_future(one.store.wait(["x", "y"], 1, limit))
        await parked(one.store, 2)
        if ending == "cancelled":
            waiting.cancel()
        if ending == "woken":
            await one.store.commit_async(put("a", topics=["x"]))
        await asyncio.gather(waiting, return_exceptions=True)
        assert one.store._waiters._by_topic == {}

    asyncio.run(scenario())


def test_a_thousand_waiters_wake_by_one_callback(cluster):
    """One commit costs the loop one callback from outside, however many wait."""
    one, _ = cluster

    async def scenario():
        loop = asyncio.get_running_loop()
        waiting = [asyncio.ensure_future(one.store.wait(["x"], 1, 10)) for _ in range(1000)]
        await parked(one.store, 1000)
        calls, real = [], loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *given: (calls.append(given), real(*given))[1]
        await asyncio.to_thread(one.store.commit, put("a", topics=["x"]))
        woken = await asyncio.gather(*waiting)
        return woken.count(True), sum("_wake" in call[0].__qualname__ for call in calls)

    assert asyncio.run(scenario()) == (1000, 1)


def test_closing_ends_every_wait():
    """A server that stops does not keep its clients until their time limits."""
    store = Store(MemoryEngine())

    async def scenario():
        waiting = [asyncio.ensure_future(store.wait(topics, 1, 60)) for topics in (["x"], [])]
        await parked(store, 2)
        await asyncio.to_thread(store.close)
        return await asyncio.gather(*waiting)

    assert asyncio.run(asyncio.wait_for(scenario(), 30)) == [False, False]


def test_a_store_is_waited_on_from_one_loop_only():
    """A second live loop is refused; a loop that has ended makes room for the next."""
    with Store(MemoryEngine()) as store:
        asyncio.run(store.wait(["x"], 1, 0))

        async def scenario():
            await store.wait(["x"], 1, 0)
            with ThreadPoolExecutor(1) as thread, pytest.raises(RuntimeError):
                thread.submit(asyncio.run, store.wait(["x"], 1, 0)).result()

        asyncio.run(scenario())


def test_what_parked_on_a_dead_loop_disturbs_nobody():
    """A loop that was closed with waiters on it does not keep the next loop's from waking."""
    with Store(MemoryEngine()) as store:
        dead = asyncio.new_event_loop()
        forgotten = [dead.create_task(store.wait(["x"], 1, 60)) for _ in range(20)]
        dead.run_until_complete(parked(store, 20))
        dead.close()

        async def scenario():
            waiting = [asyncio.ensure_future(store.wait(["x"], 1, 2)) for _ in range(20)]
            await asyncio.sleep(0)
            await store.commit_async(put("a", topics=["x"]))
            return await asyncio.gather(*waiting)

        woken = asyncio.run(scenario())
        for task in forgotten:
            task._log_destroy_pending = False
        assert all(woken)


def test_a_closed_store_refuses_writes_and_still_reads():
    """After close, commits and appends are refused clearly; the last snapshot stays readable."""
    store = Store(MemoryEngine())
    store.commit(put("a"))
    store.close()
    store.close()
    with pytest.raises(UnavailableError):
        store.commit(put("b"))
    with pytest.raises(UnavailableError):
        store.append("l", b"x")
    assert store.snapshot.get("t", "a") is not None


def test_closing_says_that_an_unseen_commit_was_written(cluster):
    """A commit that was written but never came back is not called a failure."""
    one, two = cluster
    one.engine.hold()
    with ThreadPoolExecutor(1) as thread:
        outcome = thread.submit(one.store.commit, put("a"))
        while two.store.snapshot.get("t", "a") is None:
            threading.Event().wait(0.001)
        one.store.close()
        with pytest.raises(OutcomeUnknownError):
            outcome.result(10)


def test_a_commit_cancelled_before_its_turn_is_not_made():
    """What the writer has not begun can still be taken back."""
    entered, go_on = threading.Event(), threading.Event()

    class Slow(MemoryEngine):
        def commit(self, transaction):
            entered.set()
            go_on.wait(10)
            return super().commit(transaction)

    async def scenario(store):
        first = asyncio.ensure_future(store.commit_async(put("a")))
        await asyncio.to_thread(entered.wait, 10)
        second = asyncio.ensure_future(store.commit_async(put("b")))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        go_on.set()
        await first

    with Store(Slow()) as store:
        asyncio.run(scenario(store))
        store.commit(put("c"))
        assert set(store.snapshot.table("t")) == {"a", "c"}


def test_a_store_that_cannot_load_closes_its_engine():
    """A failed start holds no lock on the state."""
    closed = []

    class Broken(MemoryEngine):
        def load(self):
            raise UnavailableError("away")

        def close(self):
            closed.append(True)

    with pytest.raises(UnavailableError):
        Store(Broken())
    assert closed
