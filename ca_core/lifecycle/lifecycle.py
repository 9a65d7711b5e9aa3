"""The lifecycle of one server, as the rest of it sees it."""

import asyncio

from ca_core.authority.bringup import Leadership
from ca_core.authority.holdings import Holdings
from ca_core.lifecycle.changes import Changes
from ca_core.lifecycle.draining import Drain
from ca_core.lifecycle.driving import Driver
from ca_core.lifecycle.policy import RotationPolicy
from ca_core.lifecycle.reissuing import Reissue
from ca_core.lifecycle.scheduling import Schedule
from ca_core.lifecycle.tools import Tools


class Lifecycle:
    """Changes who signs, and lets go of what signed before. Lives on one event loop.

    Attributes:
        tools: what its steps work with.
        changes: what operators and the policy ask for.
        schedule: begins what is due, and says what is overdue.
        reissue: over what time leaves would be re-issued.
        holdings: who holds leaves of which signer.
    """

    def __init__(self, tools: Tools, policy: RotationPolicy | None = None) -> None:
        self.tools = tools
        self.changes = Changes(tools)
        self.schedule = Schedule(tools, self.changes, policy or RotationPolicy())
        self.reissue = Reissue(tools)
        self.holdings = Holdings(tools.store)
        self._driver = Driver(tools)
        self._drain = Drain(tools)

    async def run(self, leadership: Leadership) -> None:
        """Carry out operations, begin what is due, let what is old leave; cancel to end."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._driver.run(leadership))
            tasks.create_task(self._drain.run(leadership))
            tasks.create_task(self.schedule.run(leadership))
