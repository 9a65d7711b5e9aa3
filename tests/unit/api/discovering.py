"""A catalog in memory, a room that shows it, and requests to that room."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from ca_core.acl.access import AllowAll
from ca_core.acl.documents import parse_document
from ca_core.acl.principal import Token
from ca_core.acl.resolving import TokenRules
from ca_core.acl.rights import Chain, DefaultPolicy, Rights
from ca_core.agent.waiting import Gathering
from ca_core.api.keptanswers import KeptAnswers
from ca_core.api.viewheaders import remembered_headers
from ca_core.catalog.views import ViewAnswer, ViewKey, ViewKind
from ca_core.testing.clock import FakeClock
from ca_core.wire.catalog import (
    NODE_CHECK,
    Check,
    CheckStatus,
    Connect,
    Instance,
    Node,
    NodeServices,
    Proxy,
    Service,
)
from tests.unit.api.asking import asking

EMPTY = {ViewKind.NODE: None, ViewKind.SERVICES: {}}


async def _nothing():
    """Let nothing happen."""


class FakeViews:
    """A ``Views`` over what a test puts there; what is not there is empty, and of index 1.

    ``meanwhile`` happens while it is asked; ``hit`` is what it says unless somebody waited.
    """

    def __init__(self, clock):
        self.clock = clock
        self.held = {}
        self.looked_at = []
        self.hit = True
        self.known_leader = True
        self.age = timedelta()
        self.meanwhile = _nothing
        self._changed = Gathering()

    def put(self, kind, name, value, index=7):
        """Let a view hold this from now on."""
        self.held[ViewKey(kind, name)] = (value, index)
        self._changed.wake()

    @property
    def parked(self):
        """Return how many wait."""
        return len(self._changed)

    async def get(self, key, *, min_index=0, wait, freshness=None, caller=None):
        """Answer as a store does."""
        self.looked_at.append(key)
        await self.meanwhile()
        ends, waited = self.clock.monotonic() + wait.total_seconds(), False
        while min_index == self._now(key)[1] and (left := ends - self.clock.monotonic()) > 0:
            waited = True
            await self._changed.changed(left, self.clock)
        value, index = self._now(key)
        hit = self.hit and not waited
        known = {"age": self.age, "known_leader": self.known_leader}
        return ViewAnswer(value=value, index=index, hit=hit, **known)

    def _now(self, key):
        return self.held.get(key, (EMPTY.get(key.kind, ()), 1))


@dataclass
class Room:
    """A ``DiscoveryRoom``; everybody may everything, until told."""

    clock: FakeClock = field(default_factory=FakeClock)
    may: Any = field(default_factory=AllowAll)
    random: Random = field(default_factory=lambda: Random(0))
    kept: KeptAnswers = field(default_factory=KeptAnswers)
    datacenter: str = "dc1"
    chains: dict = field(default_factory=dict)

    def __post_init__(self):
        self.views = FakeViews(self.clock)
        self._rights = Gathering()

    def view_headers(self, answer):
        """Return an agent's headers."""
        return remembered_headers(answer)

    async def rights_changed(self, seconds):
        """Wait for other rights."""
        await self._rights.changed(seconds, self.clock)

    def gives(self, accessor, rules):
        """Let a token have these rights, and nobody any that is not given so."""
        self.chains[accessor] = Chain(Rights(parse_document(rules)), DefaultPolicy.DENY)
        self.may = TokenRules(self.chains.get, lambda *_: False)
        self._rights.wake()

    async def ask(self, handler, query="", who=None, **params):
        """Return the answer."""
        return await handler(self, asking(query, principal=who, **params))

    async def read(self, handler, query="", who=None, **params):
        """Return the JSON of the answer."""
        return json.loads((await self.ask(handler, query, who, **params)).body)


WEB, NOBODY = Token("web"), Token("nobody")


def node_of(name="n1", **more):
    """Return a node."""
    return Node(node=name, address="10.0.0.1", datacenter="dc1", **more)


def check_of(service="", status="passing", node="n1", **more):
    """Return the check of a service's instance; of the node without one."""
    name = f"service:{service}" if service else NODE_CHECK
    fields = {"id": name, "service_id": service, "service_name": service} | more
    return Check(node=node, status=CheckStatus(status), **fields)


def instance(name="web", *, node="n1", status="passing", alive="passing", meta=None, **more):
    """Return an instance of a service, with a check of its own and one of its node."""
    more.setdefault("id", name)
    checks = (check_of(node=node, status=alive), check_of(name, status, node))
    return Instance(
        node=node_of(node, meta=meta or {}),
        service=Service(service=name, port=80, **more),
        checks=checks,
    )


def proxy(destination="web", **more):
    """Return an instance of the sidecar of a service."""
    aimed = Proxy(destination_service_name=destination)
    return instance(f"{destination}-sidecar-proxy", kind="connect-proxy", proxy=aimed, **more)


def native(name="web", **more):
    """Return an instance that speaks mTLS itself."""
    return instance(name, connect=Connect(native=True), **more)


def on_node(name, *instances):
    """Return a node and what runs on it."""
    checks = {check.id: check for one in instances for check in one.checks}
    services = tuple(one.service for one in instances)
    return NodeServices(node=node_of(name), services=services, checks=tuple(checks.values()))
