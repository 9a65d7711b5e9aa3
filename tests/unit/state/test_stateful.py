"""Two servers on one backend, deliveries late and gaps in the index, against a plain dict."""

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ca_core.errors import ConflictError
from ca_core.state import ABSENT, Change, Row, Store, Transaction
from ca_core.state.fake import FakeBackend, FakeEngine

SERVER = st.sampled_from([0, 1])
KEY = st.sampled_from("ab")
TOPICS = st.frozensets(st.sampled_from("xyz"), max_size=2)
VALUE = st.none() | st.binary(min_size=1, max_size=1)


class TwoServers(RuleBasedStateMachine):
    """Commits, waits and deliveries in any order; every step ends with all threads at rest."""

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.backend = FakeBackend(gaps=(0, 2, 1))
        self.engines = [FakeEngine(self.backend) for _ in range(2)]
        self.stores = [Store(engine, loop=self.loop) for engine in self.engines]
        self.commits = []
        self.waits = []
        self.seen = [0, 0]

    def start(self, coroutine):
        """Begin a coroutine on the machine's loop."""
        task = self.loop.create_task(coroutine)
        self.rest()
        return task

    def rest(self):
        """Let loop and writer threads finish what they can."""
        for _ in range(2):
            self.turn()
            for store in self.stores:
                store._writer.call(lambda: None)
        self.turn()

    def turn(self):
        """Run what is ready on the loop."""

        async def a_few_times():
            for _ in range(4):
                await asyncio.sleep(0)

        self.loop.run_until_complete(a_few_times())

    @rule(server=SERVER, key=KEY, value=VALUE, topics=TOPICS)
    def commit(self, server, key, value, topics):
        """Write or delete a row, whatever is there."""
        change = Transaction(changes=(Change("t", key, value),), topics=topics)
        self.commits.append((server, self.start(self.stores[server].commit_async(change))))

    @rule(server=SERVER, key=KEY, value=VALUE, topics=TOPICS)
    def commit_if_unchanged(self, server, key, value, topics):
        """Write a row if it is as this server sees it; the model says whether that must succeed."""
        seen = self.stores[server].snapshot.get("t", key)
        true = self.model(self.backend.index).get(("t", key))
        expect = {("t", key): seen.version if seen else ABSENT}
        change = Transaction(changes=(Change("t", key, value),), expect=expect, topics=topics)
        task = self.start(self.stores[server].commit_async(change))
        if seen == true:
            self.commits.append((server, task))
        else:
            assert isinstance(task.exception(), ConflictError)

    @rule(server=SERVER, topics=TOPICS, ahead=st.integers(0, 2))
    def wait(self, server, topics, ahead):
        """Park a waiter at, or a little above, the index the topics have here."""
        index = self.stores[server].snapshot.topic_index(*topics) + ahead
        task = self.start(self.stores[server].wait(topics, index, 600))
        self.waits.append((server, topics, index, task))

    @precondition(lambda self: self.waits)
    @rule(data=st.data())
    def cancel(self, data):
        """A client goes away."""
        place = data.draw(st.integers(0, len(self.waits) - 1))
        task = self.waits.pop(place)[3]
        task.cancel()
        self.rest()

    @rule(server=SERVER)
    def hold(self, server):
        """Deliveries to one server become late."""
        self.engines[server].hold()

    @rule(server=SERVER)
    def release(self, server):
        """Everything late arrives."""
        self.engines[server].release()
        self.rest()

    @rule(server=SERVER)
    def release_one(self, server):
        """The oldest late commit arrives."""
        self.engines[server].release_one()
        self.rest()

    @invariant()
    def views_are_prefixes_of_the_truth(self):
        """Each server sees exactly the commits up to its index."""
        for store in self.stores:
            view = store.snapshot
            rows = {(t, k): row for t, rows in view.tables.items() for k, row in rows.items()}
            assert rows == self.model(view.index)

    @invariant()
    def no_index_runs_back(self):
        """What a server has shown, it never takes back."""
        now = [store.snapshot.index for store in self.stores]
        assert all(new >= old for new, old in zip(now, self.seen, strict=True))
        self.seen = now

    @invariant()
    def a_commit_is_done_exactly_when_it_is_seen(self):
        """A finished commit is in its server's view; an unfinished one is still on its way."""
        for server, task in self.commits:
            index = self.stores[server].snapshot.index
            assert task.result() <= index if task.done() else self.engines[server]._held

    @invariant()
    def a_waiter_sleeps_exactly_while_there_is_no_news(self):
        """No wake-up is lost and none is early."""
        for server, topics, index, task in self.waits:
            news = self.stores[server].snapshot.topic_index(*topics) > index
            assert task.done() == news
            assert not news or task.result() is True

    @invariant()
    def only_sleepers_are_parked(self):
        """Nothing stays parked for a wait that ended."""
        for server, store in enumerate(self.stores):
            asleep = [w for w in self.waits if w[0] == server and not w[3].done()]
            assert len(store._waiters) == sum(max(1, len(topics)) for _, topics, _, _ in asleep)

    def model(self, index):
        """Return the rows at an index as a plain dict, from the backend's log of commits."""
        rows = {}
        for commit in self.backend.commits_after(0):
            if commit.index > index:
                break
            for change in commit.changes:
                old = rows.pop((change.table, change.key), None)
                if change.value is not None:
                    created = old.created if old else commit.index
                    rows[change.table, change.key] = Row(change.value, commit.index, created)
        return rows

    def teardown(self):
        """Let everything arrive and close both servers; every commit and every wait ends."""
        for engine in self.engines:
            engine.release()
        self.rest()
        unfinished = [task for _, task in self.commits if not task.done()]
        for store in self.stores:
            store.close()
        self.turn()
        asleep = [wait for wait in self.waits if not wait[3].done()]
        self.loop.close()
        assert not unfinished
        assert not asleep


TestTwoServers = TwoServers.TestCase
TestTwoServers.settings = settings(max_examples=60, stateful_step_count=30)
