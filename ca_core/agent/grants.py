"""Tokens at the agent: a secret is exchanged once, and what became of it is followed.

A revoked token goes at once while a server answers, and when its grant ends otherwise.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from ca_core.acl.access import Action
from ca_core.acl.principal import Principal, Token
from ca_core.acl.rights import Chain
from ca_core.acl.tokens import ANONYMOUS_ACCESSOR
from ca_core.agent.asking import SLACK, asked_within
from ca_core.agent.backoff import backoff
from ca_core.agent.exchanges import Exchanges
from ca_core.agent.heldtokens import HeldToken, HeldTokens, mark_of
from ca_core.agent.joining import Draw
from ca_core.agent.upstream import Upstream
from ca_core.agent.waiting import Gathering, stopped
from ca_core.clock import Clock
from ca_core.durations import format_duration
from ca_core.errors import DeniedError, Error, UnavailableError
from ca_core.wire.grants import Granted, GrantsAnswer, GrantsRequest

log = logging.getLogger(__name__)

_POLL_WAIT = timedelta(minutes=1)
_FIRST_PATIENCE = timedelta(seconds=2)
_HOT = timedelta(milliseconds=500)
"""An answer that comes sooner than this and brings nothing new is not asked for again at once."""
_GATHERING = 0.05
"""Seconds in which new tokens gather before the question is asked anew with all of them."""
_LONGEST_SLEEP = timedelta(seconds=30)
"""The wall clock may be set while the end of a grant is waited for."""

_NOTHING: tuple[tuple[str, ...], str] = ((), "")
"""What was asked for, and the digest of the answer, before there was any."""


class Grants:
    """The tokens one agent was shown; a ``TokenLookup`` and a ``ChainOf``. One event loop.

    ``run`` follows them, ``expire`` ends them; both for ever.

    Args:
        upstream: exchanges and tells.
        default: the secret that stands in for none, or ''.
    """

    def __init__(self, upstream: Upstream, clock: Clock, draw: Draw, default: str = "") -> None:
        self._upstream = upstream
        self._clock = clock
        self._draw = draw
        self._default = default
        self._tokens = HeldTokens(clock)
        self._exchanges = Exchanges(upstream, clock, self._taken)
        self._followed = _NOTHING
        self._news = asyncio.Event()
        self._heard = Gathering()
        self._bell = Gathering()
        self._impatience = Gathering()
        self._has_heard = False
        self._failures = 0
        self._listeners: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"Grants({len(self._tokens)} tokens)"

    @property
    def default(self) -> str:
        """Return the secret that stands in for none, or ''."""
        return self._default

    def replace_default(self, secret: str) -> None:
        """Let another secret stand in for none, or '' for nobody's; it is exchanged at once."""
        if secret != self._default:
            self._default = secret
            self._news.set()
            self._tell()

    def __len__(self) -> int:
        """Return how many tokens are held."""
        return len(self._tokens)

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` on the loop whenever anybody may less or more; it must not raise."""
        self._listeners.append(listener)

    def known(self, secret: str) -> Token | None:
        """Return whose a secret is, if this agent was shown it and it is still good."""
        return self._tokens.shown(mark_of(secret))

    async def asked(self, secret: str) -> Token:
        """Return whose a secret is, exchanging it; all who show it meanwhile wait for one answer.

        Raises:
            DeniedError: nobody's.
            RateLimitedError: too many from here were nobody's.
            UnavailableError: no server answers.
        """
        return await self._exchanges.asked(secret)

    def __call__(self, accessor: str) -> Chain | None:
        """Return what a token may, or None; the default token stands in for the anonymous one."""
        held = self._tokens.held(accessor) if accessor != ANONYMOUS_ACCESSOR else self._nobody()
        return None if held is None else held.chain

    async def grant_for(self, principal: Principal, service: str) -> str:
        """Return the grant by which this caller may have the leaf of ``service``; '' for none.

        Without one the agent vouches, for callers that the kernel names. A grant that ended while
        this host slept is waited for, a moment.

        Raises:
            DeniedError: the caller's token is good no more.
            UnavailableError: the server does not say in time what callers without a token may.
        """
        if isinstance(principal, Token) and principal.accessor != ANONYMOUS_ACCESSOR:
            held = self._tokens.held(principal.accessor)
            if held is None:
                raise DeniedError("ACL not found", hint="the token's grant has ended")
            return held.grant
        nobody = self._nobody()
        if nobody is None or not nobody.chain.allows(Action.SERVICE_WRITE, service):
            return ""
        return await self._lasting_grant()

    def keep_used(self, accessors: Iterable[str]) -> None:
        """Keep tokens that are in use although nobody shows them: services stand by them."""
        self._tokens.use(accessors)

    async def heard(self, patience: timedelta) -> bool:
        """Wait for the first answer, or failure, at most ``patience``; say whether one came."""
        if not self._has_heard and not self._failures:
            await self._heard.changed(patience.total_seconds(), self._clock)
        return self._has_heard

    async def run(self) -> None:
        """Follow what became of the tokens, for ever; cancel to end."""
        while True:
            pause = 0.0
            try:
                pause = await self._follow_once()
                await self._hold_default()
            except Error as error:
                pause = self._failed(error)
            self._heard.wake()
            await self._impatience.changed(pause, self._clock)

    def hurry(self) -> None:
        """Ask now, if a failure is being waited out."""
        self._impatience.wake()

    async def expire(self) -> None:
        """Drop tokens when their grants end, for ever; cancel to end."""
        while True:
            if self._tokens.drop_ended():
                self._ask_all_again()
                self._tell()
            end = self._tokens.next_end()
            left = _LONGEST_SLEEP if end is None else end - self._clock.now()
            await self._bell.changed(min(left, _LONGEST_SLEEP).total_seconds(), self._clock)

    async def close(self) -> None:
        """End every exchange."""
        await self._exchanges.close()

    async def _lasting_grant(self) -> str:
        """Return the grant for callers without a token, asking for another if it has ended."""
        if (grant := self._good_grant()) is None:
            self._ask_all_again()
        gives_up = self._clock.monotonic() + _FIRST_PATIENCE.total_seconds()
        while grant is None and (left := gives_up - self._clock.monotonic()) > 0:
            await self._heard.changed(left, self._clock)
            grant = self._good_grant()
        if grant is None:
            raise UnavailableError("the server has not said yet what callers without a token may")
        return grant

    def _good_grant(self) -> str | None:
        held = self._nobody()
        return held.grant if held is not None and held.ends > self._clock.now() else None

    def _ask_all_again(self) -> None:
        """Let the next answer come at once and say everything: what was held has ended."""
        self._followed = _NOTHING
        self._news.set()

    def _nobody(self) -> HeldToken | None:
        """Return what stands for callers without a token."""
        standing_in = self._tokens.shown(mark_of(self._default)) if self._default else None
        return self._tokens.held(standing_in.accessor if standing_in else ANONYMOUS_ACCESSOR)

    async def _taken(self, granted: Granted, mark: bytes, asked_at: datetime) -> Token:
        """Hold a token that was exchanged, once it is known what holds where no rule decides."""
        await self.heard(_FIRST_PATIENCE)
        token = self._tokens.add(granted, mark, asked_at)
        self._news.set()
        self._bell.wake()
        self._tell()
        return token

    async def _hold_default(self) -> None:
        if self._default and self.known(self._default) is None:
            try:
                await self.asked(self._default)
            except DeniedError as error:
                log.warning("the token of agent.token_file is not good: %s", error)

    async def _follow_once(self) -> float:
        """Take one answer over; return the seconds until the next question."""
        self._news.clear()
        asked, asked_at = self._tokens.accessors, self._clock.now()
        answer = await self._answered(asked)
        if answer is None:
            return 0.0  # there is a token more: ask for all of them
        changed = self._tokens.follow(answer, asked, asked_at)
        changed |= self._tokens.forget_idle()
        before, self._followed = self._followed, (asked, answer.digest)
        if self._clock.now() - asked_at > _POLL_WAIT + SLACK:
            self._followed = _NOTHING  # this host slept meanwhile: what it was told may have ended
        self._has_heard, self._failures = True, 0
        self._bell.wake()
        if changed:
            self._tell()
        hot = before == self._followed and self._clock.now() - asked_at < _HOT
        return _HOT.total_seconds() if hot else 0.0

    async def _answered(self, asked: tuple[str, ...]) -> GrantsAnswer | None:
        """Return the answer about these tokens; None once another one has come meanwhile."""
        poll = asyncio.ensure_future(self._polled(asked))
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait({poll, news}, return_when=asyncio.FIRST_COMPLETED)
            if not poll.done():
                await self._clock.sleep(_GATHERING)
            return poll.result() if poll.done() else None
        finally:
            await stopped(poll, news)

    async def _polled(self, asked: tuple[str, ...]) -> GrantsAnswer:
        known, digest = self._followed
        request = GrantsRequest(
            grants=self._tokens.grants_of(asked),
            digest=digest if known == asked else "",
            wait=format_duration(_POLL_WAIT),
        )
        poll = self._upstream.grants(request)
        return await asked_within(poll, _POLL_WAIT, self._clock, what="asking about tokens")

    def _failed(self, error: Error) -> float:
        """Return how long to wait after a failure."""
        if not self._failures:
            log.warning("what became of tokens is not known: %s", error)
        self._failures += 1
        asked = getattr(error, "retry_after", timedelta())
        return backoff(self._failures, self._draw(), at_least=asked)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
