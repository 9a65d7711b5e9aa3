"""Anti-entropy: servers are told what is registered here, whenever it is not what they hold."""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Protocol

from msgspec.structs import replace

from ca_core.acl.principal import Anonymous, Principal, Token
from ca_core.agent.asking import sound
from ca_core.agent.backoff import backoff
from ca_core.agent.issuance import GrantFor, no_grant
from ca_core.agent.joining import Draw
from ca_core.agent.pace import Pace
from ca_core.agent.services.services import Services
from ca_core.agent.services.telling import Told
from ca_core.agent.waiting import Gathering, stopped, within
from ca_core.clock import Clock
from ca_core.errors import DeniedError, Error
from ca_core.telemetry.services import ServiceFigures
from ca_core.wire.registered import (
    RefusedService,
    Registered,
    RegisteredAnswer,
    RegisteredState,
    digest_of,
)

GATHERING = 0.05
"""Seconds in which changes gather, so that a burst is one request."""
AT_ONCE, PER_SECOND = 20.0, 1.0  # a service that changes all the time is told of once a second
OUTPUTS_WITHIN = 300.0
"""Seconds after which a change of outputs alone is told at the latest."""
REFUSED_AGAIN = 300.0
"""Seconds until services that a server refused are told again: rights may have changed."""
SPREAD = 1.0
"""Seconds in which the agents of a server tell everything that wants it of all of them."""
_CALM = 60.0
_TOKENS_USED = 3600.0
"""Seconds between two moments at which tokens of services count as used."""
_LIMIT = timedelta(seconds=30)
_SHOWN = 20
_TELLING = "telling of services"

log = logging.getLogger(__name__)


class Hearing(Protocol):
    """A server, as far as it is told of services."""

    async def in_sync(self, digest: str) -> bool:
        """Return False once what it stores of this agent is not what ``digest`` names.

        Raises:
            Error: any of the tree.
        """
        ...

    async def registered(self, state: RegisteredState) -> RegisteredAnswer:
        """Take over the whole state.

        Raises:
            Error: any of the tree.
        """
        ...


def _no_tokens(_accessors: Iterable[str]) -> None:
    """Keep none, where there are none."""


