"""A cache over a server in memory that says what tests tell it, and the tools to move time."""

import asyncio
import contextlib
from datetime import timedelta

from ca_core.acl.principal import Anonymous, Token
from ca_core.agent.cache.cache import Cache
from ca_core.agent.cache.kinds import Kind, KindName
from ca_core.agent.cache.onebyone import Fetched, OneByOne
from ca_core.agent.waiting import Gathering, stopped
from ca_core.testing.clock import FakeClock
from ca_core.wire.freshness import Freshness
from tests.unit.agent.fakes import passed, settle

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
WAIT = 5 * MINUTE
ANYBODY = Anonymous()
ALICE, BOB = Token("alice"), Token("bob")
ANEW = Freshness(must_revalidate=True)


class Server:
    """Holds one value for each key; blocks as servers do, and fails when told so.

    ``errors`` are raised by the next calls, one each; ``away`` by all. ``gate`` holds every call
    that would answer at once; ``terse`` answers "as before" with nothing. ``asked`` lists
    (key, min_index, limit).
    """

    def __init__(self, clock):
        self.clock = clock
        self.values = {}
        self.errors = []
        self.away = None
        self.gate = None
        self.terse = False
        self.asked = []
        self.in_flight = 0
        self.changed = Gathering()

    def put(self, key, value, index):
        """Let a key have a value, and answer who waits."""
        self.values[key] = (value, index)
        self.changed.wake()

    def fail(self, error):
        """Let every call fail from now on, also those that wait; None mends it."""
        self.away = error
        self.changed.wake()

    async def fetch(self, key, min_index, limit):
        """Answer at once, or once the index differs, or after the limit."""
        self.asked.append((key, min_index, limit))
        self.in_flight += 1
        try:
            return await self._answered(key, min_index, limit)
        finally:
            self.in_flight -= 1

    async def _answered(self, key, min_index, limit):
        if self.gate is not None and not min_index:
            await self.gate.wait()
        self._raise()
        ends = self.clock.monotonic() + limit.total_seconds()
        while min_index and self.values[key][1] == min_index:
            if not await self.changed.changed(ends - self.clock.monotonic(), self.clock):
                break
            self._raise()
        found = self.values.get(key, ("nothing", 1))
        is_news = not min_index or found[1] != min_index
        return Fetched(*found) if is_news or not self.terse else None

    def _raise(self):
        if self.errors:
            raise self.errors.pop(0)
        if self.away is not None:
            raise self.away

    def indexes(self, key="k"):
        """Return with which index each call about a key asked."""
        return [index for asked, index, _ in self.asked if asked == key]


class House:
    """One cache over one server."""

    def __init__(self, *, followed=True, **options):
        self.clock = FakeClock()
        self.server = Server(self.clock)
        kind = Kind(name=KindName.CATALOG, weigh=len, followed=followed, **options)
        self.kind = kind

        def source_of(told):
            return OneByOne(
                told, kind=kind, fetch=self.server.fetch, clock=self.clock, draw=lambda: 0.5
            )

        self.cache = Cache(kind, self.clock, source_of)
        self.readers = []

    async def get(self, key="k", caller=ANYBODY, *, index=0, wait=WAIT, **options):
        """Ask as a reader does."""
        return await self.cache.get(key, caller, min_index=index, wait=wait, **options)

    async def reading(self, *arguments, **options):
        """Ask in the background; return the task, once it waits if it must."""
        task = asyncio.create_task(self.get(*arguments, **options))
        self.readers.append(task)
        await settle()
        return task

    async def passes(self, span, *, step=None):
        """Let time pass, and the cache look for what is idle."""
        await settle()  # who is about to wait does so first
        await passed(self.clock, span, step=step)
        self.cache.forget_idle()
        await settle()


@contextlib.asynccontextmanager
async def house(**options):
    """Build a house whose key ``k`` is ``seven`` at index 7."""
    built = House(**options)
    built.server.put("k", "seven", 7)
    try:
        yield built
    finally:
        await stopped(*built.readers)
        await built.cache.close()
        await settle()
        assert not built.server.in_flight


def ran(scenario, **options):
    """Run a scenario in a house of its own."""

    async def whole():
        async with house(**options) as built:
            await scenario(built)

    asyncio.run(whole())
