"""Exchanging the secrets of tokens at a server: once each, and not again at once if nobody's."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from ca_core.acl.principal import Token
from ca_core.acl.tokens import ANONYMOUS_ACCESSOR, ANONYMOUS_SECRET
from ca_core.agent.heldtokens import mark_of
from ca_core.agent.upstream import Upstream
from ca_core.agent.waiting import stopped, within
from ca_core.clock import Clock
from ca_core.errors import (
    DeniedError,
    Error,
    ProviderError,
    RateLimitedError,
    UnavailableError,
)
from ca_core.wire.grants import Granted

log = logging.getLogger(__name__)

REFUSED_FOR = timedelta(seconds=5)
"""How long an unknown secret is refused without asking again; a new token is soon good."""
REMEMBERED_REFUSALS = 1000
MOST_EXCHANGES = 8
"""At once: whoever tries thousands of secrets must not keep other questions from the server."""
MOST_IN_LINE = 1000
"""Under way and in line together: who tries a secret and goes away leaves his place in it."""
EXCHANGE_LIMIT = timedelta(seconds=20)

Take = Callable[[Granted, bytes, datetime], Awaitable[Token]]
"""``take(granted, mark, asked_at)``: hold what a server gave for the secret of that mark."""


class Exchanges:
    """The exchanges under way, and what was refused a moment ago. Used from one event loop."""

    def __init__(self, upstream: Upstream, clock: Clock, take: Take) -> None:
        self._upstream = upstream
        self._clock = clock
        self._take = take
        self._under_way: dict[bytes, asyncio.Task[Token | Error]] = {}
        self._turns = asyncio.Semaphore(MOST_EXCHANGES)
        self._refused: OrderedDict[bytes, float] = OrderedDict()

    async def asked(self, secret: str) -> Token:
        """Return whose a secret is, exchanging it; all who show it meanwhile wait for one answer.

        Raises:
            DeniedError: nobody's.
            RateLimitedError: too many from here were nobody's, or are in line.
            UnavailableError: no server answers.
        """
        if secret == ANONYMOUS_SECRET:
            return Token(ANONYMOUS_ACCESSOR)
        mark = mark_of(secret)
        self._refuse_again(mark)
        task = self._under_way.get(mark)
        if task is None:
            self._refuse_too_many()
            task = self._under_way[mark] = asyncio.create_task(self._exchanged(secret, mark))
            task.add_done_callback(lambda _: self._under_way.pop(mark, None))
        await asyncio.wait({task})
        if task.cancelled():
            raise UnavailableError("the agent is stopping")
        found = task.result()
        if isinstance(found, Error):
            raise found.with_traceback(None)  # one error, many callers
        return found

    async def close(self) -> None:
        """End every exchange."""
        await stopped(*self._under_way.values())

    async def _exchanged(self, secret: str, mark: bytes) -> Token | Error:
        try:
            async with self._turns:
                asked_at, asking = self._clock.now(), self._upstream.grant(secret)
                granted = await within(asking, EXCHANGE_LIMIT, self._clock, what="token exchange")
            return await self._take(granted, mark, asked_at)
        except DeniedError as error:
            self._remember_refusal(mark)
            return error
        except Error as error:
            return error
        except Exception as error:
            log.exception("tokens: an exchange failed in a way it should not")
            return ProviderError(f"asking for a token failed: {type(error).__name__}")

    def _refuse_too_many(self) -> None:
        if len(self._under_way) >= MOST_IN_LINE:
            raise RateLimitedError(
                f"{MOST_IN_LINE} tokens are being asked about", retry_after=timedelta(seconds=1)
            )

    def _refuse_again(self, mark: bytes) -> None:
        until = self._refused.get(mark)
        if until is None:
            return
        if self._clock.monotonic() < until:
            raise DeniedError("ACL not found", hint="the token was unknown a moment ago")
        del self._refused[mark]

    def _remember_refusal(self, mark: bytes) -> None:
        self._refused[mark] = self._clock.monotonic() + REFUSED_FOR.total_seconds()
        while len(self._refused) > REMEMBERED_REFUSALS:
            self._refused.popitem(last=False)
