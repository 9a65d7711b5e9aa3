"""Asking servers in turn before an agent has a leaf to ask with: joining and coming back."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from cryptography import x509

from ca_core.agent.identitystore import AgentIdentity
from ca_core.agent.joining import Draw, published, rejoined
from ca_core.agent.ownleaf import Published, Rejoin
from ca_core.errors import ConfigError, UnavailableError

AnswerT = TypeVar("AnswerT")

Servers = Callable[[], Sequence[str]]
"""Gives the URLs of the servers as they are configured now."""


async def first_of(
    servers: Sequence[str], ask: Callable[[str], Awaitable[AnswerT]], draw: Draw
) -> AnswerT:
    """Return what the first server says that does anything; it begins at one that is drawn.

    Raises:
        ConfigError: there is no server to ask.
        Error: what it refused for; why the first one could not be asked, if none could.
    """
    start = min(int(draw() * len(servers)), len(servers) - 1)
    told: UnavailableError | None = None
    for server in (*servers[start:], *servers[:start]):
        try:
            return await ask(server)
        except UnavailableError as error:  # nothing was done there
            told = told or error
    raise told or ConfigError("there is no server to ask", where="agent.server")


def rejoined_at(servers: Servers, draw: Draw) -> Rejoin:
    """Return how an agent comes back at whichever server answers."""

    async def rejoin(identity: AgentIdentity, now: datetime, fraction: float) -> AgentIdentity:
        def ask(url: str) -> Awaitable[AgentIdentity]:
            return rejoined(replace(identity, server=url), now, fraction)

        return await first_of(servers(), ask, draw)

    return rejoin


def published_at(servers: Servers, draw: Draw) -> Published:
    """Return how an agent learns what whichever server answers gives to strangers."""

    async def ask(identity: AgentIdentity) -> Sequence[x509.Certificate]:
        return await first_of(servers(), lambda url: published(replace(identity, server=url)), draw)

    return ask
