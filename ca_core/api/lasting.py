"""What lasts as long as a block: an agent that works, listeners that answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from ca_core.agent.agent import Agent
from ca_core.agent.grants import Grants
from ca_core.api.listeners import Listener
from ca_core.config.listen import Listen, UnixListen

HEARD_WITHIN = timedelta(seconds=2)
"""How long an agent that starts waits for what its server says of tokens."""


async def for_ever() -> None:
    """Wait until cancelled."""
    await asyncio.get_running_loop().create_future()


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
    """Answer at every address; ``mode`` is that of unix sockets."""
    listeners = [Listener(app, address, mode=mode) for address in addresses]
    try:
        for listener in listeners:
            await listener.start()
        yield listeners
    finally:
        for listener in listeners:
            listener.cut_waiting()
            await listener.close()