class Registering:
    """Tells what is registered at this agent. Used from one event loop.

    ``run`` tells, ``follow`` sees whether servers still hold it; both for ever.

    Statuses are told at once. A change of outputs alone waits: a check whose text changes with
    every run must not write to the store with every run.

    Args:
        services: what is registered.
        server: who is told.
        address: where this node is reached, as its services are.
        grant_for: gives what servers accept of a token; the agent vouches without one.
        keep_used: says that these tokens are in use, though nobody shows them.
    """

    def __init__(  # noqa: PLR0913 - what it is made of; most of it has a default
        self,
        services: Services,
        server: Hearing,
        clock: Clock,
        draw: Draw,
        *,
        address: str = "",
        grant_for: GrantFor = no_grant,
        keep_used: Callable[[Iterable[str]], None] = _no_tokens,
    ) -> None:
        self._services = services
        self._server = server
        self._clock = clock
        self._draw = draw
        self._address = address
        self._grant_for = grant_for
        self._keep_used = keep_used
        self._pace = Pace(clock, at_once=AT_ONCE, per_second=PER_SECOND)
        self._bell = Gathering()
        self._settled = Gathering()
        self._hurried = Gathering()
        self._told = self._current()
        self._digest = digest_of(self._told.state)
        self._wanted = False
        self._again = 0
        self._last = -math.inf
        self._outputs_due = self._refused_due = math.inf
        self._failures = self._times_told = self._times_failed = 0
        self.last_error = ""
        self.refused: tuple[RefusedService, ...] = ()
        services.subscribe(self._bell.wake)

    @property
    def digest(self) -> str:
        """Return the digest of what a server stored last; before, of what is registered."""
        return self._digest

    def rights_changed(self) -> None:
        """Tell again what was refused, since somebody may more, or less, than before."""
        if self.refused:
            self._tell_again()

    def hurry(self) -> None:
        """End a pause that began while no server answered."""
        self._hurried.wake()

    def figures(self) -> ServiceFigures:
        """Return what is registered and told, in figures."""
        state = self._services.state
        kinds = (
            (c.definition.type or "maintenance", c.status.value) for c in state.checks.values()
        )
        return ServiceFigures(
            services=len(state.services),
            refused=len(self.refused),
            checks=Counter(kinds),
            told=self._times_told,
            failed=self._times_failed,
        )

    def describe(self) -> dict[str, object]:
        """Return how it stands, in the shape of ``/v1/agent/self``; no secret is in it."""
        state = self._services.state
        return {
            "services": len(state.services),
            "checks": len(state.checks),
            "last_error": self.last_error,
            "refused": {one.id: one.reason for one in self.refused[:_SHOWN]},
        }

    async def run(self) -> None:
        """Tell what is not told yet, for ever; cancel to end."""
        while True:
            current = self._current()
            self._keep_used(self._accessors())
            if not self._is_due(current):
                await self._bell.changed(self._patience(), self._clock)
                await self._clock.sleep(GATHERING)
                continue
            await self._pace.turn()
            await self._hurried.changed(await self._tell(self._current()), self._clock)

    async def follow(self) -> None:
        """Tell everything again whenever a server stores something else; cancel to end."""
        failures = 0
        while True:
            digest = self._digest
            try:
                if await self._differs(digest) and digest == self._digest:
                    self._tell_again()
                    await self._settled.changed(_TOKENS_USED, self._clock)
                failures = 0
            except Error:  # told where the roots are followed
                failures += 1
                await self._hurried.changed(backoff(failures, self._draw()), self._clock)

    async def _differs(self, digest: str) -> bool:
        """Say whether a server stores something else; ends too when it was just told anew."""
        asked = asyncio.ensure_future(self._server.in_sync(digest))
        told = asyncio.ensure_future(self._settled.changed(_TOKENS_USED, self._clock))
        try:
            await asyncio.wait({asked, told}, return_when=asyncio.FIRST_COMPLETED)
            return asked.done() and not asked.result()
        finally:
            await stopped(asked, told)

    def _tell_again(self) -> None:
        self._wanted = True
        self._bell.wake()

    def _current(self) -> Told:
        return self._services.teller.told(self._services.state, self._address)

    def _accessors(self) -> frozenset[str]:
        registered = self._services.state.services.values()
        return frozenset(each.accessor for each in registered if each.accessor)

    def _is_due(self, current: Told) -> bool:
        if self._wanted or current.bare != self._told.bare:
            return True
        if current.state == self._told.state:
            self._outputs_due = math.inf
        elif self._outputs_due == math.inf:
            self._outputs_due = self._within(OUTPUTS_WITHIN)
        return self._clock.monotonic() >= self._due

    @property
    def _due(self) -> float:
        """Return when something is told that could wait."""
        return min(self._outputs_due, self._refused_due)

    def _within(self, seconds: float) -> float:
        """Return a moment in the second half of the next ``seconds``."""
        return self._clock.monotonic() + seconds * (1 + self._draw()) / 2

    def _patience(self) -> float:
        """Return how long nothing happens unless something changes."""
        return min(_TOKENS_USED, self._due - self._clock.monotonic())

    async def _tell(self, current: Told) -> float:
        """Tell everything; return how long to wait before the next time."""
        pause = self._pause()
        if pause:
            await self._clock.sleep(pause)
            current = self._current()
        self._wanted = False
        try:
            answer = await sound(self._answered(current.state), what=_TELLING)
        except Error as error:
            self._wanted = True
            return self._failed(error)
        self._told, self._digest, self._outputs_due = current, answer.digest, math.inf
        self._failures, self.last_error = 0, ""
        self._times_told += 1
        self._note(answer.refused)
        self._settled.wake()
        return 0.0

    def _pause(self) -> float:
        """Return how long a server that wants everything again waits for it.

        A moment, since it may want that of every agent; more if it was told a moment ago.
        """
        now = self._clock.monotonic()
        self._again = self._again + 1 if self._is_repeated(now) else 0
        self._last = now
        if self._again:
            return backoff(self._again, self._draw())
        return SPREAD * self._draw() if self._wanted and not self._failures else 0.0

    def _is_repeated(self, now: float) -> bool:
        return self._wanted and not self._failures and now - self._last < _CALM

    async def _answered(self, current: RegisteredState) -> RegisteredAnswer:
        services = tuple([await self._with_grant(one) for one in current.services])
        telling = self._server.registered(replace(current, services=services))
        return await within(telling, _LIMIT, self._clock, what=_TELLING)

    async def _with_grant(self, one: Registered) -> Registered:
        """Return an instance with the grant of the token that registered it, if that is good."""
        registered = self._services.state.services.get(one.service.id)
        accessor = registered.accessor if registered is not None else ""
        caller: Principal = Token(accessor) if accessor else Anonymous()
        try:
            return replace(one, grant=await self._grant_for(caller, one.service.service))
        except DeniedError:  # revoked: the service stays, and nobody's right is claimed for it
            return one

    def _failed(self, error: Error) -> float:
        if not self._failures:
            log.warning("servers do not know what is registered here: %s", error)
        self._failures, self.last_error = self._failures + 1, str(error)
        self._times_failed += 1
        asked = getattr(error, "retry_after", timedelta())
        return backoff(self._failures, self._draw(), at_least=asked)

    def _note(self, refused: tuple[RefusedService, ...]) -> None:
        """Remember what was refused; each is logged once."""
        known = set(self.refused)
        for one in refused:
            if one not in known:
                log.warning("a server refused service %s: %s", one.id, one.reason)
        self.refused = refused
        self._refused_due = self._within(REFUSED_AGAIN) if refused else math.inf
