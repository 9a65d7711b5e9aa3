"""What happens to a mesh in a month: everything that may, at random moments, again and again."""

import asyncio
import contextlib
import itertools
import random
from dataclasses import replace
from datetime import timedelta

from ca_core.agent.waiting import stopped
from ca_core.errors import Error
from ca_core.lifecycle.rows import Wishes

HOUR = 3600.0
_DECKS_BETWEEN_DAYS = 5
"""Decks played between two days on which no server answers anybody."""
QUICK = Wishes(settle=timedelta(minutes=1), patience=timedelta(hours=1))


class Weather:
    """Lets things happen, a deck of kinds shuffled anew each time. ``run`` for ever.

    Attributes:
        happened: names of what happened, in order.
    """

    def __init__(self, mesh, *, every, seed):
        self.happened = []
        self._mesh = mesh
        self._every = every
        self._random = random.Random(seed)
        self._gaps = random.Random(seed)
        self._server = asyncio.Lock()
        self._under_way = set()
        self._kinds = (
            self._cut_shortly,
            self._cut_for_hours,
            self._kill_server,
            self._restart_server,
            self._restart_agent,
            self._rotate,
            self._renew,
            self._change_settings,
            self._revoke_token,
            self._set_clock_back,
        )

    @property
    def kinds(self):
        """Return how many different things happen."""
        return len(self._kinds) + 1

    async def run(self):
        """Let something happen every now and then."""
        try:
            for decks in itertools.count():
                if decks % _DECKS_BETWEEN_DAYS == 1:
                    self._begin(self._cut_all_for_a_day)
                for kind in self._random.sample(self._kinds, len(self._kinds)):
                    await self._mesh.clock.sleep(self._every * (0.5 + self._gaps.random()))
                    self._begin(kind)
        finally:
            await self.over()

    async def over(self):
        """End what is under way, each thing as it ends by itself."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    def check(self):
        """Fail with whatever an event failed with."""
        for task in self._under_way:
            if task.done():
                task.result()

    def _begin(self, kind):
        self.check()
        self._under_way = {task for task in self._under_way if not task.done()}
        task = asyncio.ensure_future(kind())
        self._under_way.add(task)
        self.happened.append(kind.__name__)

    def _span(self, shortest, longest):
        """Draw seconds, short ones as likely as long ones."""
        return shortest * (longest / shortest) ** self._random.random()

    async def _cut(self, sites, seconds):
        for site in sites:
            site.cable.cuts += 1
            site.cable.break_off()
        await self._mesh.clock.sleep(seconds)
        for site in sites:
            site.cable.cuts -= 1
            site.disturbed()

    async def _cut_shortly(self):
        await self._cut([self._random.choice(self._mesh.sites)], self._span(1, 600))

    async def _cut_for_hours(self):
        await self._cut([self._random.choice(self._mesh.sites)], self._span(HOUR, 12 * HOUR))

    async def _cut_all_for_a_day(self):
        await self._cut(self._mesh.sites, 24 * HOUR)

    async def _kill_server(self):
        await self._without_server(cleanly=False)

    async def _restart_server(self):
        await self._without_server(cleanly=True)

    async def _without_server(self, *, cleanly):
        async with self._server:
            await self._mesh.stop_server(cleanly=cleanly)
            await self._mesh.clock.sleep(self._span(0.5, 600))
            await self._mesh.start_server()

    async def _restart_agent(self):
        site = self._random.choice(self._mesh.sites)
        if site.agent is not None:
            await site.stop()
            await self._mesh.clock.sleep(self._span(0.5, 60))
            await site.start()

    async def _rotate(self):
        await self._asked(lambda changes: changes.rotate(actor="soak", wishes=QUICK))

    async def _renew(self):
        await self._asked(lambda changes: changes.renew(actor="soak", wishes=QUICK))

    async def _change_settings(self):
        """Change how long leaves live, and how many are signed a second."""
        life = timedelta(hours=self._random.choice((30, 36, 48)))
        rate = self._random.choice((25.0, 50.0))

        async def change(changes):
            settings = await asyncio.to_thread(changes.standing)
            wanted = replace(settings, leaf_ttl=life, csr_max_per_second=rate)
            await changes.apply(wanted, actor="soak", wishes=QUICK)
            self._mesh.audit.rate_is(rate)

        await self._asked(change)

    async def _asked(self, ask):
        """Ask for a change of who signs; refused while another one is under way."""
        async with self._server:
            with contextlib.suppress(Error):
                await ask(self._mesh.server.lifecycle.changes)

    async def _revoke_token(self):
        """Revoke a token; its programs are refused, until they are given another one."""
        site = self._random.choice(self._mesh.sites)
        group = f"{site.node}-{self._random.choice((1, 3))}-"
        async with self._server:
            site.disturbed()
            await self._mesh.revoke(site, group)
            await self._mesh.clock.sleep(self._span(1, 300))
            await self._mesh.new_token(site, group)
            site.disturbed()

    async def _set_clock_back(self):
        site = self._random.choice(self._mesh.sites)
        site.disturbed()
        site.clock.skew = -timedelta(seconds=self._span(36 * HOUR, 72 * HOUR))
        for program in self._random.sample(site.programs, 10):
            await program.glance()
        await self._mesh.clock.sleep(self._span(10, 40))
        site.clock.skew = timedelta()
        site.disturbed()


@contextlib.asynccontextmanager
async def bad_weather(mesh, *, every, seed):
    """Let things happen in the block; then everything is well again."""
    weather = Weather(mesh, every=every, seed=seed)
    blowing = asyncio.ensure_future(weather.run())
    try:
        yield weather
    finally:
        await stopped(blowing)
