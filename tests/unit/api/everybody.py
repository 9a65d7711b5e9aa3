"""Every kind of caller at one process that is server and agent, where nothing is allowed unsaid."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import httpx
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.acl.access import LocalRules
from ca_core.acl.policies import MANAGEMENT_ID, READ_ONLY_ID
from ca_core.acl.principal import Node
from ca_core.acl.resolving import TokenRules
from ca_core.agent.agent import Agent
from ca_core.agent.agentsettings import AgentSettings
from ca_core.agent.grants import Grants
from ca_core.agent.watch import Watch
from ca_core.api.app import bound, process_app
from ca_core.api.authentication import Link
from ca_core.api.cluster_handlers import checked_csr
from ca_core.api.localupstream import LocalUpstream
from ca_core.api.rooms import AgentRoom
from ca_core.api.routes import AGENT_ROUTES
from ca_core.api.server import Server, Surroundings, memory_state
from ca_core.authority.registry import Registry
from ca_core.authority.rows import current_signer, trust_domain
from ca_core.clock import SystemClock
from ca_core.config.model import Config
from ca_core.identity.certificates import fingerprint, spki_digest
from ca_core.identity.leafcsr import csr_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import AgentId, ServiceId
from tests.unit.acl.stored import policy_row, token_row
from tests.unit.api.holding import keep

BOTH = 'policy = "write"\n intentions = "write"'
EXACT = policy_row("exact", f'service "web" {{ {BOTH} }}')
PREFIX = policy_row("prefix", f'service_prefix "we" {{ {BOTH} }}')
OTHER = policy_row("other", f'service "db" {{ {BOTH} }}')
PAST = datetime(2020, 1, 1, tzinfo=UTC)
POLICIES = {
    "reader": READ_ONLY_ID,
    "other": OTHER.id,
    "exact": EXACT.id,
    "prefix": PREFIX.id,
    "manager": MANAGEMENT_ID,
    "expired": MANAGEMENT_ID,
}
OWNER, WORKLOAD = 900, 1000

CALLERS = (
    *("nobody", "unknown", "expired", "reader", "other", "exact", "prefix", "manager"),
    *("workload", "operator", "agent"),
)
"""Without a token; with one that is none; with one; on a unix socket; over mTLS."""


@dataclass
class Everybody:
    """The process, and how each kind of caller comes to it."""

    app: object
    server: Server
    certificate: bytes
    service_csr: str
    agent_csr: str
    fingerprint: str

    async def asks(self, who, method, target, body=None, *, of_server=False):
        """Return the answer that a caller gets; ``of_server``: of a server without an agent."""
        app = self.server.app() if of_server else self.app
        link = Link(hosts=frozenset({"localhost"}))
        headers = {}
        match who:
            case "workload":
                link = Link(peer=(WORKLOAD, WORKLOAD, 1))
            case "operator":
                link = Link(peer=(OWNER, OWNER, 1))
            case "agent":
                link = Link(certificate=self.certificate)
            case _ if who != "nobody":
                headers["X-Consul-Token"] = f"secret of {who}"

        async def linked(scope, receive, send):
            await app({**scope, "ca_core.link": link}, receive, send)

        transport = httpx.ASGITransport(app=linked)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, target, headers=headers, json=body)


@asynccontextmanager
async def everybody():
    """Run the process; ``web`` is the name that is asked about."""
    clock, local = SystemClock(), LocalRules(owner_uid=OWNER, workloads=_WORKLOADS)
    around = Surroundings(
        clock=clock, may=local, registry=Registry(), random=Random(1), environment={}
    )
    server = await asyncio.to_thread(Server, Config(), memory_state(), around)
    server.start()
    async with asyncio.timeout(30):
        await server.ready()
    tokens = [
        token_row(who, policies=(held,), expires=PAST if who == "expired" else None)
        for who, held in POLICIES.items()
    ]
    await asyncio.to_thread(keep, server.store, EXACT, PREFIX, OTHER, *tokens)
    domain = lambda: trust_domain(server.store.snapshot)  # noqa: E731 - read anew each time
    try:
        async with agent_over(server, local, clock) as (room, grants):
            routes = (*server.routes(), *bound(AGENT_ROUTES, room))
            app = process_app(routes, server.about(), domain, clock, grants)
            yield Everybody(app, server, *await _joined(server))
    finally:
        await server.close()


@asynccontextmanager
async def agent_over(server, local, clock, *, around=lambda upstream: upstream, node="n0"):
    """Run an agent in a server's process; yield its room, and who knows whose tokens are.

    ``local`` is what holds there without tokens; ``around`` may stand between it and the server.
    Two of one ``node`` would end each other's questions.
    """
    upstream = around(Watch(LocalUpstream(server.room, node), clock, Random(1).random))
    grants = Grants(upstream, clock, Random(1).random)
    may = TokenRules(grants, local)
    settings = AgentSettings(datacenter="dc1", node=node)
    agent = Agent(upstream, clock, settings, may=may, grants=grants)
    room = AgentRoom(agent=agent, may=may, clock=clock, random=Random(1))
    await agent.start()
    try:
        yield room, grants
    finally:
        await agent.close()


_WORKLOADS = {"web": frozenset({WORKLOAD})}


async def _joined(server):
    """Return an agent's leaf (DER), requests for ``web`` and for an agent, the root's mark."""
    place = {"trust_domain": server.manager.trust_domain, "datacenter": "dc1"}
    identity, key = AgentId(**place, node="n1"), new_leaf_key()
    digest = spki_digest(key.public_key())
    _, text, _ = await server.room.membership.new_token("n1", timedelta(hours=1), "0" * 64)
    token_id, secret = text.split(".")[1:3]
    csr = checked_csr(server.room, csr_pem(leaf_csr(key, identity)))
    issued = await server.manager.sign(csr, principal=Node(identity=identity, key_digest=digest))
    leaf = issued.certificate
    await server.room.membership.admit(
        token_id, secret, identity, key=digest, not_after=leaf.not_valid_after_utc
    )
    wanted = csr_pem(leaf_csr(new_leaf_key(), ServiceId(**place, service="web")))
    other = csr_pem(leaf_csr(new_leaf_key(), AgentId(**place, node="n9")))
    anchor = current_signer(server.store.snapshot)[0].anchor_certificate
    return leaf.public_bytes(Encoding.DER), wanted, other, fingerprint(anchor)
