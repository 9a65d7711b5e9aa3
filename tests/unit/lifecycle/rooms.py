"""A server's authority room with its lifecycle, without any API."""

import asyncio
from datetime import timedelta

from ca_core.lifecycle.lifecycle import Lifecycle
from ca_core.lifecycle.rows import OperationRow, operation
from ca_core.lifecycle.tools import Tools
from ca_core.testing.clock import FakeClock
from tests.unit.authority.cluster import Room

PATIENCE = 1.0
"""Seconds of the machine's time; whoever still waits then on a standing clock has slept in."""


class LivingRoom(Room):
    """A room whose authority can be changed.

    Attributes:
        reachable: names of the nodes whose lease lives; a test sets it.
    """

    def __init__(self, engine, plugin, **more):
        super().__init__(engine, plugin, **more)
        self.reachable = set()
        manager = self.manager
        self.lifecycle = Lifecycle(
            Tools(
                store=self.store,
                clock=self.clock,
                slots=manager.slots,
                opener=manager.opener,
                record=manager.record,
                reachable=lambda: self.reachable,
                events=self.bystanders.events,
            )
        )
        self.changes = self.lifecycle.changes

    def start(self):
        """Run the loops of a server, the lifecycle's too."""
        super().start()
        self._tasks.append(asyncio.ensure_future(self.lifecycle.run(self.keeper)))

    def operation(self, name) -> OperationRow:
        """Return an operation as it stands."""
        return operation(self.store.snapshot, name)

    async def over(self, row) -> OperationRow:
        """Return an operation once it is over, however it ended."""
        await self.until(lambda: not self.operation(row.id).is_open)
        return self.operation(row.id)

    async def until(self, holds, within=25.0):
        """Return once ``holds()``; fail if a loop of the room ends before.

        On a clock that stands, a loop that fell asleep just after a jump is woken at last.
        """
        nudging = asyncio.ensure_future(self._nudge())
        try:
            async with asyncio.timeout(within):
                while not holds():
                    for task in self._tasks:
                        if task.done():
                            task.result()
                    await asyncio.sleep(0.005)
        finally:
            nudging.cancel()

    async def _nudge(self):
        """Let seconds pass at first, then minutes: some loops look once an hour."""
        await asyncio.sleep(PATIENCE)
        step = timedelta(seconds=1)
        while isinstance(self.clock, FakeClock):
            self.clock.advance(step)
            step = min(step * 1.05, timedelta(minutes=2))
            await asyncio.sleep(PATIENCE / 20)
