"""A question that waits at a server for news, and is overtaken when more is wanted."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from ca_core.agent.waiting import stopped

AnswerT = TypeVar("AnswerT")


class Parked(Generic[AnswerT]):
    """Asks one question at a time. One event loop only."""

    def __init__(self) -> None:
        self._waiting: asyncio.Task[AnswerT] | None = None

    def overtake(self) -> None:
        """End the question that waits for news, if there is one; nothing is lost but its wait."""
        if self._waiting is not None:
            self._waiting.cancel()

    async def answer(self, asking: Coroutine[Any, Any, AnswerT], *, waits: bool) -> AnswerT | None:
        """Return the answer, or None if the question was overtaken.

        Args:
            asking: asks.
            waits: it waits for news; one that is answered at once is not overtaken.

        Raises:
            BaseException: whatever ``asking`` raises.
        """
        task = asyncio.ensure_future(asking)
        self._waiting = task if waits else None
        try:
            await asyncio.wait({task})
        finally:
            self._waiting = None
            await stopped(task)
        return None if task.cancelled() else task.result()
