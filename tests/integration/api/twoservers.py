"""Two servers on one store, over TLS on loopback, and an agent that knows both."""

import asyncio
import contextlib
from datetime import timedelta
from random import Random

from ca_core.acl.access import AllowAll
from ca_core.agent.agent import Agent
from ca_core.agent.agentsettings import AgentSettings
from ca_core.agent.identitystore import IdentityStore
from ca_core.agent.joining import join
from ca_core.agent.ownleaf import OwnLeaf
from ca_core.agent.remote import RemoteUpstream
from ca_core.agent.watch import Watch
from ca_core.api.keysource import ephemeral_keys
from ca_core.api.server import OpenState, Server, Surroundings
from ca_core.api.tlslisteners import TlsListeners
from ca_core.authority.registry import Registry
from ca_core.authority.rows import current_signer
from ca_core.clock import SystemClock
from ca_core.config.listen import TcpListen
from ca_core.config.model import Config
from ca_core.identity.certificates import fingerprint
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.store import Store
from tests.stopwatch import stopwatch


class Running:
    """One server, and its sockets; it dies and comes back at the same address.

    Attributes:
        server: None while it is dead.
        engine: its connection to the store.
        port: where it listens; 0 before its first start.
    """

    def __init__(self, name, backend, keys):
        self.server = None
        self.engine = None
        self._name, self._backend, self._keys = name, backend, keys
        self.port = 0
        self._listeners = None

    @property
    def url(self):
        """Return where agents find it."""
        return f"https://127.0.0.1:{self.port}"

    async def start(self):
        """Start it, and return once it serves."""
        self.engine = FakeEngine(self._backend)
        around = Surroundings(
            clock=SystemClock(),
            may=AllowAll(),
            registry=Registry(),
            random=Random(self._name),
            environment={},
        )
        state = OpenState(store=Store(self.engine), keys=self._keys, name=self._name)
        self.server = await asyncio.to_thread(Server, Config(), state, around)
        self._listeners = TlsListeners(self.server.app(), [TcpListen("127.0.0.1", self.port)])
        self.server.start(self._listeners.install, address=str(self._listeners))
        async with asyncio.timeout(30):
            await self.server.ready()
            await self._listeners.up()
        self.port = int(str(self._listeners).rpartition(":")[2])

    async def kill(self):
        """Let it die without a word to anybody."""
        if self.server is None:
            return
        server, self.server = self.server, None
        for listener in self._listeners._listeners:
            for accepting in listener._servers:
                accepting.close()
            for connection in tuple(listener._state.connections):
                connection.transport.abort()
        await self._listeners.aclose()
        await server.close()


class Mesh:
    """Two servers and an agent that begins at the first."""

    def __init__(self, folder):
        backend, keys = FakeBackend(), ephemeral_keys()
        self.servers = [Running(f"server-{name}", backend, keys) for name in "ab"]
        self._folder = folder
        self.agent = None
        self.remote = None

    async def start(self):
        """Start both servers, and let an agent join."""
        for running in self.servers:
            await running.start()
        clock, store = SystemClock(), IdentityStore(self._folder / "agent")
        urls = [running.url for running in self.servers]
        await join(urls[0], await self._token(), "n1", store, clock, lambda: 0.5)
        self.remote = RemoteUpstream(urls, store, clock, lambda: 0.0)
        upstream = Watch(self.remote, clock, lambda: 0.5)
        settings = AgentSettings(datacenter="dc1", node="n1")
        own = OwnLeaf(store, upstream, clock, lambda: 0.5)
        self.agent = Agent(upstream, clock, settings, may=AllowAll(), own=own, draw=lambda: 0.5)
        await self.agent.start()
        await self.agent.roots.known()

    async def close(self):
        """End everything."""
        if self.agent is not None:
            await self.agent.close()
        for running in self.servers:
            if running.engine is not None:
                running.engine.release()
            await running.kill()

    async def _token(self):
        room = self.servers[0].server.room
        authority, _ = current_signer(room.store.snapshot)
        pin = fingerprint(authority.anchor_certificate)
        return (await room.membership.new_token("n1", timedelta(hours=1), pin))[1]


@contextlib.asynccontextmanager
async def two_servers(folder):
    """Run two servers and an agent of both."""
    mesh = Mesh(folder)
    try:
        await mesh.start()
        yield mesh
    finally:
        await mesh.close()


async def until(holds, seconds=30.0):
    """Return how long it took until something held, without pauses of the machine."""
    with stopwatch() as watch:
        async with asyncio.timeout(seconds):
            while not holds():
                await asyncio.sleep(0.005)
        return watch.seconds
