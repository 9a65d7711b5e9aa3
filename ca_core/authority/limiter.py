"""Admission control for signing: a token bucket whose queue is ordered by urgency."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ca_core.allowances import Bucket
from ca_core.clock import Clock
from ca_core.errors import RateLimitedError

MAX_WAIT = timedelta(milliseconds=500)
"""A request waits this long for its turn, as in Consul, then is told when to come back."""

_FEW = 64
"""Requests that gave up leave the queue when they are more than half of it, and more than this."""


@dataclass(slots=True, eq=False)
class Turn:
    """One request that waits.

    Attributes:
        expires: NotAfter of the leaf being replaced; it orders the queue.
        granted: called once, when the request may go on.
        is_over: it was granted, or it gave up.
    """

    expires: datetime
    granted: Callable[[], None]
    is_over: bool = False


class Admission:
    """Who may sign when: the bucket and the queue as values of time, without any waiting.

    Args:
        rate: per second, above 0.
        burst: how many may pass at once after a quiet time; at least 1.
        at: ``Clock.monotonic()`` now.
    """

    def __init__(self, *, rate: float, burst: float, at: float) -> None:
        self.rate = rate
        self.burst = burst
        self._bucket = Bucket(burst, at)
        self._queue: list[tuple[datetime, int, Turn]] = []
        self._order = itertools.count()
        self._waiting = 0

    def set_rate(self, rate: float, burst: float, at: float) -> None:
        """Let another number through from now on."""
        self._refill(at)
        self.rate, self.burst = rate, burst

    @property
    def waiting(self) -> int:
        """Return how many requests wait for their turn."""
        return self._waiting

    def passes(self, at: float) -> bool:
        """Take a token for a request that need not wait; False if it must."""
        self._refill(at)
        if self._bucket.tokens < 1 or self.waiting:
            return False
        self._bucket = self._bucket.taken()
        return True

    def queued(self, turn: Turn) -> None:
        """Let a request wait, the most urgent first."""
        heapq.heappush(self._queue, (turn.expires, next(self._order), turn))
        self._waiting += 1

    def gave_up(self, turn: Turn) -> None:
        """Let a request wait no longer; safe to repeat, and after it was granted."""
        if turn.is_over:
            return
        turn.is_over = True
        self._waiting -= 1
        if len(self._queue) > 2 * self._waiting + _FEW:
            self._queue = [entry for entry in self._queue if not entry[2].is_over]
            heapq.heapify(self._queue)

    def grant(self, at: float) -> float | None:
        """Give turns while there are tokens; return the seconds to the next, None: nobody waits."""
        while self._queue:
            self._refill(at)
            if self.rate > 0 and self._bucket.tokens < 1:
                return (1 - self._bucket.tokens) / self.rate + 0.0005
            _, _, turn = heapq.heappop(self._queue)
            if not turn.is_over:
                self._bucket = self._bucket.taken()
                turn.is_over = True
                self._waiting -= 1
                turn.granted()
        return None

    def backlog(self) -> timedelta:
        """Return how long the requests now waiting will take, at least one second."""
        if self.rate <= 0:
            return timedelta(seconds=1)
        return timedelta(seconds=max(1.0, (self.waiting + 1) / self.rate))

    def _refill(self, at: float) -> None:
        self._bucket = self._bucket.refilled(at, rate=self.rate, burst=self.burst)


class Limiter:
    """Lets ``rate`` signatures a second through, most urgent first. Lives on one event loop.

    Args:
        rate: per second; 0 switches admission control off.
        burst: how many may pass at once after a quiet time.
    """

    def __init__(self, clock: Clock, *, rate: float = 50, burst: float | None = None) -> None:
        self._clock = clock
        self._rate = rate
        most = max(1.0, rate if burst is None else burst)
        self._admission = Admission(rate=rate, burst=most, at=clock.monotonic())
        self._pump: asyncio.Task[None] | None = None

    def set_rate(self, rate: float) -> None:
        """Let another number of signatures a second through from now on."""
        if rate != self._rate:
            self._rate = rate
            self._admission.set_rate(rate, max(1.0, rate), self._clock.monotonic())

    @property
    def waiting(self) -> int:
        """Return how many requests wait for their turn."""
        return self._admission.waiting

    async def admit(self, expires: datetime) -> None:
        """Return when this request may take a signing thread.

        Args:
            expires: NotAfter of the leaf being replaced; for a first one, now.

        Raises:
            RateLimitedError: it would wait more than ``MAX_WAIT``; holds the seconds to wait.
        """
        if self._rate > 0 and not self._admission.passes(self._clock.monotonic()):
            await self._wait_for_turn(expires)

    async def _wait_for_turn(self, expires: datetime) -> None:
        mine = asyncio.Event()
        turn = Turn(expires, mine.set)
        self._admission.queued(turn)
        self._ensure_pump()
        granted = asyncio.ensure_future(mine.wait())
        timer = asyncio.ensure_future(self._clock.sleep(MAX_WAIT.total_seconds()))
        try:
            await asyncio.wait({granted, timer}, return_when=asyncio.FIRST_COMPLETED)
            if not turn.is_over:
                raise RateLimitedError("signing is busy", retry_after=self._admission.backlog())
        finally:
            timer.cancel()
            granted.cancel()
            self._admission.gave_up(turn)

    def _ensure_pump(self) -> None:
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._hand_out_turns())

    async def _hand_out_turns(self) -> None:
        """Give a turn to the most urgent waiter whenever a token is there, until nobody waits."""
        while (pause := self._admission.grant(self._clock.monotonic())) is not None:
            await self._clock.sleep(pause)
