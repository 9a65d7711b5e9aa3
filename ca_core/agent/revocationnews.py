"""Learning of revoked leaves: one more part of the question that an agent has at its servers."""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from ca_core.agent.asking import asked_within
from ca_core.agent.joining import Draw
from ca_core.agent.pauses import Pauses
from ca_core.agent.upstream import FOLLOW_WAIT, Upstream
from ca_core.clock import Clock
from ca_core.errors import DeniedError, Error, RequestError
from ca_core.wire.revocation import RevokedMark, RevokedRequest

log = logging.getLogger(__name__)

Told = Callable[[Sequence[RevokedMark]], None]

_NOT_SERVED = timedelta(minutes=1)
"""A server that cannot take the question is an older one; it disturbs the rest of the question."""


class RevocationNews:
    """Asks for leaves that were revoked. Used from one event loop; ``run`` is the only one.

    After a restart, or where the state was restored, everything that has not ended is told again.

    Args:
        told: is given what is news; must not block or raise.
    """

    def __init__(self, upstream: Upstream, clock: Clock, draw: Draw, told: Told) -> None:
        self._upstream = upstream
        self._clock = clock
        self._told = told
        self._pauses = Pauses(clock, draw)
        self._held = RevokedRequest()
        self._is_lost = False

    def hurry(self) -> None:
        """Ask now, if a failure is being waited out."""
        self._pauses.cut_short()

    async def run(self) -> None:
        """Ask for ever; cancel to end."""
        while True:
            try:
                await self._follow()
            except Error as error:
                await self._after_failure(error)

    async def _follow(self) -> None:
        """Ask once, and hand on what is told.

        Raises:
            Error: nobody answered, or not as expected.
        """
        began, before = self._clock.monotonic(), self._held
        asking, what = self._upstream.revoked(before), "asking for revoked leaves"
        answer = await asked_within(asking, FOLLOW_WAIT, self._clock, what=what)
        self._told(answer.leaves)
        self._held = RevokedRequest(index=answer.index, epoch=answer.epoch)
        self._is_lost = False
        await self._pauses.after_answer(began, is_news=self._held != before)

    async def _after_failure(self, error: Error) -> None:
        if not self._is_lost:
            log.warning("revoked leaves: no news: %s", error)
        self._is_lost = True
        if isinstance(error, RequestError) and not isinstance(error, DeniedError):
            await self._pauses.take(_NOT_SERVED)
        else:
            await self._pauses.after_failure(error)
