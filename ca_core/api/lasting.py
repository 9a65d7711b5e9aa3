"""What lasts as long as a block: an agent that works, listeners that answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

from ca_core.agent.agent import Agent
from ca_core.agent.grants import Grants
from ca_core.api.listeners import Listener, close_all
from ca_core.config.listen import Listen, UnixListen

HEARD_WITHIN = timedelta(seconds=2)
"""How long an agent that starts waits for what its server says of tokens."""


async def for_ever(*ending: Callable[[], object]) -> None:
    """Wait until cancelled, and then call each of ``ending`` before anything is closed."""
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        for call in ending:
            call()


@contextlib.asynccontextmanager
async def running(agent: Agent, grants: Grants) -> AsyncIterator[None]:
    """Let an agent work; it has heard of tokens, or failed to, when this begins."""
    await agent.start()
    try:
        await grants.heard(HEARD_WITHIN)  # before it, callers without a token have nothing
        yield
    finally:
        await agent.close()


@contextlib.asynccontextmanager
async def listening(
    app: Any, addresses: list[Listen] | list[UnixListen], *, mode: int = 0o600
) -> AsyncIterator[list[Listener]]:
    """Answer at every address; ``mode`` is that of unix sockets.

    In the end nobody is accepted any more, blocked queries are answered at once, and requests under
    way are finished, everywhere at the same time.
    """
    listeners = [Listener(app, address, mode=mode) for address in addresses]
    try:
        for listener in listeners:
            await listener.start()
        yield listeners
    finally:
        await close_all(listeners)
