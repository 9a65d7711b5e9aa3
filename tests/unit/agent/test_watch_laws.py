"""Laws of the one question, whatever parts want, servers say and networks do."""

import asyncio
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ca_core.agent.waiting import Gathering
from ca_core.agent.watch import Watch
from ca_core.durations import parse_duration
from ca_core.errors import UnavailableError
from ca_core.testing.clock import FakeClock
from ca_core.wire.intentionlists import ListsAnswer
from ca_core.wire.watch import ViewsAnswer, WatchAnswer
from tests.unit.agent.fakes import passed, settle
from tests.unit.agent.test_watch import DB, GRANTS, WEB, Asking, grants

WAIT = timedelta(seconds=20)
WAITS = {"grants": 60.0, "intentions": 60.0, "views": 20.0, "registered": 20.0}
PARTS = tuple(WAITS)
GRACE = 1.5
"""Seconds by which a part may be told later than its wait: what came a moment ago waits on."""


NEWS = {
    "grants": {"grants": GRANTS},
    "intentions": {"intentions": ListsAnswer(epoch="e", default="deny acl_default")},
    "views": {"views": ViewsAnswer(epoch="e")},
    "registered": {"out_of_sync": True},
}


class TimedServers:
    """Servers that answer a question when its wait is over, or when a test has news.

    ``away`` makes every question fail, those that wait too.
    """

    def __init__(self, clock):
        self._clock = clock
        self.questions = []
        self.away = False
        self._broken = Gathering()

    @property
    def open(self):
        """Return the questions that wait."""
        return [one for one in self.questions if not one.answered.done()]

    async def watch(self, asked):
        """Park the question."""
        if self.away:
            raise UnavailableError("away")
        for older in self.open:
            older.answered.set_result(WatchAnswer())
        mine = Asking(asked)
        self.questions.append(mine)
        seconds = parse_duration(asked.wait).total_seconds()
        over = asyncio.ensure_future(self._clock.sleep(seconds))
        await asyncio.wait({mine.answered, over}, return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        if not mine.answered.done():
            mine.answered.set_result(
                WatchAnswer(index=1, epoch="e", grants=GRANTS if asked.grants else None)
            )
        return mine.answered.result()

    def tell(self, part):
        """Let there be news of a part, if it is asked for."""
        for one in self.open:
            if part in one.parts():
                one.answered.set_result(WatchAnswer(index=1, epoch="e", **NEWS[part]))

    def cut(self):
        """Let everything fail."""
        self.away = True
        for one in self.open:
            one.answered.set_exception(UnavailableError("away"))

    async def close(self):
        """There is nothing to let go of."""


class World:
    """A watch, and parts that want things for as long as they like."""

    def __init__(self):
        self.clock = FakeClock()
        self.servers = TimedServers(self.clock)
        self.watch = Watch(self.servers, self.clock, lambda: 0.5)
        self.calls = {}
        self._tasks = []

    def want(self, part):
        """Let a part ask, if it does not wait already."""
        if part in self.calls and not self.calls[part][0].done():
            return
        ways = {
            "grants": lambda: self.watch.grants(grants()),
            "intentions": lambda: self.watch.intentions(DB),
            "views": lambda: self.watch.views(WEB, wait=WAIT),
            "registered": lambda: self.watch.in_sync("sha", wait=WAIT),
        }
        task = asyncio.ensure_future(ways[part]())
        self.calls[part] = (task, self.clock.monotonic())
        self._tasks.append(task)

    def waiting(self):
        """Return the parts that wait, and since when."""
        return {part: since for part, (task, since) in self.calls.items() if not task.done()}

    def check(self):
        """Assert what always holds once nothing can run without time passing."""
        assert len(self.servers.open) <= 1
        waiting, now = self.waiting(), self.clock.monotonic()
        assert all(now - since <= WAITS[part] + GRACE for part, since in waiting.items()), waiting
        if waiting and not self.servers.away:
            (question,) = self.servers.open
            assert question.parts() >= set(waiting)

    async def end(self):
        """End every call."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


STEPS = st.one_of(
    st.tuples(st.just("want"), st.sampled_from(PARTS)),
    st.tuples(st.just("give up"), st.sampled_from(PARTS)),
    st.tuples(st.just("news"), st.sampled_from(PARTS)),
    st.tuples(st.just("pass"), st.integers(1, 25)),
    st.tuples(st.sampled_from(["cut", "mend"]), st.none()),
)


async def step(world, what, which):
    """Do one thing."""
    match what:
        case "want":
            world.want(which)
        case "give up" if which in world.calls:
            world.calls[which][0].cancel()
        case "news":
            world.servers.tell(which)
        case "pass":
            await passed(world.clock, timedelta(seconds=which), step=timedelta(seconds=1))
        case "cut":
            world.servers.cut()
        case "mend":
            world.servers.away = False


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_everybody_who_waits_is_asked_for_and_told_in_time(steps):
    """In one question, by the end of its wait, or with the reason why not."""

    async def scenario():
        world = World()
        running = asyncio.ensure_future(world.watch.run())
        try:
            for what, which in steps:
                await step(world, what, which)
                await settle(60)
                world.check()
            assert not running.done()
        finally:
            await world.end()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scenario())
