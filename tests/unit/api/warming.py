"""Agents over one server: one whose caches others have warmed, and ones that know nothing."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from random import Random

import httpx

from ca_core.acl.access import LocalRules
from ca_core.acl.policies import READ_ONLY_ID
from ca_core.api.app import bound, process_app
from ca_core.api.authentication import Link
from ca_core.api.rooms import ProcessRoom
from ca_core.api.routes import AGENT_ROUTES
from ca_core.api.server import Server, Surroundings, memory_state
from ca_core.authority.registry import Registry
from ca_core.authority.rows import trust_domain
from ca_core.clock import SystemClock
from ca_core.config.model import Config, ServerConfig
from ca_core.telemetry.metrics import Metrics
from tests.unit.acl.stored import policy_row, token_row
from tests.unit.api.everybody import PAST, agent_over
from tests.unit.api.holding import keep, revoke

TRUST_DOMAIN = "11111111-2222-3333-4444-555555555555.consul"
OWNER, WEB_USER, DB_USER, STRANGER = 900, 1000, 1001, 1002
WORKLOADS = {"web": frozenset({WEB_USER}), "db": frozenset({DB_USER})}
USERS = {"web user": WEB_USER, "db user": DB_USER, "stranger": STRANGER}

_SEEING = 'node_prefix "" { policy = "read" }'
WEB = policy_row(
    "web",
    f'service "web" {{ policy = "write" }} {_SEEING} agent_prefix "" {{ policy = "read" }}'
    ' node_prefix "n" { policy = "write" }',
)
DB = policy_row("db", f'service "db" {{ policy = "write" }} {_SEEING}')

LIFE = timedelta(minutes=10)
"""Of the token that ends by itself."""

SUFFICIENT = ("web", "web user")
"""Who may everything about the service ``web``, and warms."""

FALLEN = ("revoked", "ended")
"""Who was sufficient, and has warmed too."""

INSUFFICIENT = (
    *("nobody", "unknown", "expired", "read only", "db", "db's token", "stranger", "db user"),
    *FALLEN,
)
"""Who may not be ``web``: without a token; with one that is none; with another service's, by policy
or by identity; a user who is no workload, or another one; whoever was sufficient before."""


class MovedClock(SystemClock):
    """The system's clock, moved forward."""

    def __init__(self):
        self.by = timedelta()

    def now(self):
        """Return the time, moved."""
        return super().now() + self.by


class Counted:
    """An upstream that counts what is asked of it.

    Attributes:
        calls: how often each was asked.
        held: names of calls that wait for ``let_go``.
    """

    def __init__(self, inner):
        self._inner = inner
        self._gate = asyncio.Event()
        self.calls = Counter()
        self.held = frozenset()

    def __getattr__(self, name):
        """Return what the server's side has; calls are counted."""
        if name == "on_return":
            return self._inner.on_return

        async def called(*arguments, **named):
            self.calls[name] += 1
            if name in self.held:
                await self._gate.wait()
            return await getattr(self._inner, name)(*arguments, **named)

        return called

    def let_go(self):
        """Let what was held go on."""
        self._gate.set()


@dataclass
class Asked:
    """One agent, and how each kind of caller asks it."""

    app: object
    room: object
    upstream: Counted

    async def asks(self, who, method, target, body=None, **headers):
        """Return the answer that a caller gets."""
        link = Link(hosts=frozenset({"localhost"}))
        if who in USERS:
            link = Link(peer=(USERS[who], USERS[who], 1))
        elif who != "nobody":
            headers["x-consul-token"] = f"secret of {who}"

        async def linked(scope, receive, send):
            await self.app({**scope, "ca_core.link": link}, receive, send)

        transport = httpx.ASGITransport(app=linked)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, target, headers=sent, json=body)


@dataclass
class Mesh:
    """A server; agents come and go."""

    server: Server
    clock: MovedClock
    local: LocalRules
    agents: AsyncExitStack = field(default_factory=AsyncExitStack)
    numbers: Iterator[int] = field(default_factory=count)

    async def agent(self):
        """Return an agent that knows nothing; it ends with the mesh."""
        return await self.agents.enter_async_context(self.brief_agent())

    @asynccontextmanager
    async def brief_agent(self):
        """Run an agent that knows nothing."""
        domain = lambda: trust_domain(self.server.store.snapshot)  # noqa: E731 - read anew each time
        counted = []

        def around(upstream):
            counted.append(Counted(upstream))
            return counted[0]

        node = f"n{next(self.numbers)}"
        running = agent_over(self.server, self.local, self.clock, around=around, node=node)
        async with running as found:
            room, grants = found
            about = ProcessRoom(metrics=Metrics(), may=room.may, why_not_ready=str)
            app = process_app(bound(AGENT_ROUTES, room), about, domain, self.clock, grants)
            await room.agent.roots.known()
            yield Asked(app, room, counted[0])

    async def keep(self, *rows):
        """Write tokens and policies, new or changed."""
        await asyncio.to_thread(keep, self.server.store, *rows)

    async def revoke(self, accessor):
        """Delete a token."""
        await asyncio.to_thread(revoke, self.server.store, accessor)

    def fall(self):
        """Let the time of the token pass that ends by itself."""
        self.clock.by = LIFE + timedelta(seconds=1)


@asynccontextmanager
async def mesh(*, agents_vouch=True):
    """Run a server with a token for each kind of caller that has one."""
    clock = MovedClock()
    local = LocalRules(owner_uid=OWNER, workloads=WORKLOADS, agents_vouch=agents_vouch)
    around = Surroundings(
        clock=clock, may=local, registry=Registry(), random=Random(1), environment={}
    )
    config = Config(server=ServerConfig(trust_domain=TRUST_DOMAIN))
    server = await asyncio.to_thread(Server, config, memory_state(), around)
    server.start()
    try:
        async with asyncio.timeout(30):
            await server.ready()
        await asyncio.to_thread(keep, server.store, WEB, DB, *_tokens(clock.now() + LIFE))
        found = Mesh(server, clock, local)
        async with found.agents:
            yield found
    finally:
        await server.close()


def _tokens(end):
    """Return a token for each kind of caller that has one; the accessor is the kind."""
    return (
        token_row("web", policies=(WEB.id,)),
        token_row("revoked", policies=(WEB.id,)),
        token_row("ended", policies=(WEB.id,), expires=end),
        token_row("expired", policies=(WEB.id,), expires=PAST),
        token_row("read only", policies=(READ_ONLY_ID,)),
        token_row("db", policies=(DB.id,)),
        token_row("db's token", service_identities=("db",)),
    )
