"""One server as an object: state, CA, membership, API. Two of them fit in one process."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random

from ca_core.acl.access import May
from ca_core.acl.resolving import Resolver, TokenRules
from ca_core.acl.rights import DefaultPolicy
from ca_core.agent.supervision import supervised
from ca_core.api.acl_sweeping import sweep
from ca_core.api.app import bound, process_app
from ca_core.api.bystanders import bystanders_of
from ca_core.api.casettings import settings_from
from ca_core.api.cataloguing import Cataloguing
from ca_core.api.configfile import ConfigurationFile
from ca_core.api.ending import Ending
from ca_core.api.granting import NAMESPACE, Granting
from ca_core.api.keysets import KeySets
from ca_core.api.keysource import KeySource, ephemeral_keys
from ca_core.api.lane import BoundRoute, Lane
from ca_core.api.livenesskeeping import LivenessKeeping
from ca_core.api.membership import Membership
from ca_core.api.questions import asking_allowances
from ca_core.api.requesttokens import StoredTokens
from ca_core.api.rooms import ProcessRoom, ServerRoom
from ca_core.api.routes import SERVER_ROUTES
from ca_core.api.serverleaf import Install, ServerLeaf
from ca_core.api.servermetrics import (
    counters_of,
    show_catalog,
    show_credential,
    show_expiries,
    show_lifecycle,
    show_tokens,
)
from ca_core.api.wishes import default_wishes
from ca_core.authority.cluster import ensure_cluster
from ca_core.authority.demand import demand_of
from ca_core.authority.leadership import LeaseKeeper
from ca_core.authority.manager import CAManager
from ca_core.authority.opening import Opener
from ca_core.authority.registry import Registry
from ca_core.authority.rows import trust_domain
from ca_core.catalog.liveness import heard_elsewhere
from ca_core.clock import Clock
from ca_core.config.model import Config
from ca_core.contract.events import EventType
from ca_core.identity.spiffe import TrustDomain
from ca_core.intentions.decision import Default
from ca_core.intentions.following import Following
from ca_core.intentions.index import DENIED
from ca_core.lifecycle.lifecycle import Lifecycle
from ca_core.lifecycle.policy import RotationPolicy
from ca_core.lifecycle.reachability import Reachability
from ca_core.lifecycle.rows import Wishes
from ca_core.lifecycle.tools import Tools
from ca_core.state.lease import Lease
from ca_core.state.memory import MemoryEngine
from ca_core.state.secrets import EncryptedSecrets
from ca_core.state.store import Store
from ca_core.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a server takes from the world, so that tests can give another one.

    Attributes:
        may: what holds without tokens.
        policy: what holds where no rule of a token decides.
        default: what holds where no intention matches.
        ending: says when this process begins to stop.
    """

    clock: Clock
    may: May
    registry: Registry
    random: Random
    environment: Mapping[str, str]
    default: Default = DENIED
    policy: DefaultPolicy = DefaultPolicy.DENY
    ending: Ending = field(default_factory=Ending)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenState:
    """The state of a server: its store, its keys, and the name under which it left marks there."""

    store: Store
    keys: KeySource
    name: str


def memory_state() -> OpenState:
    """Return state that dies with the process."""
    return OpenState(
        store=Store(MemoryEngine()), keys=ephemeral_keys(), name=f"memory-{uuid.uuid4().hex[:12]}"
    )


def _admitting(registry: Registry, config: Config) -> Registry:
    """Return a registry that imports only providers with the passport that is demanded."""
    demand = demand_of(config)
    return registry if demand is None else registry.demanding(demand.admit)


