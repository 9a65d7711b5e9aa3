"""Admission control for signing: a token bucket whose queue is ordered by urgency."""

import asyncio
import heapq
import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta

from ca_core.clock import Clock
from ca_core.errors import RateLimitedError

MAX_WAIT = timedelta(milliseconds=500)
"""A request waits this long for its turn, as in Consul, then is told when to come back."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket as a value.

    Attributes:
        tokens: what is left, at most ``burst``; negative for turns promised to waiters.
        at: ``Clock.monotonic()`` when ``tokens`` was right.
    """

    tokens: float
    at: float

    def refilled(self, now: float, *, rate: float, burst: float) -> "Bucket":
        """Return the bucket at ``now``, ``rate`` tokens per second later."""
        return Bucket(min(burst, self.tokens + max(0.0, now - self.at) * rate), max(now, self.at))

    def taken(self) -> "Bucket":
        """Return the bucket with one token less."""
        return Bucket(self.tokens - 1, self.at)


class Limiter:
    """Lets ``rate`` signatures a second through, most urgent first. Lives on one event loop.

    Args:
        rate: per second; 0 switches admission control off.
        burst: how many may pass at once after a quiet time.
    """

    def __init__(self, clock: Clock, *, rate: float = 50, burst: float | None = None) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = max(1.0, rate if burst is None else burst)
        self._bucket = Bucket(self._burst, clock.monotonic())
        self._queue: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._pump: asyncio.Task[None] | None = None

    def set_rate(self, rate: float) -> None:
        """Let another number of signatures a second through from now on."""
        if rate != self._rate:
            self._refill()
            self._rate, self._burst = rate, max(1.0, rate)

    @property
    def waiting(self) -> int:
        """Return how many requests wait for their turn."""
        return sum(not turn.done() for _, _, turn in self._queue)

    async def admit(self, expires: datetime) -> None:
        """Return when this request may take a signing thread.

        Args:
            expires: NotAfter of the leaf being replaced; for a first one, now.

        Raises:
            RateLimitedError: it would wait more than ``MAX_WAIT``; holds the seconds to wait.
        """
        if self._rate <= 0:
            return
        self._refill()
        if self._bucket.tokens >= 1 and not self.waiting:
            self._bucket = self._bucket.taken()
            return
        await self._wait_for_turn(expires)

    async def _wait_for_turn(self, expires: datetime) -> None:
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (expires, next(self._order), turn))
        self._ensure_pump()
        timer = asyncio.ensure_future(self._clock.sleep(MAX_WAIT.total_seconds()))
        try:
            await asyncio.wait({turn, timer}, return_when=asyncio.FIRST_COMPLETED)
            if not turn.done():
                raise RateLimitedError("signing is busy", retry_after=self._backlog())
        finally:
            timer.cancel()
            turn.cancel()

    def _backlog(self) -> timedelta:
        """Return how long the requests now waiting will take, at least one second."""
        return timedelta(seconds=max(1.0, (self.waiting + 1) / self._rate))

    def _refill(self) -> None:
        now = self._clock.monotonic()
        self._bucket = self._bucket.refilled(now, rate=self._rate, burst=self._burst)

    def _ensure_pump(self) -> None:
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._hand_out_turns())

    async def _hand_out_turns(self) -> None:
        """Give a turn to the most urgent waiter whenever a token is there, until nobody waits."""
        while self._queue:
            self._refill()
            if self._bucket.tokens < 1:
                await self._clock.sleep((1 - self._bucket.tokens) / self._rate + 0.0005)
                continue
            _, _, turn = heapq.heappop(self._queue)
            if not turn.done():
                self._bucket = self._bucket.taken()
                turn.set_result(None)
