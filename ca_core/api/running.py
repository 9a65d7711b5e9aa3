"""Processes: the server, the agent, and both in one for trying things.

Each ``run_…`` builds its object graph, announces itself once it works, and runs until it is
cancelled; then it stops cleanly.
"""

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace

from ca_core.acl.access import May
from ca_core.acl.resolving import TokenRules
from ca_core.acl.rights import DefaultPolicy
from ca_core.agent.agent import Agent
from ca_core.agent.grants import Grants
from ca_core.agent.identitystore import IdentityStore
from ca_core.agent.joining import join
from ca_core.agent.ownleaf import OwnLeaf
from ca_core.agent.remote import RemoteUpstream
from ca_core.agent.watch import Watch
from ca_core.api.app import bound, process_app
from ca_core.api.authorizesettings import agent_settings, told_decisions
from ca_core.api.ending import Ending
from ca_core.api.hangup import hangups
from ca_core.api.lasting import for_ever, listening, running
from ca_core.api.localupstream import LocalUpstream
from ca_core.api.notify import notifier
from ca_core.api.rooms import AgentRoom, ProcessRoom
from ca_core.api.routes import AGENT_ROUTES
from ca_core.api.server import OpenState, Server, Surroundings, memory_state
from ca_core.api.storedstate import stored_state
from ca_core.api.tlslisteners import TlsListeners
from ca_core.api.tokensettings import (
    agent_rules,
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
from ca_core.config.listen import Listen, TcpListen, UnixListen, parse_listen
from ca_core.config.model import Config, RotationConfig
from ca_core.errors import ConfigError
from ca_core.identity.certificates import fingerprint
from ca_core.telemetry.metrics import Metrics

SERVER_SOCKET = "server.sock"
AGENT_SOCKET = "agent.sock"
READY_WITHIN = 5.0
"""Seconds after which a server announces itself although nothing signs yet, and says so."""

_RANDOM = random.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A process that answers: where, and whom it trusts.

    ``root_fingerprint`` is the SHA-256 of the signing root, 64 hex digits; empty before there is
    one. ``why_not_ready`` says in one sentence why it cannot do its work yet; empty if it can.
    """

    url: str
    trust_domain: str
    root_fingerprint: str
    why_not_ready: str = ""


Announce = Callable[[Started], None]
Load = Callable[[], Config]


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
    around = _surroundings(config, dev_rules(config), dev_policy(config.acl))
    if config.rotation.settle == RotationConfig().settle:
        config = replace(config, rotation=replace(config.rotation, settle=timedelta()))
    if data_dir is not None:
        config = replace(config, server=replace(config.server, data_dir=data_dir))
    token = await asyncio.to_thread(default_token, config.agent.token_file)
    state = await asyncio.to_thread(_state, config, data_dir)
    async with _server(config, state, around) as server, hangups(server.file, load):
        server.start(address=listen)
        await _ready_or_late(server)
        local = LocalUpstream(server.room, config.agent.node)
        upstream = Watch(local, around.clock, _RANDOM.random)
        grants = Grants(upstream, around.clock, _RANDOM.random, token)
        may = TokenRules(grants, around.may)
        settings = agent_settings(config, config.datacenter, config.agent.node)
        agent = Agent(upstream, around.clock, settings, may=may, draw=_RANDOM.random, grants=grants)
        room = _agent_room(agent, may, config, server.metrics)
        agent_routes = bound(AGENT_ROUTES, room)
        app = process_app(
            (*server.routes(), *agent_routes),
            server.about(),
            lambda: trust_domain(server.store.snapshot),
            around.clock,
            grants,
        )
        systemd = notifier(os.environ, around.clock)
        async with (
            systemd.alive(),
            running(agent, grants),
            listening(app, [parse_listen(listen)]) as listeners,
        ):
            announce(started := _started(server, _url(listeners[0].address)))
            systemd.ready(_status(started))
            await for_ever(around.ending.begin, systemd.stopping)


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
    async with _server(config, state, around) as server, hangups(server.file, load):
        app = server.app()
        local = [a for a in addresses if isinstance(a, UnixListen)]
        local.append(UnixListen(data_dir / SERVER_SOCKET))
        remote = TlsListeners(app, [a for a in addresses if isinstance(a, TcpListen)])
        systemd = notifier(os.environ, around.clock)
        async with systemd.alive(), listening(app, local), contextlib.aclosing(remote):
            server.start(remote.install, address=str(remote))
            await _ready_or_late(server, remote.up)
            url = f"https://{remote}" if remote.addresses else str(local[-1])
            announce(started := _started(server, url))
            systemd.ready(_status(started))
            await for_ever(around.ending.begin, systemd.stopping)


async def run_agent(config: Config, *, join_token: str | None, announce: Announce) -> None:
    """Run the agent: join at the first start, then answer local programs from memory.

    Raises:
        ConfigError: there is no identity and no token, or an address is taken.
        DeniedError: the token is used up, expired, or for another node.
        Error: no server answers while the agent has no identity yet.
    """
    clock = SystemClock()
    local = agent_rules(config)
    token = await asyncio.to_thread(default_token, config.agent.token_file)
    store = IdentityStore(config.agent.data_dir)
    await _joined(config, store, join_token)
    identity = store.current
    settings = agent_settings(config, identity.id.datacenter, identity.id.node)
    remote = RemoteUpstream(config.agent.servers[0], store, clock)
    upstream = Watch(remote, clock, _RANDOM.random)
    own = OwnLeaf(store, upstream, clock, _RANDOM.random)
    grants = Grants(upstream, clock, _RANDOM.random, token)
    may = TokenRules(grants, local)
    agent = Agent(upstream, clock, settings, may=may, own=own, draw=_RANDOM.random, grants=grants)
    metrics = Metrics()
    room = _agent_room(agent, may, config, metrics)

    def own_end() -> float:
        return own.identity.not_after.timestamp()

    metrics.show_expiry("own_leaf", "this agent's own leaf", own_end)
    ending, systemd = Ending(), notifier(os.environ, clock)
    about = ProcessRoom(
        metrics=metrics, may=may, why_not_ready=lambda: ending.said or _agent_gap(agent)
    )
    routes = bound(AGENT_ROUTES, room)
    app = process_app(routes, about, lambda: identity.id.trust_domain, clock, grants)
    addresses = [parse_listen(text, where="agent.listen") for text in config.agent.listen]
    addresses.append(UnixListen(config.agent.data_dir / AGENT_SOCKET))
    async with (
        systemd.alive(),
        running(agent, grants),
        listening(app, addresses, mode=0o666) as listeners,
    ):
        started = Started(
            url=_url(listeners[0].address),
            trust_domain=identity.id.trust_domain.name,
            root_fingerprint=fingerprint(identity.anchors[0]),
        )
        announce(started)
        systemd.ready(_status(started))
        await for_ever(ending.begin, systemd.stopping)


def _agent_room(agent: Agent, may: May, config: Config, metrics: Metrics) -> AgentRoom:
    clock = SystemClock()
    decisions = told_decisions(config, metrics, clock, _RANDOM.random, agent.reports)
    return AgentRoom(agent=agent, may=may, clock=clock, random=_RANDOM, decisions=decisions)


async def _joined(config: Config, store: IdentityStore, join_token: str | None) -> None:
    """Return once the agent has an identity, joining with the token if it has none."""
    if store.joined is not None:
        return
    if join_token is None:
        raise ConfigError(
            "this agent has not joined a cluster and has no join token",
            where="agent.join_token_file",
            hint="on the server: `ca-core token join --node NAME`; here: --join-token-file FILE",
        )
    await join(
        config.agent.servers[0], join_token, config.agent.node, store, SystemClock(), _RANDOM.random
    )


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


def _agent_gap(agent: Agent) -> str:
    return "" if agent.roots.latest is not None else "no server has answered yet"


def _started(server: Server, url: str) -> Started:
    current = current_signer(server.store.snapshot)
    return Started(
        url=url,
        trust_domain=server.manager.trust_domain.name,
        root_fingerprint=fingerprint(current[0].anchor_certificate) if current else "",
        why_not_ready=server.manager.why_not_ready(),
    )


def _status(started: Started) -> str:
    """Return one line for ``systemctl status``."""
    gap = started.why_not_ready
    return f"{started.url} for {started.trust_domain}" + (f"; not ready: {gap}" if gap else "")


def _url(address: Listen) -> str:
    return f"http://{address}" if isinstance(address, TcpListen) else str(address)


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