class Server:
    """A server that has read its state; ``start`` makes it work, ``close`` ends it.

    The constructor blocks (it reads and writes the store): call it before the loop serves, or in a
    thread. It owns ``state``.

    Raises:
        ConfigError: the configuration does not fit the state, the provider is unknown, or an
            enabled plugin cannot be loaded.
    """

    def __init__(self, config: Config, state: OpenState, around: Surroundings) -> None:
        self._state = state
        self._around = around
        self._address = ""
        self.metrics = Metrics()
        store, clock = state.store, around.clock
        domain = config.server.trust_domain
        ensure_cluster(
            store,
            clock,
            datacenter=config.datacenter,
            domain=TrustDomain(domain) if domain else None,
        )
        self._bystanders = bystanders_of(config.plugins, around.registry, clock, self.metrics)
        opener = Opener(
            store=store,
            keyring=state.keys,
            registry=_admitting(around.registry, config),
            clock=clock,
            counters=counters_of(self.metrics),
            bystanders=self._bystanders,
        )
        self.manager = CAManager(opener, run=state.name)
        self.manager.prepare(settings_from(config.ca))
        wishes = default_wishes(config.rotation)
        policy = RotationPolicy(wishes=wishes, automatic=config.rotation.automatic)
        self.reachability = Reachability(clock)
        self.intentions = Following(store, around.default)
        self.catalog = Cataloguing.of(store, clock, state.name)
        chain_of = Resolver(lambda: store.snapshot, clock, around.policy)
        self.may: May = TokenRules(chain_of, around.may)
        self.lifecycle = self._lifecycle(opener, policy)
        self.file = ConfigurationFile(lambda: config, self.lifecycle.changes, opener, wishes)
        self.keeper = LeaseKeeper(Lease(store, clock, state.name), clock)
        leads, reap_after = lambda: self.keeper.leads, config.server.reap_after
        self._liveness = LivenessKeeping(store, self.catalog, clock, leads, reap_after)
        advertise = config.server.advertise
        self._leaf = ServerLeaf(self.manager, store, clock, around.random, advertise)
        self._show()
        self._tasks: list[asyncio.Task[None]] = []
        self.room = self._room(wishes)

    def _show(self) -> None:
        """Put into metrics what this server knows of itself."""
        show_expiries(self.metrics, self.store, self._leaf)
        show_lifecycle(self.metrics, self.lifecycle)
        show_credential(self.metrics, self.manager, self._around.clock)
        show_tokens(self.metrics, self.store)
        show_catalog(self.metrics, self.catalog)

    def _reachable(self) -> frozenset[str]:
        """Return the nodes whose agents call, here or at another server."""
        elsewhere = heard_elsewhere(self.store.snapshot, self._state.name)
        return self.reachability.nodes() | elsewhere

    def _lifecycle(self, opener: Opener, policy: RotationPolicy) -> Lifecycle:
        tools = Tools(
            store=self.store,
            clock=self._around.clock,
            slots=self.manager.slots,
            opener=opener,
            record=self.manager.record,
            reachable=self._reachable,
            events=self._bystanders.events,
            on_ended=lambda kind, how: self.metrics.operations.labels(kind, how).inc(),
        )
        return Lifecycle(tools, policy)

    def _room(self, wishes: Wishes) -> ServerRoom:
        store, clock = self.store, self._around.clock
        return ServerRoom(
            store=store,
            manager=self.manager,
            membership=Membership(store, clock),
            lifecycle=self.lifecycle,
            intentions=self.intentions,
            reachability=self.reachability,
            granting=self._granting(),
            catalog=self.catalog,
            clock=clock,
            may=self.may,
            random=self._around.random,
            wishes=wishes,
            drift=self.file.drift,
            keysets=KeySets(clock),
            asking=asking_allowances(clock),
            events=self._bystanders.events,
            leader=lambda: self._address if self.keeper.leads else "",
            rekey=lambda: self._state.keys.rekey(store),
        )

    def _granting(self) -> Granting:
        store, around = self.store, self._around
        kept = EncryptedSecrets(store, self._state.keys, NAMESPACE)
        return Granting(lambda: store.snapshot, kept, around.clock, around.policy)

    @property
    def store(self) -> Store:
        """Return the store."""
        return self._state.store

    def routes(self) -> tuple[BoundRoute, ...]:
        """Return the server's routes, bound to it."""
        return bound(SERVER_ROUTES, self.room)

    def app(self) -> Lane:
        """Return the application of a process that is a server alone."""
        domain = lambda: trust_domain(self.store.snapshot)  # noqa: E731 - read anew each time
        clock = self._around.clock
        tokens = StoredTokens(lambda: self.store.snapshot, clock)
        return process_app(self.routes(), self.about(), domain, clock, tokens)

    def about(self) -> ProcessRoom:
        """Return what this process tells about itself."""
        return ProcessRoom(
            metrics=self.metrics,
            may=self.may,
            why_not_ready=lambda: self._around.ending.said or self.manager.why_not_ready(),
            before_scrape=self.manager.pulse.taken,
            remark=self.manager.pulse.remark,
        )

    def start(self, install: Install | None = None, address: str = "") -> None:
        """Begin: lease, provider, first authority; with ``install``, the API's own leaf too."""
        self._address = address
        self._tell(EventType.SERVER_STARTED)
        self._watch_over("lease", self.keeper.run)
        self._watch_over("authority", partial(self.manager.run, self.keeper))
        self._watch_over("lifecycle", partial(self.lifecycle.run, self.keeper))
        self._watch_over("liveness", self._liveness.run)
        self._watch_over("tokens", partial(sweep, self.store, self._around.clock, self.keeper))
        if install is not None:
            self._watch_over("own leaf", partial(self._leaf.keep, install))

    def _watch_over(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(supervised(name, run, self._around.clock), name=f"ca {name}")
        self._tasks.append(task)

    async def ready(self) -> None:
        """Return once leaves can be signed."""
        topics = ("roots", "signers")
        while self.manager.why_not_ready():
            index = self.store.snapshot.topic_index(*topics)
            if self.manager.why_not_ready():
                await self.store.wait(topics, index, 0.05)

    async def close(self) -> None:
        """Stop, make everything durable, give the lease back, close the state."""
        self._tell(EventType.SERVER_STOPPING)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self.manager.close()
            await self._liveness.close()
            await self.keeper.close()
        finally:
            await asyncio.to_thread(self._bystanders.close)
            await asyncio.to_thread(self.store.close)

    def _tell(self, what: EventType) -> None:
        self._bystanders.events.tell(
            what,
            server=self._state.name,
            datacenter=self.manager.datacenter,
            trust_domain=self.manager.trust_domain.name,
        )
