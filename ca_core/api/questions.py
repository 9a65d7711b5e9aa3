"""Which question of an agent waits now: a newer one ends the one before."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from ca_core.agent.waiting import stopped
from ca_core.identity.spiffe import AgentId

AnswerT = TypeVar("AnswerT")


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
