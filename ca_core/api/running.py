"""Processes: the server, and server and agent in one for trying things.

Each ``run_…`` builds its object graph, announces itself once it works, and runs until it is
cancelled; then it stops cleanly.
"""

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace as replace_settings
from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace

from ca_core.acl.access import May
from ca_core.acl.replaceable import Replaceable
from ca_core.acl.resolving import TokenRules
from ca_core.acl.rights import DefaultPolicy
from ca_core.agent.agent import Agent
from ca_core.agent.grants import Grants
from ca_core.agent.services.services import Services
from ca_core.agent.watch import Watch
from ca_core.api.agentprocess import agent_room, live_parts
from ca_core.api.agentreload import AgentReload
from ca_core.api.app import bound, process_app
from ca_core.api.authorizesettings import agent_settings
from ca_core.api.hangup import hangups
from ca_core.api.lasting import for_ever, listening, running
from ca_core.api.localservices import local_services
from ca_core.api.localupstream import LocalUpstream
from ca_core.api.notify import notifier
from ca_core.api.routes import AGENT_ROUTES
from ca_core.api.server import OpenState, Server, Surroundings, memory_state
from ca_core.api.started import Announce, Load, Started, status_of, url_of
from ca_core.api.storedstate import stored_state
from ca_core.api.tlslisteners import TlsListeners
from ca_core.api.tokensettings import (
    default_token,
    dev_policy,
    dev_rules,
    intention_default,
    server_policy,
    server_rules,
)
from ca_core.authority.plugintrace import trace_wanted_by
from ca_core.authority.registry import Registry
from ca_core.authority.rows import current_signer, trust_domain
from ca_core.clock import SystemClock
from ca_core.config.listen import TcpListen, UnixListen, parse_listen
from ca_core.config.model import Config, RotationConfig
from ca_core.identity.certificates import fingerprint

SERVER_SOCKET = "server.sock"
HERE = "127.0.0.1"
"""Where services of ``dev`` are reached that do not say."""
READY_WITHIN = 5.0
"""Seconds after which a server announces itself although nothing signs yet, and says so."""

_RANDOM = random.SystemRandom()


async def run_dev(
    config: Config,
    *,
    listen: str,
    data_dir: Path | None,
    announce: Announce,
    load: Load | None = None,
) -> None:
    """Run server and agent in one process, on loopback; everybody may everything, unless said.

    Args:
        config: what holds; without a word about it, a new root has nobody to settle for here.
        listen: where both answer.
        data_dir: folder of the state; None keeps it in memory.
        announce: told once it answers.
        load: reads the configuration anew, for SIGHUP; None if nothing can be read.

    Raises:
        ConfigError: the state cannot be used, or the address is taken.
    """
    rules = Replaceable(dev_rules(config))
    around = _surroundings(config, rules, dev_policy(config.acl))
    if config.rotation.settle == RotationConfig().settle:
        config = replace(config, rotation=replace(config.rotation, settle=timedelta()))
    if data_dir is not None:
        config = replace(config, server=replace(config.server, data_dir=data_dir))
    token = await asyncio.to_thread(default_token, config.agent.token_file)
    services = await asyncio.to_thread(
        local_services, config, config.agent.node, around.clock, data_dir
    )
    state = await asyncio.to_thread(_state, config, data_dir)
    systemd = notifier(os.environ, around.clock)
    async with _server(config, state, around) as server:
        server.start(address=listen)
        await _ready_or_late(server)
        local = LocalUpstream(server.room, config.agent.node)
        upstream = Watch(local, around.clock, _RANDOM.random)
        grants = Grants(upstream, around.clock, _RANDOM.random, token)
        may = TokenRules(grants, rules)
        agent = _own_agent(config, upstream, grants, may, services)
        room = agent_room(agent, may, config, server.metrics)
        app = process_app(
            (*server.routes(), *bound(AGENT_ROUTES, room)),
            server.about(),
            lambda: trust_domain(server.store.snapshot),
            around.clock,
            grants,
        )
        reload = AgentReload(config, live_parts(agent, grants, rules, dev_rules))
        async with (
            systemd.alive(),
            running(agent, grants),
            hangups([server.file, reload], load, systemd),
            listening(app, [parse_listen(listen)]) as listeners,
        ):
            announce(started := _started(server, url_of(listeners[0].address)))
            systemd.ready(status_of(started))
            await for_ever(around.ending.begin, systemd.stopping)


def _own_agent(
    config: Config, upstream: Watch, grants: Grants, may: May, services: Services
) -> Agent:
    """Return the agent beside the server, whose services are reached on this machine."""
    settings = agent_settings(config, config.datacenter, config.agent.node)
    return Agent(
        upstream,
        SystemClock(),
        replace_settings(settings, address=settings.address or HERE),
        may=may,
        draw=_RANDOM.random,
        grants=grants,
        services=services,
    )


async def run_server(config: Config, *, announce: Announce, load: Load | None = None) -> None:
    """Run the server: its API over TLS for agents, over a unix socket for operators.

    Args:
        config: what holds.
        announce: told once it answers.
        load: reads the configuration anew, for SIGHUP; None if nothing can be read.

    Raises:
        ConfigError: the state cannot be used, or an address is taken.
    """
    around = _surroundings(config, server_rules(config.acl), server_policy(config.acl))
    data_dir = config.server.data_dir
    state = await asyncio.to_thread(_state, config, data_dir)
    addresses = [parse_listen(text, where="server.listen") for text in config.server.listen]
    systemd = notifier(os.environ, around.clock)
    async with (
        _server(config, state, around) as server,
        hangups([server.file], load, systemd),
    ):
        app = server.app()
        local = [a for a in addresses if isinstance(a, UnixListen)]
        local.append(UnixListen(data_dir / SERVER_SOCKET))
        remote = TlsListeners(app, [a for a in addresses if isinstance(a, TcpListen)])
        async with systemd.alive(), listening(app, local), contextlib.aclosing(remote):
            server.start(remote.install, address=str(remote))
            await _ready_or_late(server, remote.up)
            url = f"https://{remote}" if remote.addresses else str(local[-1])
            announce(started := _started(server, url))
            systemd.ready(status_of(started))
            await for_ever(around.ending.begin, systemd.stopping)


def _surroundings(config: Config, may: May, policy: DefaultPolicy) -> Surroundings:
    return Surroundings(
        clock=SystemClock(),
        may=may,
        registry=Registry(trace=trace_wanted_by(os.environ)),
        random=_RANDOM,
        environment=os.environ,
        default=intention_default(config.acl, policy),
        policy=policy,
    )


def _state(config: Config, data_dir: Path | None) -> OpenState:
    if data_dir is None:
        return memory_state()
    return stored_state(config.server, data_dir, os.environ)


def _started(server: Server, url: str) -> Started:
    current = current_signer(server.store.snapshot)
    return Started(
        url=url,
        trust_domain=server.manager.trust_domain.name,
        root_fingerprint=fingerprint(current[0].anchor_certificate) if current else "",
        why_not_ready=server.manager.why_not_ready(),
    )


async def _ready_or_late(server: Server, *more: Callable[[], Awaitable[None]]) -> None:
    """Return when leaves can be signed, or after a while: a slow CA must not hide the server."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READY_WITHIN):
            await server.ready()
            for ready in more:
                await ready()


@contextlib.asynccontextmanager
async def _server(config: Config, state: OpenState, around: Surroundings) -> AsyncIterator[Server]:
    try:
        server = await asyncio.to_thread(Server, config, state, around)
    except BaseException:
        await asyncio.to_thread(state.store.close)
        raise
    try:
        yield server
    finally:
        await server.close()
