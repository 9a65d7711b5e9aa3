"""The agent's cached leaf against an empty handler: what the answer itself costs.

Both are on one server and one lane: the request is read and its caller known before either begins.
The client runs in a process of its own and keeps sixteen connections busy; what counts is the
server's processor time for each answer.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random
from statistics import median

import uvloop

from bench.finding import Finding
from ca_core.acl.access import AllowAll
from ca_core.agent.agent import Agent, AgentSettings
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

GOAL = 0.7
ROUNDS = 9
LEAF = "/v1/agent/connect/ca/leaf/web"
EMPTY = "/v1/bench/empty"


def run(*, seconds: float) -> Iterator[Finding]:
    """Measure both by turns, about ``seconds`` each."""
    rates = uvloop.run(_measured(seconds))
    leaf, empty = rates[LEAF], rates[EMPTY]
    yield Finding(
        benchmark="cached_leaf",
        case="GET leaf, from memory",
        value=median(leaf),
        unit="/s",
        ratio=median(ours / best for ours, best in zip(leaf, empty, strict=True)),
        at_least=GOAL,
        compared=f"an empty handler {median(empty):,.0f} /s",
    )


async def _empty(_room: AgentRoom, _request: Request) -> Response:
    """Answer nothing."""
    return Response()


async def _measured(seconds: float) -> dict[str, list[float]]:
    """Return answers per second of processor time, one figure per round."""
    rates: dict[str, list[float]] = {EMPTY: [], LEAF: []}
    async with _serving() as port:
        client = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "bench.client", str(port)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for path in (EMPTY, LEAF):
            await _rate(client, path, seconds / ROUNDS)  # warm
        for _ in range(ROUNDS):
            for path, figures in rates.items():
                figures.append(await _rate(client, path, seconds / ROUNDS))
        await client.communicate(b"")
    return rates


async def _rate(client: asyncio.subprocess.Process, path: str, seconds: float) -> float:
    assert client.stdin is not None
    assert client.stdout is not None
    started = time.process_time()
    client.stdin.write(f"{seconds} {path}\n".encode())
    answers = int(await client.stdout.readline())
    return answers / (time.process_time() - started)


@asynccontextmanager
async def _serving() -> AsyncIterator[int]:
    """Serve ``dev``'s agent with one route more; yields the port."""
    clock, may = SystemClock(), AllowAll()
    around = Surroundings(
        clock=clock, may=may, registry=Registry(), random=Random(), environment={}
    )
    server = Server(Config(), memory_state(), around)
    server.start()
    await server.ready()
    settings = AgentSettings(datacenter="dc1", node="bench")
    agent = Agent(LocalUpstream(server.room, "bench", Random()), clock, settings, may=may)
    await agent.start()
    room = AgentRoom(agent=agent, may=may, clock=clock, random=Random())
    empty = Route(method="GET", path=EMPTY, room=Room.AGENT, handler=_empty, hot=True)
    about = ProcessRoom(metrics=server.metrics, may=may, why_not_ready=str)
    routes = bound((*AGENT_ROUTES, empty), room)
    app = process_app(routes, about, lambda: trust_domain(server.store.snapshot), clock)
    listener = Listener(app, TcpListen("127.0.0.1", 0))
    await listener.start()
    try:
        where = listener.address
        assert isinstance(where, TcpListen)
        yield where.port
    finally:
        await listener.close()
        await agent.close()
        await server.close()
