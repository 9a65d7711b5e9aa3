"""Waiting on the event loop with a limit measured by the clock; nothing is left running behind."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from ca_core.clock import Clock
from ca_core.errors import UnavailableError

ResultT = TypeVar("ResultT")


class Gathering:
    """Callers that wait for one thing to change; each has its own future. One event loop only."""

    __slots__ = ("_parked",)

    def __init__(self) -> None:
        self._parked: dict[asyncio.Future[None], None] = {}  # empty it is smaller than a set

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._parked)

    def wake(self) -> None:
        """Let everybody go who waits now."""
        for future in self._parked:
            if not future.done():
                future.set_result(None)

    async def changed(self, seconds: float, clock: Clock) -> bool:
        """Wait for the next ``wake``, at most ``seconds``; say whether it came."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._parked[future] = None
        try:
            return await _done_in_time(future, seconds, clock)
        finally:
            del self._parked[future]


async def within(
    work: Coroutine[Any, Any, ResultT], limit: timedelta, clock: Clock, *, what: str
) -> ResultT:
    """Return the result of ``work``, or cancel it after ``limit``.

    Raises:
        UnavailableError: the limit has passed; ``what`` names the work.
        BaseException: whatever ``work`` raises.
    """
    task = asyncio.ensure_future(work)
    try:
        if await _done_in_time(task, limit.total_seconds(), clock):
            return task.result()
    finally:
        await stopped(task)
    raise UnavailableError(f"{what} took longer than {limit.total_seconds():.0f} s")


async def _done_in_time(waited: asyncio.Future[Any], seconds: float, clock: Clock) -> bool:
    if waited.done():
        return True
    if seconds <= 0:
        await asyncio.sleep(0)  # a loop that has fallen behind must let others have their turn
        return waited.done()
    alarm = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({waited, alarm}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        alarm.cancel()
    return waited.done()


async def stopped(*tasks: asyncio.Future[Any]) -> None:
    """Cancel what still runs and wait until it has ended; its outcome is dropped."""
    for task in tasks:
        task.cancel()
    await _ended({task for task in tasks if not task.done()})


async def _ended(tasks: set[asyncio.Future[Any]]) -> None:
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not report it as forgotten
