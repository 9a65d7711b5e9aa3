"""What an agent shows of the catalog once its servers were restored from a backup."""

import asyncio
from contextlib import asynccontextmanager

import msgspec

from ca_core.acl.access import AllowAll
from ca_core.agent.cache.views import ViewCache
from ca_core.agent.waiting import Gathering, stopped
from ca_core.api.health_handlers import service
from ca_core.testing.clock import FakeClock
from ca_core.wire.watch import FoundView, ViewsAnswer
from tests.unit.agent.fakes import settle
from tests.unit.api.discovering import Room, instance


class Store:
    """A server's ``service/web`` as one store holds it; another one may take its place."""

    def __init__(self, clock):
        self.clock = clock
        self.epoch, self.index, self.rows = "", 1, ()
        self._changed = Gathering()

    def hold(self, epoch, index, *rows):
        """Hold this from now on."""
        self.epoch, self.index, self.rows = epoch, index, rows
        self._changed.wake()

    async def views(self, asked):
        """Answer as a server does."""
        while (asked.epoch, asked.held.get("service/web")) == (self.epoch, self.index):
            await self._changed.changed(3600, self.clock)
        value = msgspec.Raw(msgspec.json.encode(self.rows))
        found = FoundView(key="service/web", index=self.index, value=value)
        return ViewsAnswer(epoch=self.epoch, views=(found,))


@asynccontextmanager
async def room_over(store):
    """Run an agent's cache of views under a room."""
    room = Room(clock=store.clock)
    room.views = ViewCache(store, store.clock, lambda: 0.5, may=AllowAll())
    follow = asyncio.create_task(room.views.follow())
    try:
        yield room
    finally:
        await room.views.close()
        await stopped(follow)


async def test_an_index_that_comes_again_after_a_restore_is_not_answered_with_what_it_was():
    """Indexes compare inside one epoch alone; the answers encoded for an older one are not used."""
    store = Store(FakeClock())
    store.hold("a", 10, instance(node="old"))
    async with room_over(store) as room:
        for number, (epoch, index, node) in enumerate(
            [("a", 10, "old"), ("b", 7, "restored"), ("b", 10, "new"), ("c", 10, "newest")]
        ):
            if number:
                store.hold(epoch, index, instance(node=node))
                await settle()
            for _ in range(2):
                (row,) = await room.read(service, service="web")
                assert row["Node"]["Node"] == node
