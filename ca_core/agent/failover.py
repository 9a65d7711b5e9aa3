"""Asking one of several servers, and another one where that one does not do its work.

A server is passed over when it cannot be reached, breaks off, or cannot answer the question for
everything an agent follows. One that refuses, or that says that the CA's backend is away, does its
work. What may have happened is asked again only where that does no harm.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from ca_core.agent.joining import Draw
from ca_core.agent.links import Links
from ca_core.agent.outages import Outages
from ca_core.agent.serverchoice import (
    answered,
    failed,
    first_choice,
    moved_to,
    next_server,
    reconsidered,
)
from ca_core.agent.serverlink import ServerLink
from ca_core.agent.unreached import BrokenOffError, UnreachedError
from ca_core.agent.waiting import stopped
from ca_core.clock import Clock
from ca_core.config.serverurl import checked_url
from ca_core.errors import (
    ConfigError,
    DeniedError,
    Error,
    OutcomeUnknownError,
    RateLimitedError,
    RequestError,
    UnavailableError,
)

AnswerT = TypeVar("AnswerT")
Ask = Callable[[ServerLink], Awaitable[AnswerT]]


class Failover:
    """The servers of one agent. Used from one event loop.

    Args:
        servers: their URLs.
        links: lead there.
        draw: decides where agents begin, and where they go.

    Raises:
        ConfigError: a URL is not that of a server, or there is none.
    """

    def __init__(self, servers: Sequence[str], links: Links, clock: Clock, draw: Draw) -> None:
        self._servers = tuple(map(checked_url, servers))
        if not self._servers:
            raise ConfigError("there is no server to ask", where="agent.server")
        self._links = links
        self._clock = clock
        self._draw = draw
        self._choice = first_choice(len(self._servers), clock.monotonic(), draw())
        self._outages = Outages(self._servers, clock)
        self._following: dict[asyncio.Task[object], int] = {}
        self._questions = 0

    @property
    def current(self) -> str:
        """Return the URL of the server that is asked now."""
        return self._servers[self._choice.current]

    def describe(self) -> Mapping[str, object]:
        """Return which server is asked, and how often in a row each of them has failed."""
        now, standings = self._clock.monotonic(), self._choice.standings
        failures = [standing.counted(now) for standing in standings]
        counted = dict(zip(self._servers, failures, strict=True))
        return {"current": self.current, "failures": counted}

    @property
    def urls(self) -> Sequence[str]:
        """Return all of them, as they were configured."""
        return self._servers

    def end(self) -> None:
        """End the questions that wait: others are asked from now on."""
        self._questions += 1
        for task in tuple(self._following):
            task.cancel()

    async def asked(
        self, ask: Ask[AnswerT], *, repeatable: bool = True, timed: bool = False
    ) -> AnswerT:
        """Return the answer of a server; of another one if the first did nothing.

        Args:
            ask: asks over a link.
            repeatable: asking again does no harm, even if it was done.
            timed: answers come as fast as the server is.

        Raises:
            Error: why none of them answered; ``OutcomeUnknownError`` if one may have done what
                is not repeatable.
        """
        tried: list[int] = []
        told: Error | None = None
        while (server := self._untried(tried)) is not None:
            began = self._clock.monotonic()
            try:
                answer = await self._once(server, ask)
            except (OutcomeUnknownError, UnavailableError) as error:
                if isinstance(error, BrokenOffError | UnreachedError):
                    self._pass_over(server, error)
                if isinstance(error, OutcomeUnknownError) and not repeatable:
                    raise
                told = _more_telling(told, _unanswered(error))
                tried.append(server)
                continue
            except (RequestError, RateLimitedError):
                self._outages.answered(self._servers[server])
                raise
            took = self._clock.monotonic() - began
            self._choice = answered(self._choice, server, took if timed else None)
            self._outages.answered(self._servers[server])
            return answer
        raise told or UnavailableError("there is no server")

    async def followed(self, ask: Ask[AnswerT]) -> AnswerT:
        """Return the answer to a question that waits; it moves along to another server.

        A server that cannot answer it is passed over, whatever the reason. Only the newest question
        goes to another server.

        Raises:
            Error: why none of them answered.
        """
        self._questions += 1
        number, tried = self._questions, list[int]()
        told: Error | None = None
        self._links.identity()  # without one there is nobody to ask
        self._choice = reconsidered(self._choice, self._clock.monotonic(), self._draw())
        await self._links.keep_only(self.current)
        while (server := self._untried(tried)) is not None:
            try:
                answer = await self._while_chosen(server, ask)
            except (DeniedError, RateLimitedError):
                self._outages.answered(self._servers[server])
                raise
            except Error as error:
                self._pass_over(server, error)
                told = _more_telling(told, _unanswered(error))
                tried.append(server)
            else:
                if answer is not None:
                    self._settle(server)
                    return answer
            if number != self._questions:
                break
        raise told or UnavailableError("the agent asks another server meanwhile")

    def _untried(self, tried: Sequence[int]) -> int | None:
        if self._choice.current not in tried:
            return self._choice.current
        return next_server(self._choice, self._clock.monotonic(), self._draw(), tried)

    async def _once(self, server: int, ask: Ask[AnswerT]) -> AnswerT:
        """Ask; once more if it was refused while this agent's own leaf was replaced.

        From its first use on the newer key alone proves the agent, also to requests that were on
        their way under the older one.
        """
        url, identity = self._servers[server], self._links.identity()
        try:
            return await ask(await self._links.to(url, identity))
        except DeniedError:
            if self._links.identity() is identity:
                raise
        return await ask(await self._links.to(url, self._links.identity()))

    async def _while_chosen(self, server: int, ask: Ask[AnswerT]) -> AnswerT | None:
        """Return the answer; None once another server is the chosen one."""
        task = asyncio.ensure_future(self._once(server, ask))
        self._following[task] = server
        try:
            await asyncio.wait({task})
            return None if task.cancelled() else task.result()
        finally:
            del self._following[task]
            await stopped(task)

    def _pass_over(self, server: int, error: Error) -> None:
        """Ask another server from now on, if this was the chosen one and there is another."""
        self._choice = failed(self._choice, server, self._clock.monotonic(), self._draw())
        self._outages.failed(self._servers[server], error, self.current)
        self._let_go()

    def _settle(self, server: int) -> None:
        self._choice = answered(self._choice, server)
        self._outages.answered(self._servers[server], followed=True)
        if self._choice.current != server:
            now = self._clock.monotonic()
            self._choice = moved_to(self._choice, server, now, self._draw())
            self._let_go()

    def _let_go(self) -> None:
        """End the questions that wait at a server which is not the chosen one."""
        for task, server in tuple(self._following.items()):
            if server != self._choice.current:
                task.cancel()


def _unanswered(error: Error) -> Error:
    """Return what a failure means where asking again does no harm: there is just no answer."""
    if isinstance(error, BrokenOffError):
        return UnreachedError(str(error))
    if isinstance(error, OutcomeUnknownError):
        return UnavailableError(str(error), hint=error.hint)
    return error


def _more_telling(before: Error | None, error: Error) -> Error:
    """Return the error that says more: that of a server which could be reached."""
    is_bare = before is None or isinstance(before, UnreachedError)
    return error if is_bare or before is None else before
