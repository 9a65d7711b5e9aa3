"""A room in which changes are planned, then made, while its clock runs."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from ca_core.authority.settings import CASettings
from ca_core.identity.keys import KeySpec, KeyType
from ca_core.lifecycle.plan import plan
from ca_core.lifecycle.rows import OperationPhase, Wishes
from ca_core.state.memory import MemoryEngine
from ca_core.testing.clock import FakeClock
from ca_core.testing.reference import reference_plugin
from ca_core.testing.reference_backend import ReferenceBackend
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.recovery.mending import BUILTIN, SickRoom
from tests.unit.lifecycle.rooms import LivingRoom

HOURS = timedelta(hours=1)
STANDING = CASettings(provider="under-test", leaf_ttl=12 * HOURS, csr_max_per_second=3.0)
ED25519 = KeySpec(KeyType.ED25519, 256)
WISHES = Wishes(settle=timedelta(minutes=7), patience=timedelta(minutes=20))
MANY = 500
"""Turns after which time passes in any phase."""


class PlanRoom(SickRoom):
    """A room with the built-in provider, and a reference provider that could replace it."""

    def __init__(self, config=None, other=None, plugin=BUILTIN):
        self.backend = ReferenceBackend()
        LivingRoom.__init__(
            self,
            MemoryEngine(),
            plugin,
            clock=FakeClock(),
            settings=replace(STANDING, config=config or {}),
            others={"other": other or reference_plugin(self.backend)},
        )

    async def plan(self, settings, wishes=WISHES, actor="test"):
        """Return the plan, once it is sure that making it changed nothing anywhere."""
        before = (self.store.snapshot, dict(self.backend._entries))
        found = await plan(self.lifecycle.tools, settings, wishes, actor=actor)
        after = self.store.snapshot
        assert (after.tables, dict(self.backend._entries)) == (before[0].tables, before[1])
        return found

    async def applied(self, settings, wishes=WISHES):
        """Change to ``settings`` while the clock runs; return the operation."""
        row = await self.changes.apply(settings, actor="test", wishes=wishes)
        turns = 0
        async with asyncio.timeout(30):
            while self.operation(row.id).is_open:
                turns += 1
                for node in sorted(self.reachable):
                    self.acknowledge(node)
                await asyncio.sleep(0.002)
                if self.operation(row.id).phase is OperationPhase.DISTRIBUTED:
                    self.clock.advance(timedelta(seconds=10))
                elif turns > MANY:  # whoever pauses on a standing clock has slept in
                    self.clock.advance(timedelta(seconds=1))
        return self.operation(row.id)


@asynccontextmanager
async def living(*nodes, leaves=3, **options):
    """Run a room with agents and leaves; its lease keeper writes nothing meanwhile."""
    room = PlanRoom(**options)
    async with running(room):
        await room.ready()
        for node in nodes:
            room.join(node, 24 * HOURS)
            room.reachable.add(node)
        for number in range(leaves):
            await room.sign(f"web-{number}")
        yield room


CHANGES = {
    "swap": replace(STANDING, provider="other"),
    "rotate": replace(STANDING, key=ED25519),
    "shorter lives": replace(STANDING, leaf_ttl=2 * HOURS, csr_max_per_second=7.0),
    "same root": replace(STANDING, config={"disable_cross_signing": True}),
}
