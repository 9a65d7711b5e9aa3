"""A server and its agents in one process, over real mTLS between them."""

import asyncio
import contextlib
import random
from datetime import timedelta

from ca_core.acl.access import AllowAll
from ca_core.agent.agent import Agent
from ca_core.agent.agentsettings import AgentSettings
from ca_core.agent.identitystore import IdentityStore
from ca_core.agent.joining import join
from ca_core.agent.ownleaf import OwnLeaf
from ca_core.agent.remote import RemoteUpstream
from ca_core.agent.watch import Watch
from ca_core.api.app import bound, process_app
from ca_core.api.listeners import Listener
from ca_core.api.rooms import AgentRoom, ProcessRoom
from ca_core.api.routes import AGENT_ROUTES
from ca_core.api.server import Server, Surroundings, memory_state
from ca_core.api.tlslisteners import TlsListeners
from ca_core.authority.registry import Registry
from ca_core.authority.rows import current_signer
from ca_core.clock import SystemClock
from ca_core.config.listen import TcpListen, UnixListen
from ca_core.config.model import CAConfig, Config
from ca_core.identity.certificates import fingerprint, subject_key_id
from ca_core.telemetry.metrics import Metrics

RANDOM = random.SystemRandom()


class SlowLine:
    """A server's answers about roots that arrive late, or not before a test says so.

    Attributes:
        is_open: cleared, no answer about roots arrives; everything else is as it was.
    """

    def __init__(self, inner, seconds):
        self.is_open = asyncio.Event()
        self.is_open.set()
        self._inner = inner
        self._seconds = seconds

    def __getattr__(self, name):
        return getattr(self._inner, name)

    async def roots(self, **asked):
        """Return what the server said a while ago."""
        answer = await self._inner.roots(**asked)
        await asyncio.sleep(self._seconds)
        await self.is_open.wait()
        return answer


class Cluster:
    """One server; agents join it over TLS. Made by ``running_cluster``.

    Attributes:
        server: the real one; its state dies with it.
        agents: those that joined, by node.
        lines: how each of them hears of roots.
    """

    def __init__(self, server, listeners, folder, stack):
        self.server = server
        self.changes = server.lifecycle.changes
        self.agents = {}
        self.lines = {}
        self._served = {}
        self._listeners = listeners
        self._folder = folder
        self._stack = stack
        self._around = (SystemClock(), AllowAll())

    @property
    def view(self):
        """Return everything stored."""
        return self.server.store.snapshot

    async def join(self, node, *, lag=0.0):
        """Start an agent on ``node`` that hears of new roots ``lag`` seconds late."""
        clock, may = self._around
        url = f"https://{self._listeners}"
        store = IdentityStore(self._folder / node)
        await join(url, await self._token(node), node, store, clock, RANDOM.random)
        upstream = self.lines[node] = SlowLine(
            Watch(RemoteUpstream((url,), store, clock), clock, RANDOM.random), lag
        )
        settings = AgentSettings(datacenter="dc1", node=node)
        own = OwnLeaf(store, upstream, clock, RANDOM.random)
        agent = Agent(upstream, clock, settings, may=may, own=own)
        await agent.start()
        self._stack.push_async_callback(agent.close)
        self.agents[node] = agent
        return agent

    async def serve_once(self, node):
        """Let programs of this machine reach an agent; returns the address of its socket."""
        if node not in self._served:
            self._served[node] = await self._serve(node)
        return self._served[node]

    async def _serve(self, node):
        clock, may = self._around
        room = AgentRoom(agent=self.agents[node], may=may, clock=clock, random=RANDOM)
        about = ProcessRoom(metrics=Metrics(), may=may, why_not_ready=str)
        domain = self.server.manager.trust_domain
        app = process_app(bound(AGENT_ROUTES, room), about, lambda: domain, clock)
        path = self._folder / f"{node}.sock"
        listener = Listener(app, UnixListen(path), mode=0o600)
        await listener.start()
        self._stack.push_async_callback(listener.close)
        self._stack.callback(listener.cut_waiting)
        return f"unix:{path}"

    def signing_key(self):
        """Return the key id of what signs now, hex."""
        return subject_key_id(current_signer(self.view)[1].certificates[0]).hex()

    async def _token(self, node):
        authority, _ = current_signer(self.view)
        pin = fingerprint(authority.anchor_certificate)
        members = self.server.room.membership
        _, token, _ = await members.new_token(node, timedelta(hours=1), pin)
        return token


@contextlib.asynccontextmanager
async def running_cluster(folder, **config):
    """Run a server on loopback; agents that join end with it.

    ``config`` is the built-in provider's: the first authority is its.
    """
    around = Surroundings(
        clock=SystemClock(),
        may=AllowAll(),
        registry=Registry(),
        random=RANDOM,
        environment={},
    )
    config = Config(ca=CAConfig(csr_max_per_second=0, config=config))
    server = await asyncio.to_thread(Server, config, memory_state(), around)
    listeners = TlsListeners(server.app(), [TcpListen("127.0.0.1", 0)])
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(server.close)
        stack.push_async_callback(listeners.aclose)
        server.start(listeners.install, address=str(listeners))
        await server.ready()
        await listeners.up()
        yield Cluster(server, listeners, folder, stack)
