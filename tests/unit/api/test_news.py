"""Waiting for news of several subjects in one loop: none is missed, none is looked at in vain."""

import asyncio
from contextlib import asynccontextmanager
from random import Random

from ca_core.api.news import News, first_news
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import Change, Transaction
from ca_core.state.store import Store
from ca_core.testing.clock import FakeClock


class Subject:
    """Something that is news once its topic was touched after ``known``."""

    def __init__(self, store, topic, *, lag=0, look_at=None):
        self._store = store
        self._topic = topic
        self._lag = lag
        self._look_at = look_at
        self.known = store.snapshot.topic_index(topic)
        self.looks = 0

    async def look(self):
        """Look; the first ``lag`` looks after a change still see what was before."""
        self.looks += 1
        index = self._store.snapshot.topic_index(self._topic)
        if index > self.known and self._lag:
            self._lag -= 1
            index = self.known
        is_news = index > self.known
        return News(
            answer=index,
            is_news=is_news,
            topics=(self._topic,),
            index=index,
            look_at=self._look_at,
        )


class Built:
    """A store and a clock."""

    def __init__(self):
        self.clock = FakeClock()
        self.store = Store(MemoryEngine())
        self.touched = 0

    async def touch(self, *topics):
        """Commit something about topics, as another thread would."""
        self.touched += 1
        change = Change("scratch", str(self.touched), b"{}")
        transaction = Transaction(changes=(change,), topics=frozenset(topics))
        await asyncio.to_thread(self.store.commit, transaction)

    def waiting(self, seconds=60.0, **subjects):
        """Begin to wait for news of subjects."""
        looks = {name: subject.look for name, subject in subjects.items()}
        return asyncio.create_task(first_news(self.store, self.clock, looks, seconds))


@asynccontextmanager
async def built():
    """Lend a store."""
    found = Built()
    try:
        yield found
    finally:
        await asyncio.to_thread(found.store.close)


async def told(waiting):
    """Return the names of what is news; it must come by itself."""
    async with asyncio.timeout(30):
        return {name for name, one in (await waiting).items() if one.is_news}


async def test_what_was_not_touched_is_not_looked_at_again():
    """Each subject is looked at once, and once more for each touch of its own topic."""
    async with built() as b:
        one, two = Subject(b.store, "one"), Subject(b.store, "two")
        waiting = b.waiting(one=one, two=two)
        await asyncio.sleep(0)
        for _ in range(5):
            await b.touch("three")
        await b.touch("two")
        assert await told(waiting) == {"two"}
        assert (one.looks, two.looks) == (1, 2)


async def test_a_subject_that_is_an_instant_behind_the_store_is_looked_at_until_it_is_not():
    """A follower of commits may be told after the store's readers see them."""
    async with built() as b:
        slow = Subject(b.store, "one", lag=3)
        waiting = b.waiting(one=slow, two=Subject(b.store, "two"))
        await asyncio.sleep(0)
        await b.touch("one")
        assert await told(waiting) == {"one"}
        assert slow.looks == 5


async def test_one_topic_that_moved_far_hides_no_other():
    """Whatever is touched in whatever order, what is news comes."""
    draw = Random(1)
    async with built() as b:
        for _ in range(30):
            subjects = {name: Subject(b.store, name) for name in "abc"}
            waiting = b.waiting(**subjects)
            await asyncio.sleep(0)
            touched = draw.sample("abc", draw.randint(1, 3))
            await asyncio.gather(*(b.touch(name) for name in touched))
            assert await told(waiting) <= set(touched)
            assert all(subjects[name].looks == 1 for name in set("abc") - set(touched))


async def test_time_alone_may_be_news():
    """A subject that ends by itself is looked at when it does, though nothing is written."""
    async with built() as b:
        ending = Subject(b.store, "one", look_at=0.0)
        waiting = b.waiting(one=ending)
        async with asyncio.timeout(30):
            while ending.looks <= 1:
                await asyncio.sleep(0)
        waiting.cancel()


async def test_after_the_wait_what_holds_is_told():
    """Nothing is news then."""
    async with built() as b:
        assert await told(b.waiting(0.0, one=Subject(b.store, "one"))) == set()
        assert await told(b.waiting(0.0)) == set()


async def test_when_the_store_closes_nobody_waits():
    """The process stops."""
    b = Built()
    waiting = b.waiting(one=Subject(b.store, "one"))
    await asyncio.sleep(0.01)
    await asyncio.to_thread(b.store.close)
    assert await told(waiting) == set()
