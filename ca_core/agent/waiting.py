"""Waiting on the event loop with a limit measured by the clock; nothing is left running behind."""

import asyncio
import heapq
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from ca_core.clock import Clock
from ca_core.errors import UnavailableError

ResultT = TypeVar("ResultT")


_GRAIN = 0.001
"""Seconds; limits that are closer together than this are reached together."""
_AT_ONCE = 256
"""Callers let go in one turn of the loop: ten thousand at once would hold up everybody else."""
_FEW = 64
"""Limits of callers that are gone are dropped when they are most of all limits, and more."""


class Gathering:
    """Callers that wait for one thing to change; each has its own future. One event loop only.

    Their limits share one alarm: a task for each of ten thousand would cost more than all the rest.
    """

    __slots__ = ("_alarm", "_limits", "_parked")

    def __init__(self) -> None:
        self._parked: dict[asyncio.Future[bool], None] = {}  # empty it is smaller than a set
        self._limits: list[tuple[float, int, asyncio.Future[bool]]] = []
        self._alarm: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._parked)

    def wake(self) -> None:
        """Let everybody go who waits now; of very many, the last ones a few turns later."""
        _let_go(tuple(self._parked))

    async def changed(self, seconds: float, clock: Clock) -> bool:
        """Wait for the next ``wake``, at most ``seconds``; say whether it came."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._parked[future] = None
        try:
            if seconds > 0:
                self._limit(future, clock.monotonic() + seconds, clock)
                return await future
            await asyncio.sleep(0)  # a loop that has fallen behind must let others have their turn
            return future.done()
        finally:
            del self._parked[future]
            if not self._parked:
                self._calm()

    def _limit(self, future: asyncio.Future[bool], due: float, clock: Clock) -> None:
        if len(self._limits) > 2 * len(self._parked) + _FEW:
            self._limits = [entry for entry in self._limits if not entry[2].done()]
            heapq.heapify(self._limits)
        heapq.heappush(self._limits, (due, id(future), future))
        if self._limits[0][2] is not future:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.ensure_future(self._ring(clock))

    async def _ring(self, clock: Clock) -> None:
        """Let each go whose limit is reached."""
        while self._limits:
            await clock.sleep(self._limits[0][0] - clock.monotonic())
            reached = clock.monotonic() + _GRAIN
            while self._limits and self._limits[0][0] <= reached:
                _, _, future = heapq.heappop(self._limits)
                if not future.done():
                    future.set_result(False)

    def _calm(self) -> None:
        self._limits.clear()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None


def _let_go(waiting: tuple[asyncio.Future[bool], ...]) -> None:
    for future in waiting[:_AT_ONCE]:
        if not future.done():
            future.set_result(True)
    if len(waiting) > _AT_ONCE:
        asyncio.get_running_loop().call_soon(_let_go, waiting[_AT_ONCE:])


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
