"""Reading roots from the agent: it notes which bundle each reader holds."""

import asyncio
import contextlib
import json
from datetime import timedelta
from random import Random

import pytest

from ca_core.acl.access import AllowAll
from ca_core.acl.principal import Peer
from ca_core.agent.agent import Agent
from ca_core.agent.agentsettings import AgentSettings
from ca_core.api.agent_handlers import roots
from ca_core.api.rooms import AgentRoom
from ca_core.errors import RequestError
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import DATACENTER, FakeUpstream, passed, settle
from tests.unit.api.asking import asking

ONE, TWO = Peer(uid=1000, gid=1000, pid=11), Peer(uid=1000, gid=1000, pid=12)


class Desk:
    """An agent over a fake server, and programs that read its roots."""

    def __init__(self):
        self.clock = FakeClock()
        self.upstream = FakeUpstream(self.clock)
        settings = AgentSettings(datacenter=DATACENTER, node="n1")
        self.agent = Agent(self.upstream, self.clock, settings, may=AllowAll(), draw=lambda: 0.5)
        self.room = AgentRoom(agent=self.agent, may=AllowAll(), clock=self.clock, random=Random(1))

    async def read(self, principal=None, index=0, remote="127.0.0.1:4000"):
        """Read as somebody; return the index and how many roots there were."""
        query = f"index={index}" if index else ""
        request = asking(query, principal=principal, remote=remote)
        answer = await roots(self.room, request)
        return int(answer.headers["x-consul-index"]), len(json.loads(answer.body)["Roots"])

    def held(self):
        """Return how many anchors the agent says everybody holds."""
        return len(self.upstream.acknowledged[-1].anchors)


@contextlib.asynccontextmanager
async def desk():
    """Run the agent."""
    built = Desk()
    await built.agent.start()
    await settle()
    try:
        yield built
    finally:
        await built.agent.close()


async def test_a_blocked_reader_holds_the_acknowledgement_back_until_it_comes_back():
    """It has the answer in its hands, and shows by the next question that it took it over."""
    async with desk() as d:
        index, _ = await d.read(ONE)
        waiting = asyncio.ensure_future(d.read(ONE, index))
        await settle()
        d.upstream.rotate()
        await settle()
        index, told = await waiting
        assert (told, d.held()) == (2, 1)
        again = asyncio.ensure_future(d.read(ONE, index))
        await settle()
        await passed(d.clock, timedelta(seconds=1))
        assert d.held() == 2
        again.cancel()


async def test_processes_and_connections_are_readers_of_their_own():
    """One that went on does not speak for another."""
    async with desk() as d:
        for reader in ({"principal": ONE}, {"principal": TWO}, {}, {"remote": "127.0.0.1:4001"}):
            await d.read(**reader)
        d.upstream.rotate()
        await settle()
        for reader in ({"principal": ONE}, {}, {"remote": "127.0.0.1:4001"}):
            await d.read(**reader)
        await passed(d.clock, timedelta(seconds=15), step=timedelta(seconds=1))
        assert (d.held(), len(d.agent.pollers)) == (1, 4)
        await d.read(TWO)
        await passed(d.clock, timedelta(seconds=1))
        assert d.held() == 2


async def test_a_reader_that_goes_away_is_not_waited_for_for_ever():
    """Its task is cancelled with its connection; two minutes later it holds nothing."""
    async with desk() as d:
        index, _ = await d.read(ONE)
        waiting = asyncio.ensure_future(d.read(ONE, index))
        await settle()
        waiting.cancel()
        await settle()
        d.upstream.rotate()
        await passed(d.clock, timedelta(seconds=119), step=timedelta(seconds=1))
        assert d.held() == 1
        await passed(d.clock, timedelta(seconds=3), step=timedelta(seconds=1))
        assert d.held() == 2


async def test_a_question_that_is_refused_says_nothing():
    """A wrong index is an error, and no reader."""
    async with desk() as d:
        with pytest.raises(RequestError):
            await d.read(ONE, "x")
        assert len(d.agent.pollers) == 0


async def test_a_program_that_read_once_and_ended_holds_nothing_back():
    """The kernel says that it is gone; a connection that ended would prove nothing."""
    async with desk() as d:
        child = await asyncio.create_subprocess_exec("sleep", "60")
        await d.read(Peer(uid=0, gid=0, pid=child.pid))
        d.upstream.rotate()
        await settle()
        await passed(d.clock, timedelta(seconds=20), step=timedelta(seconds=1))
        assert d.held() == 1
        child.kill()
        await child.wait()
        await passed(d.clock, timedelta(seconds=1), step=timedelta(seconds=0.5))
        assert d.held() == 2
