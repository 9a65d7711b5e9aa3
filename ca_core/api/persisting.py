"""Leaves that an agent keeps over a restart, if its configuration says so."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from functools import partial

from ca_core.agent.agent import Agent
from ca_core.agent.identitystore import AgentIdentity
from ca_core.agent.joining import Draw
from ca_core.agent.leaffile import LeafFile
from ca_core.agent.leafkeeping import LeafKeeping
from ca_core.agent.supervision import supervised
from ca_core.agent.waiting import stopped
from ca_core.clock import Clock
from ca_core.config.model import AgentConfig
from ca_core.errors import Error
from ca_core.state.kek import KeyRing, key_file, keys_from_command, open_key_file

_log = logging.getLogger("ca_core.api")


def persist_keys(config: AgentConfig) -> KeyRing:
    """Return the keys that kept leaves are encrypted by: command, else file, made at first. Blocks.

    Raises:
        ConfigError: what is there cannot be used; says what to do.
        UnavailableError: the command took too long.
    """
    if config.persist_key_command:
        return keys_from_command(config.persist_key_command)
    return open_key_file(config.persist_key_file or key_file(config.data_dir), ())


@contextlib.asynccontextmanager
async def persisting(
    config: AgentConfig, agent: Agent, identity: AgentIdentity, clock: Clock, draw: Draw
) -> AsyncIterator[None]:
    """Give an agent its leaves before it starts, and keep them as long as it lasts.

    An agent whose keys are not to be had works without: leaves matter more than keeping them. What
    is kept stays as it is then.

    Raises:
        ConfigError: a file that does not open cannot be set aside.
    """
    if not config.persist:
        yield
        return
    try:
        keys = await asyncio.to_thread(persist_keys, config)
    except Error as error:
        _log.error("no leaf is kept over a restart: %s", error)
        agent.facts["persist"] = partial(_without, str(error))
        yield
        return
    file = LeafFile(config.data_dir, str(identity.id), keys)
    keeping = LeafKeeping(file, agent.leaves, agent.roots, clock, draw)
    agent.facts["persist"] = keeping.describe
    await keeping.restore(identity.anchors)
    task = asyncio.create_task(supervised("kept leaves", keeping.run, clock), name="kept leaves")
    try:
        yield
    finally:
        await stopped(task)
        await keeping.write()


def _without(error: str) -> Mapping[str, object]:
    return {"file": "", "restored": 0, "written_at": "", "last_error": error}
