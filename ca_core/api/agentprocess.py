"""The agent as a process: joined, reading its configuration anew, stopping in order."""

import asyncio
import logging
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ca_core.acl.access import May
from ca_core.acl.replaceable import Replaceable
from ca_core.acl.resolving import TokenRules
from ca_core.agent.agent import Agent
from ca_core.agent.agentsettings import AgentSettings
from ca_core.agent.grants import Grants
from ca_core.agent.identitystore import AgentIdentity, IdentityStore
from ca_core.agent.inturn import first_of, published_at, rejoined_at
from ca_core.agent.joining import join
from ca_core.agent.leaffigures import figures_of
from ca_core.agent.ownleaf import OwnLeaf
from ca_core.agent.remote import RemoteUpstream
from ca_core.agent.services.services import Services
from ca_core.agent.watch import Watch
from ca_core.api.agentreload import AgentReload, Live
from ca_core.api.app import bound, process_app
from ca_core.api.authorizesettings import agent_settings, told_decisions
from ca_core.api.ending import Ending
from ca_core.api.hangup import hangups
from ca_core.api.lane import Lane
from ca_core.api.lasting import for_ever, listening, running
from ca_core.api.localservices import configured_services, local_services, outward_address
from ca_core.api.notify import notifier
from ca_core.api.persisting import persisting
from ca_core.api.rooms import AgentRoom, ProcessRoom
from ca_core.api.routes import AGENT_ROUTES
from ca_core.api.started import Announce, Load, Started, status_of, url_of
from ca_core.api.tokensettings import agent_rules, default_token
from ca_core.clock import Clock, SystemClock
from ca_core.config.listen import Listen, UnixListen, parse_listen
from ca_core.config.model import Config
from ca_core.errors import ConfigError
from ca_core.identity.certificates import fingerprint
from ca_core.telemetry.leaves import LeafCollector
from ca_core.telemetry.metrics import Metrics
from ca_core.telemetry.services import ServiceCollector

AGENT_SOCKET = "agent.sock"

_RANDOM = random.SystemRandom()


async def run_agent(
    config: Config, *, join_token: str | None, announce: Announce, load: Load | None = None
) -> None:
    """Run the agent: join at the first start, then answer local programs from memory.

    Args:
        config: what holds.
        join_token: for the first start.
        announce: told once it answers.
        load: reads the configuration anew, for SIGHUP; None if nothing can be read.

    Raises:
        ConfigError: there is no identity and no token, or an address is taken.
        DeniedError: the token is used up, expired, or for another node.
        Error: no server answers while the agent has no identity yet.
    """
    clock, rules = SystemClock(), Replaceable(agent_rules(config))
    store = IdentityStore(config.agent.data_dir)
    token = await asyncio.to_thread(default_token, config.agent.token_file)
    await _joined(config, store, join_token)  # after all that may be wrong here: it uses a token
    found = await asyncio.to_thread(_found, config, store, clock, token)
    parts = _assembled(found, config.agent.servers, store, rules, clock)
    live = live_parts(parts.agent, parts.grants, rules, agent_rules)
    reload = AgentReload(config, (*live, _servers_of(parts.remote), LOG_LEVEL))
    parts.agent.facts["configuration"] = reload.describe
    ending, systemd = Ending(), notifier(os.environ, clock)
    app, identity = _app(config, parts, ending, clock), store.current
    async with (
        systemd.alive(),
        persisting(config.agent, parts.agent, identity, clock, _RANDOM.random),
        running(parts.agent, parts.grants),
        hangups([reload], load, systemd),
        listening(app, _addresses(config), mode=0o666) as listeners,
    ):
        started = Started(
            url=url_of(listeners[0].address),
            trust_domain=identity.id.trust_domain.name,
            root_fingerprint=fingerprint(identity.anchors[0]),
        )
        announce(started)
        systemd.ready(status_of(started))
        await for_ever(ending.begin, systemd.stopping)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What an agent's process is made of."""

    agent: Agent
    grants: Grants
    may: May
    own: OwnLeaf
    remote: RemoteUpstream


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What an agent finds on its host before it starts; ``token`` is a secret."""

    token: str = field(repr=False)
    settings: AgentSettings
    services: Services


def _found(config: Config, store: IdentityStore, clock: Clock, token: str) -> _Found:
    """Return what the configuration names and the data folder holds. Blocks.

    Without a word of the address of services here, it is the one by which servers see this host.
    """
    agent, identity = config.agent, store.current
    settings = agent_settings(config, identity.id.datacenter, identity.id.node)
    address = settings.address or outward_address(agent.servers[0])
    return _Found(
        token=token,
        settings=replace(settings, address=address),
        services=local_services(config, identity.id.node, clock, agent.data_dir),
    )


def _assembled(
    found: _Found, servers: Sequence[str], store: IdentityStore, rules: May, clock: Clock
) -> _Parts:
    draw = _RANDOM.random
    remote = RemoteUpstream(servers, store, clock, draw)
    upstream = Watch(remote, clock, draw)
    own = OwnLeaf(
        store,
        upstream,
        clock,
        draw,
        rejoin=rejoined_at(lambda: remote.urls, draw),
        ask=published_at(lambda: remote.urls, draw),
    )
    grants = Grants(upstream, clock, draw, found.token)
    may = TokenRules(grants, rules)
    agent = Agent(
        upstream,
        clock,
        found.settings,
        may=may,
        own=own,
        draw=draw,
        grants=grants,
        services=found.services,
    )
    agent.facts["servers"] = remote.describe
    return _Parts(agent=agent, grants=grants, may=may, own=own, remote=remote)


def _app(config: Config, parts: _Parts, ending: Ending, clock: Clock) -> Lane:
    metrics, own = Metrics(), parts.own

    def own_end() -> float:
        return own.identity.not_after.timestamp()

    metrics.show_expiry("own_leaf", "this agent's own leaf", own_end)
    about = ProcessRoom(
        metrics=metrics,
        may=parts.may,
        why_not_ready=lambda: ending.said or _gap(parts.agent),
        server=lambda: parts.remote.server_url,
    )
    routes = bound(AGENT_ROUTES, agent_room(parts.agent, parts.may, config, metrics))
    domain = own.identity.id.trust_domain
    return process_app(routes, about, lambda: domain, clock, parts.grants)


def agent_room(agent: Agent, may: May, config: Config, metrics: Metrics) -> AgentRoom:
    """Return the agent's room, its decisions logged and counted as the configuration says."""
    clock = SystemClock()
    decisions = told_decisions(config, metrics, clock, _RANDOM.random, agent.reports)
    metrics.show_caches(agent.inventory.figures)
    metrics.registry.register(ServiceCollector(agent.registering.figures))
    metrics.registry.register(LeafCollector(partial(figures_of, agent.leaves, clock)))
    return AgentRoom(agent=agent, may=may, clock=clock, random=_RANDOM, decisions=decisions)


