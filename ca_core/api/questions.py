"""Which question of an agent waits (a newer one ends the one before), and how many it may ask."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from ca_core.agent.question import GRANTS, NAMES
from ca_core.agent.waiting import stopped
from ca_core.allowances import Allowances
from ca_core.clock import Clock
from ca_core.identity.spiffe import AgentId
from ca_core.wire.watch import WatchRequest

AnswerT = TypeVar("AnswerT")


AT_ONCE, PER_SECOND = 200.0, 25.0
"""Questions of one agent; it asks 50 at once and 20 in a second itself, however it is driven."""


def asking_allowances(clock: Clock) -> Allowances[str]:
    """Return how much the agent of each node may still ask."""
    return Allowances(
        clock,
        at_once=AT_ONCE,
        per_second=PER_SECOND,
        said=lambda node: f"too many questions came from node {node!r}",
    )


def cost_of(asked: WatchRequest) -> float:
    """Return what a question costs to answer; one that names little costs 1."""
    parts = (asked.intentions, asked.views)
    names = sum(len(part.held) for part in parts if part is not None)
    grants = 0 if asked.grants is None else len(asked.grants.grants)
    return 1 + names / NAMES + grants / GRANTS


class Questions:
    """At most one question of each agent. Used from one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[AgentId, asyncio.Task[Any]] = {}

    def __len__(self) -> int:
        """Return how many agents wait for an answer."""
        return len(self._waiting)

    async def newest(self, agent: AgentId, asking: Coroutine[Any, Any, AnswerT]) -> AnswerT | None:
        """Return the answer; None once a newer question of the same agent has come.

        Whoever is cancelled here ends ``asking`` too.

        Raises:
            Error: whatever ``asking`` raises.
        """
        task = asyncio.ensure_future(asking)
        older = self._waiting.get(agent)
        self._waiting[agent] = task
        if older is not None:
            older.cancel()
        try:
            await asyncio.wait({task})
            return None if task.cancelled() else task.result()
        finally:
            if self._waiting.get(agent) is task:
                del self._waiting[agent]
            await stopped(task)
