"""``dev``'s agent with an empty handler beside it, in this process, and a client in another.

What counts is this process's processor time for each answer.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ca_core.acl.access import AllowAll
from ca_core.agent.agent import Agent
from ca_core.agent.agentsettings import AgentSettings
from ca_core.agent.watch import Watch
from ca_core.api.app import bound, process_app
from ca_core.api.http import Request, Response
from ca_core.api.listeners import Listener
from ca_core.api.localupstream import LocalUpstream
from ca_core.api.rooms import AgentRoom, ProcessRoom
from ca_core.api.routes import AGENT_ROUTES, Room, Route
from ca_core.api.server import Server, Surroundings, memory_state
from ca_core.authority.registry import Registry
from ca_core.authority.rows import trust_domain
from ca_core.clock import SystemClock
from ca_core.config import Config, TcpListen
from ca_core.config.listen import Listen, UnixListen

EMPTY = "/v1/bench/empty"
"""Answers nothing, by GET and POST."""

ROUNDS = 9


@dataclass(frozen=True, slots=True)
class Serving:
    """What serves, and where: a port of 127.0.0.1, and a unix socket."""

    port: int
    socket: Path
    server: Server
    room: AgentRoom

    @property
    def domain(self) -> str:
        """Return the trust domain."""
        return self.server.manager.trust_domain.name


async def _empty(_room: AgentRoom, _request: Request) -> Response:
    """Answer nothing."""
    return Response()


@asynccontextmanager
async def serving() -> AsyncIterator[Serving]:
    """Serve ``dev``'s agent with one path more."""
    clock, may = SystemClock(), AllowAll()
    around = Surroundings(
        clock=clock, may=may, registry=Registry(), random=Random(), environment={}
    )
    server = Server(Config(), memory_state(), around)
    server.start()
    await server.ready()
    settings = AgentSettings(datacenter="dc1", node="bench")
    upstream = Watch(LocalUpstream(server.room, "bench"), clock, Random().random)
    agent = Agent(upstream, clock, settings, may=may)
    await agent.start()
    room = AgentRoom(agent=agent, may=may, clock=clock, random=Random())
    with tempfile.TemporaryDirectory() as folder:
        local = UnixListen(Path(folder) / "agent.sock")
        listeners = _listeners(server, room, TcpListen("127.0.0.1", 0), local)
        for listener in listeners:
            await listener.start()
        where = listeners[0].address
        assert isinstance(where, TcpListen)
        try:
            yield Serving(where.port, local.path, server, room)
        finally:
            for listener in listeners:
                await listener.close()
            await agent.close()
            await server.close()


async def rates(
    where: int | Path, requests: Mapping[str, str], seconds: float, *, connections: int = 16
) -> dict[str, list[float]]:
    """Return answers per second of processor time by request, one figure per round.

    Args:
        where: a port of 127.0.0.1, or a unix socket.
        requests: name → path, and after a blank the body of a POST.
        seconds: for each request, over all rounds.
        connections: kept busy at a time.
    """
    measured: dict[str, list[float]] = {name: [] for name in requests}
    client = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.client", str(where), str(connections)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    for request in requests.values():
        await _rate(client, request, seconds / ROUNDS)  # warm
    for _ in range(ROUNDS):
        for name, request in requests.items():
            measured[name].append(await _rate(client, request, seconds / ROUNDS))
    await client.communicate(b"")
    return measured


async def _rate(client: asyncio.subprocess.Process, request: str, seconds: float) -> float:
    assert client.stdin is not None
    assert client.stdout is not None
    started = time.process_time()
    client.stdin.write(f"{seconds} {request}\n".encode())
    answers = int(await client.stdout.readline())
    return answers / (time.process_time() - started)


def _listeners(server: Server, room: AgentRoom, *where: Listen) -> list[Listener]:
    empty = tuple(
        Route(method=method, path=EMPTY, room=Room.AGENT, handler=_empty, hot=True)
        for method in ("GET", "POST")
    )
    about = ProcessRoom(metrics=server.metrics, may=room.may, why_not_ready=str)
    routes = bound((*AGENT_ROUTES, *empty), room)
    app = process_app(routes, about, lambda: trust_domain(server.store.snapshot), room.clock)
    return [Listener(app, address) for address in where]
