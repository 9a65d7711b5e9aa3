"""The agent as one object: caches, their loops, and its own leaf, started and ended together."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import lru_cache

from ca_core.acl.access import May
from ca_core.acl.principal import Principal, Token
from ca_core.agent.acknowledging import Acknowledging, kept_nowhere
from ca_core.agent.agentsettings import AgentSettings
from ca_core.agent.authorizing import Authorizer
from ca_core.agent.cache.keepers import inventory_of
from ca_core.agent.cache.views import ViewCache
from ca_core.agent.description import described
from ca_core.agent.grants import Grants
from ca_core.agent.intentions import IntentionCache
from ca_core.agent.issuance import LeafIssuer, no_grant
from ca_core.agent.joining import Draw
from ca_core.agent.knownroots import KnownRoots
from ca_core.agent.leaves import LeafCache
from ca_core.agent.ownleaf import OwnLeaf
from ca_core.agent.pollers import Pollers
from ca_core.agent.processes import has_ended
from ca_core.agent.revocationnews import RevocationNews
from ca_core.agent.revocations import Revocations
from ca_core.agent.rootscache import RootsCache
from ca_core.agent.services.checks.running import CheckRunner
from ca_core.agent.services.registering import Registering
from ca_core.agent.services.services import Services
from ca_core.agent.shownchain import ShownChains
from ca_core.agent.supervision import supervised
from ca_core.agent.upstream import Upstream
from ca_core.agent.waiting import stopped
from ca_core.clock import Clock
from ca_core.errors import Error, NotReadyError
from ca_core.identity.spiffe import ServiceId, TrustDomain

LOOK_BACK = 10.0
"""Seconds between two looks of an agent that hears nothing, on average."""

log = logging.getLogger(__name__)


class Agent:
    """One node's agent. Used from one event loop; ``start`` once, ``close`` once.

    Attributes:
        roots: the trusted roots.
        leaves: leaves of services.
        pollers: the programs that read the roots here.
        intentions: those of the services here.
        views: those of the catalog that programs ask for here.
        inventory: all of these, and the memory that they may take.
        authorizer: decides by intentions.
        reports: what intentions in observe mode would have denied.
        services: what programs of this host registered.
        registering: tells servers of it.
        facts: what the description says besides, by name; each gives plain values, no secret.
    """

    def __init__(  # noqa: PLR0913 - what an agent is made of; most of it has a default
        self,
        upstream: Upstream,
        clock: Clock,
        settings: AgentSettings,
        *,
        may: May,
        own: OwnLeaf | None = None,
        draw: Draw = random.random,
        grants: Grants | None = None,
        services: Services | None = None,
    ) -> None:
        self._upstream = upstream
        self._clock = clock
        self._settings = settings
        self._own = own
        self._grants = grants
        self._draw = draw
        self._tasks: list[asyncio.Task[None]] = []
        self.facts: dict[str, Callable[[], object]] = {}
        self.roots = RootsCache(upstream, clock, draw)
        self.pollers = Pollers(has_ended=has_ended)
        self._acknowledging = Acknowledging(
            upstream, self.roots, self.pollers, clock, draw, own.trust if own else kept_nowhere
        )
        if own is not None:
            # What its readers knew before.
            self.pollers.published(0, own.identity.anchors, clock.monotonic())
            self.roots.subscribe(self._let_own_follow)
        grant_for = no_grant if grants is None else grants.grant_for
        issuer = LeafIssuer(upstream, self.roots, clock, settings.datacenter, draw, grant_for)
        self.leaves = LeafCache(
            issuer, self.roots, may, clock, draw, spread=lambda: self._acknowledging.spread
        )
        self._revoked = RevocationNews(upstream, clock, draw, self.leaves.revoke)
        self.views = ViewCache(upstream, clock, draw, may=may, stands=self._stands)
        if grants is not None:
            grants.subscribe(self.leaves.review)
            grants.subscribe(self.views.review)
        self._acknowledging.on_urgent = self._hurry
        self.reports = self._acknowledging.reports
        upstream.on_return(self._ask_again)
        self.intentions = IntentionCache(upstream, clock, draw, settings.max_staleness)
        self.inventory = inventory_of(
            self.roots, self.leaves, self.intentions, self.views, clock, settings.cache_bytes
        )
        self.authorizer = self._authorizer()
        self.services = services or Services(settings.node, clock)
        self.registering = self._registering(self.services)

    def _registering(self, services: Services) -> Registering:
        address, grants = self._settings.address, self._grants
        if grants is None:
            return Registering(services, self._upstream, self._clock, self._draw, address=address)
        found = Registering(
            services,
            self._upstream,
            self._clock,
            self._draw,
            address=address,
            grant_for=grants.grant_for,
            keep_used=grants.keep_used,
        )
        grants.subscribe(services.changed.wake)
        grants.subscribe(found.rights_changed)
        return found

    def _authorizer(self) -> Authorizer:
        revoked = Revocations(self._upstream, self._clock)
        chains = ShownChains(lambda: self.roots.latest, self._clock, revoked.__contains__)
        where, rules = self._settings.datacenter, self._settings.authorize
        return Authorizer(self.intentions, chains, revoked, self._trust_domain, where, rules)

    async def start(self) -> None:
        """Start the loops; returns at once, whether or not a server answers."""
        self._watch_over("watch", self._upstream.run)
        self._watch_over("roots", self.roots.run)
        self._watch_over("leaf renewal", self.leaves.run)
        self._watch_over("revoked leaves", self._revoked.run)
        self._watch_over("acknowledgement", self._acknowledging.run)
        self._watch_over("intentions", self.intentions.run)
        self._watch_over("views", self.views.follow)
        self._watch_over("idle views", self.views.forget)
        self._watch_over("services", self.services.run)
        self._watch_over("checks", CheckRunner(self.services, self._clock, self._draw).run)
        self._watch_over("telling of services", self.registering.run)
        self._watch_over("services at servers", self.registering.follow)
        if self._grants is not None:
            self._watch_over("tokens", self._grants.run)
            self._watch_over("ends of tokens", self._grants.expire)
        if self._own is not None:
            self._watch_over("own leaf", self._own.run)
            self._watch_over("way back", self._stay_in_touch)

    async def close(self) -> None:
        """End every loop and every request under way, then let go of the server."""
        await stopped(*self._tasks)
        await self.services.close()
        if self._grants is not None:
            await self._grants.close()
        await self.leaves.close()
        await self.intentions.close()
        await self.views.close()
        await self.roots.close()
        await self._upstream.close()

    def describe(self) -> Mapping[str, object]:
        """Return the agent in the shape of ``/v1/agent/self``; no secret is in it."""
        return described(self, self._settings, self._grants, self._own, self._clock)

    @property
    def datacenter(self) -> str:
        """Return the datacenter this agent belongs to."""
        return self._settings.datacenter

    @property
    def node(self) -> str:
        """Return the name of the node this agent speaks for."""
        return self._settings.node

    def service_id(self, service: str) -> ServiceId:
        """Return the SPIFFE ID of a service in this datacenter, without waiting.

        Raises:
            RequestError: characters that no service name may have.
            NotReadyError: the trust domain is not known yet.
        """
        return ServiceId(
            trust_domain=self._trust_domain(),
            datacenter=self._settings.datacenter,
            service=service,
        )

    def _stands(self, caller: Principal) -> bool:
        """Say whether a caller is still somebody; a token that has ended is nobody's."""
        if self._grants is None or not isinstance(caller, Token):
            return True
        return self._grants(caller.accessor) is not None

    def _trust_domain(self) -> TrustDomain:
        if self._own is not None:
            return self._own.identity.id.trust_domain
        known = self.roots.latest
        if known is None:
            raise NotReadyError("the trust domain is not known yet: no server has answered")
        return _domain(known.value.trust_domain)

    def _let_own_follow(self, known: KnownRoots) -> None:
        if self._own is not None:
            self._own.follow(known.signing, self._acknowledging.spread)

    async def _stay_in_touch(self) -> None:
        """While no server answers, see whether that is because of the agent's own leaf."""
        while self._own is not None:
            await self._clock.sleep(LOOK_BACK * (0.5 + self._draw()))
            if not self.roots.known_leader:
                with suppress(Error):  # the reason is told with the roots
                    await self._own.look_back()

    def _ask_again(self) -> None:
        """A server answers again: nobody waits out a pause that began while none did."""
        self.roots.hurry()
        self._revoked.hurry()
        self.intentions.hurry()
        self.views.hurry()
        self._acknowledging.hurry()
        self.registering.hurry()
        if self._grants is not None:
            self._grants.hurry()

    def _hurry(self) -> None:
        """Let leaves of a replaced signer be renewed sooner than was drawn for them."""
        known = self.roots.latest
        if known is not None:
            self._let_own_follow(known)
            self.leaves.follow(known)

    def _watch_over(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(supervised(name, run, self._clock), name=f"agent {name}")
        self._tasks.append(task)


@lru_cache(maxsize=16)
def _domain(name: str) -> TrustDomain:
    """Return the trust domain; remembered: every decision asks for the same one."""
    return TrustDomain(name)
