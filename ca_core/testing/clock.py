"""A clock that stands still until a test moves it."""

import asyncio
import heapq
import itertools
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

START = datetime(2030, 1, 1, tzinfo=UTC)
"""Where a ``FakeClock`` stands unless told otherwise; a round date makes failures readable."""


@dataclass(order=True, slots=True)
class _Sleeper:
    wake_at: float
    order: int
    loop: asyncio.AbstractEventLoop = field(compare=False)
    woken: asyncio.Future[None] = field(compare=False)


class FakeClock:
    """A ``Clock`` whose time passes only by ``advance``. Thread-safe.

    Sleepers wake on their own event loop, in the order of their due times; a sleep of zero only
    lets others run. ``monotonic`` starts at 0.
    """

    def __init__(self, now: datetime = START) -> None:
        self._start = now
        self._passed = timedelta()
        self._sleepers: list[_Sleeper] = []
        self._orders = itertools.count()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the time this clock shows, aware UTC."""
        return self._start + self._passed

    def monotonic(self) -> float:
        """Return the seconds that have passed since this clock was made."""
        return self._passed.total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Wait until ``advance`` has moved the clock by ``seconds``."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        with self._lock:
            due = self.monotonic() + seconds
            heapq.heappush(self._sleepers, _Sleeper(due, next(self._orders), loop, woken))
        await woken

    def advance(self, span: timedelta) -> None:
        """Move the clock forward and wake everybody who is due; callable from any thread.

        The woken run when their loop next turns: a test on that loop awaits ``asyncio.sleep(0)``.

        Raises:
            ValueError: ``span`` is negative; this clock never runs backwards.
        """
        if span < timedelta():
            raise ValueError("time does not run backwards")
        with self._lock:
            self._passed += span
            due = self._take_due()
        for sleeper in due:
            sleeper.loop.call_soon_threadsafe(_wake, sleeper.woken)

    @property
    def sleepers(self) -> int:
        """Return how many sleep now; a test waits for this before it advances."""
        with self._lock:
            return sum(not sleeper.woken.done() for sleeper in self._sleepers)

    def _take_due(self) -> list[_Sleeper]:
        due = []
        while self._sleepers and self._sleepers[0].wake_at <= self.monotonic():
            due.append(heapq.heappop(self._sleepers))
        return [sleeper for sleeper in due if not sleeper.loop.is_closed()]


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():  # its task may have been cancelled meanwhile
        woken.set_result(None)
