"""Whether servers answer: what one part of an agent has found out, all of them know."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ca_core.clock import Clock
from ca_core.errors import RateLimitedError, RequestError

AnswerT = TypeVar("AnswerT")

_SELDOM = 1.0
"""Seconds between two calls of listeners: a server may refuse one kind of request and no other."""


class Contact:
    """Notes what becomes of requests. Used from one event loop.

    Attributes:
        lost_at: when a request failed first, by ``Clock.monotonic``; None while they are answered.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told_at = float("-inf")
        self._listeners: list[Callable[[], None]] = []
        self.lost_at: float | None = None

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever a request is answered after one that was not."""
        self._listeners.append(listener)

    async def noted(self, request: Awaitable[AnswerT]) -> AnswerT:
        """Return what a request brings; a refusal is an answer too.

        Raises:
            Error: whatever the request raises.
        """
        try:
            answer = await request
        except (RequestError, RateLimitedError):
            self._heard()
            raise
        except Exception:
            if self.lost_at is None:
                self.lost_at = self._clock.monotonic()
            raise
        self._heard()
        return answer

    def _heard(self) -> None:
        if self.lost_at is None:
            return
        self.lost_at, now = None, self._clock.monotonic()
        if now - self._told_at >= _SELDOM:
            self._told_at = now
            for listener in self._listeners:
                listener()
