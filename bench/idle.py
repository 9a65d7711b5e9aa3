"""What agents that have nothing to do cost their servers: requests a second of a thousand of them.

The agents are real, and so is the server; they share a process and no sockets. Time jumps to the
next timer whenever nobody has anything to do, so that minutes take seconds.
"""

import asyncio
import selectors
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from bench.finding import Finding
from ca_core.acl.access import AllowAll
from ca_core.acl.principal import Anonymous
from ca_core.agent.acknowledging import CALM_AFTER
from ca_core.agent.agent import Agent
from ca_core.agent.agentsettings import AgentSettings
from ca_core.agent.grants import Grants
from ca_core.agent.watch import Watch
from ca_core.api.localupstream import LocalUpstream
from ca_core.api.server import Server, Surroundings, memory_state
from ca_core.authority.registry import Registry
from ca_core.config.model import CAConfig, Config
from ca_core.intentions.model import Name

THOUSAND = 1000
GOAL_PER_SECOND = 25.0
"""A question that is asked anew each minute, and an acknowledgement each five, are 20."""
MOST_AGENTS = 100
CALM = CALM_AFTER + 120.0
"""Seconds after which nothing is new any more."""
_PATIENCE = 0.0005
"""Seconds in which other threads may finish what the loop waits for, before time jumps."""


def run(*, seconds: float) -> Iterator[Finding]:
    """Let agents idle for some minutes of their time, and count what they ask."""
    agents = max(5, min(MOST_AGENTS, int(seconds * 50)))
    minutes = max(2, min(15, int(seconds * 5)))
    loop = JumpingLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        asked = runner.run(_idled(loop, agents, minutes))
    for kind, count in sorted(asked.items()):
        yield _finding(kind, count, agents, minutes)
    whole = _finding("all requests", asked.total(), agents, minutes, GOAL_PER_SECOND)
    yield whole
    each = asked.total() / agents / minutes
    yield Finding(benchmark="idle", case="one agent", value=each, unit="requests/min")


def _finding(
    case: str, count: int, agents: int, minutes: int, at_most: float | None = None
) -> Finding:
    value = count / (minutes * 60.0) / agents * THOUSAND
    return Finding(
        benchmark="idle",
        case=f"{case} of {THOUSAND:,} idle agents",
        value=value,
        unit="requests/s",
        compared=f"{agents} agents, {minutes} min of their time",
        at_most=at_most,
    )


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose time jumps to the next timer when nothing else is to be done."""

    def __init__(self) -> None:
        self._jumped = 0.0
        super().__init__(_Jumping(self._jump))

    def time(self) -> float:
        """Return the seconds that passed, and those that were left out."""
        return super().time() + self._jumped

    def _jump(self, seconds: float) -> None:
        self._jumped += seconds


class _Jumping(selectors.DefaultSelector):
    """A selector that does not wait for a timer, but tells how long it would have waited."""

    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, now or very soon; let time jump if nothing is."""
        if timeout is None or timeout <= _PATIENCE:
            return super().select(timeout)
        found = super().select(_PATIENCE)
        if not found:
            self._jump(timeout - _PATIENCE)
        return found


class LoopClock:
    """A ``Clock`` that shows a loop's time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._start = datetime.now(UTC) - timedelta(seconds=loop.time())

    def now(self) -> datetime:
        """Return the wall-clock time, aware UTC."""
        return self._start + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        """Return the loop's seconds."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Wait on the loop."""
        await asyncio.sleep(seconds)


class _Counted:
    """Servers that count what is asked of them, by kind."""

    def __init__(self, servers: LocalUpstream, asked: Counter[str]) -> None:
        self._servers = servers
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        if name != "close":
            self._asked[name] += 1
        return getattr(self._servers, name)


async def _idled(loop: asyncio.AbstractEventLoop, agents: int, minutes: int) -> Counter[str]:
    """Return what so many agents asked in so many minutes."""
    clock, asked = LoopClock(loop), Counter[str]()
    config = Config(ca=CAConfig(csr_max_per_second=0))
    around = Surroundings(
        clock=clock, may=AllowAll(), registry=Registry(), random=Random(0), environment={}
    )
    server = Server(config, memory_state(), around)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.close)
        server.start()
        await server.ready()
        made = [_agent(server, clock, asked, number) for number in range(agents)]
        for agent in made:
            await agent.start()
            stack.push_async_callback(agent.close)
        await _used(made)
        await asyncio.sleep(CALM)
        asked.clear()
        await asyncio.sleep(minutes * 60.0)
        return Counter(asked)


def _agent(server: Server, clock: LoopClock, asked: Counter[str], number: int) -> Agent:
    node, draw = f"n{number}", Random(number).random
    upstream = Watch(_Counted(LocalUpstream(server.room, node), asked), clock, draw)
    grants = Grants(upstream, clock, draw)
    settings = AgentSettings(datacenter="dc1", node=node)
    return Agent(upstream, clock, settings, may=AllowAll(), draw=draw, grants=grants)


async def _used(agents: Sequence[Agent]) -> None:
    """Let each agent have a leaf and decide for a service, as one that is in use."""
    for agent in agents:
        await agent.leaves.get(Anonymous(), "web")
        await agent.intentions.fetched(Name("default", "web"))
