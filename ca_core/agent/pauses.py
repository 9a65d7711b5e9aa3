"""The pauses of a loop that asks servers, after it was told nothing new or why there is nothing."""

from datetime import timedelta

from ca_core.agent.backoff import backoff
from ca_core.agent.joining import Draw
from ca_core.agent.waiting import Gathering
from ca_core.clock import Clock
from ca_core.errors import Error

HOT_SECONDS = 1.0
"""An answer that comes sooner than this and brings nothing new is counted as a failure."""

_RESPITE = 0.25
"""Seconds after a failure in which no caller has the server asked again."""
_AT_ONCE = timedelta()


class Pauses:
    """Pauses that grow while nothing but failures comes. Used from one event loop."""

    def __init__(self, clock: Clock, draw: Draw) -> None:
        self._clock = clock
        self._draw = draw
        self._failures = 0
        self._not_before = 0.0
        self._impatience = Gathering()
        self._is_cut = False

    @property
    def may_ask(self) -> bool:
        """Say whether a caller may have a server asked now: not before it said so."""
        return self._clock.monotonic() >= self._not_before

    def cut_short(self) -> None:
        """Let the loop go on now, if a server did not say that it shall wait."""
        self._is_cut = True
        self._impatience.wake()

    async def after_answer(self, asked_at: float, *, is_news: bool) -> None:
        """Go on at once, unless what was asked for ``asked_at`` is no news and came too soon."""
        if is_news or self._clock.monotonic() - asked_at >= HOT_SECONDS:
            self._failures = 0
        else:
            await self.take()

    async def after_failure(self, error: Error) -> None:
        """Pause, for as long at least as the server said."""
        await self.take(getattr(error, "retry_after", _AT_ONCE))

    async def take(self, at_least: timedelta = _AT_ONCE) -> None:
        """Pause after a failure; ``at_least`` is the server's Retry-After."""
        self._failures, self._is_cut = self._failures + 1, False
        asked = at_least.total_seconds()
        self._not_before = self._clock.monotonic() + max(asked, _RESPITE)
        seconds = backoff(self._failures, self._draw(), at_least=at_least)
        if asked:
            await self._clock.sleep(asked)
        if not self._is_cut:
            await self._impatience.changed(seconds - asked, self._clock)