def live_parts(
    agent: Agent, grants: Grants, rules: Replaceable, rules_of: Callable[[Config], May]
) -> tuple[Live, ...]:
    """Return what a running agent takes over from a changed configuration.

    ``rules_of`` gives what holds without tokens.
    """

    def workloads(found: May) -> None:
        rules.replace(found)
        agent.leaves.review()
        agent.views.review()
        agent.services.changed.wake()

    def configured(config: Config) -> Callable[[], None]:
        wanted = configured_services(config, agent.services.state, agent.node)
        return partial(agent.services.replace_configured, wanted)

    return (
        Live("agent.workloads", lambda c: partial(workloads, rules_of(c))),
        Live(
            "agent.token_file",
            lambda c: partial(grants.replace_default, default_token(c.agent.token_file)),
        ),
        Live("services", configured),
        Live(
            "agent.max_staleness",
            lambda c: partial(agent.intentions.decide_up_to, c.agent.max_staleness),
        ),
        Live("agent.cache_bytes", lambda c: partial(agent.inventory.resize, c.agent.cache_bytes)),
    )


def _servers_of(remote: RemoteUpstream) -> Live:
    def prepared(config: Config) -> Callable[[], None]:
        if not config.agent.servers:
            raise ConfigError("no server to ask", where="agent.server")
        return partial(remote.replace_servers, config.agent.servers)

    return Live("agent.server", prepared)


def _log_from(level: str) -> None:
    logging.getLogger().setLevel(level.upper())


LOG_LEVEL = Live("log.level", lambda c: partial(_log_from, c.log.level))
"""For a process that is an agent alone; the logs of ``dev`` are quieter than the file says."""


def _addresses(config: Config) -> list[Listen]:
    addresses = [parse_listen(text, where="agent.listen") for text in config.agent.listen]
    return [*addresses, UnixListen(config.agent.data_dir / AGENT_SOCKET)]


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
    token, node = join_token, config.agent.node
    clock, draw = SystemClock(), _RANDOM.random

    def ask(url: str) -> Awaitable[AgentIdentity]:
        return join(url, token, node, store, clock, draw)

    await first_of(config.agent.servers, ask, draw)


def _gap(agent: Agent) -> str:
    return "" if agent.roots.latest is not None else "no server has answered yet"
