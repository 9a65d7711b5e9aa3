"""An agent's start: what is wrong with its configuration comes before what is used once."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from ca_core.api.agentprocess import run_agent
from ca_core.config import load_config
from ca_core.errors import ConfigError


async def test_a_token_file_that_cannot_be_read_is_told_before_the_agent_joins(tmp_path):
    """A join token is used once; it must not go for a start that cannot succeed."""
    asked = []

    async def server(_reader, writer) -> None:
        asked.append(True)
        writer.close()

    async with AsyncExitStack() as stack:
        listener = await stack.enter_async_context(
            await asyncio.start_server(server, "127.0.0.1", 0)
        )
        port = listener.sockets[0].getsockname()[1]
        flags = {
            "agent.server": f"https://127.0.0.1:{port}",
            "agent.data_dir": str(tmp_path / "agent"),
            "agent.token_file": str(tmp_path / "none"),
        }
        config = load_config(None, environ={}, flags=flags)
        with pytest.raises(ConfigError, match=r"agent\.token_file: .*no such file"):
            await run_agent(config, join_token="a.b.c", announce=lambda _: None)
    assert asked == []
