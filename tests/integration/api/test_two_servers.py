"""An agent of two servers: one of them dies, lags, or comes back, and readers do not notice."""

import asyncio
import json
import socket
import time
from datetime import timedelta

from ca_core.agent import serverlink
from ca_core.agent.tls import VerifyingBackend
from ca_core.api.intention_handlers import put
from ca_core.intentions.model import Name
from tests.integration.api.twoservers import two_servers, until
from tests.stopwatch import stopwatch
from tests.unit.api.asking import asking

DB = Name("default", "db")
A_SECOND = 1.0


async def allow(running, source, destination="db"):
    """Write an intention at a server."""
    body = json.dumps({"Action": "allow"}).encode()
    query = f"source={source}&destination={destination}"
    response = await put(running.server.room, asking(query, body=body))
    assert response.status == 200


class Reader:
    """Somebody who reads all the time; every answer is noted.

    Attributes:
        known: how many intentions were known, each time.
        silences: how long contact was said to be lost, at most.
    """

    def __init__(self, agent):
        self._agent = agent
        self.known = []
        self.silences = timedelta()
        self._task = asyncio.create_task(self._read())

    async def _read(self):
        while True:
            answer = await self._agent.roots.get()
            self.known.append(len(self._agent.intentions.known(DB).index))
            self.silences = max(self.silences, answer.age)
            await asyncio.sleep(0.005)

    async def ended(self):
        """Stop; what went wrong is raised."""
        self._task.cancel()
        (outcome,) = await asyncio.gather(self._task, return_exceptions=True)
        assert isinstance(outcome, asyncio.CancelledError), outcome
        return self


async def test_when_its_server_dies_an_agent_follows_the_other_within_a_second(tmp_path):
    """Readers are answered from memory meanwhile; what is written elsewhere comes at once."""
    async with two_servers(tmp_path) as mesh:
        (first, second), agent = mesh.servers, mesh.agent
        await agent.intentions.fetched(DB)
        assert mesh.remote.server_url == first.url
        reader = Reader(agent)
        with stopwatch() as watch:
            await first.kill()
            await allow(second, "web")
            assert await until(lambda: len(agent.intentions.held.index) == 1) < A_SECOND
            assert mesh.remote.server_url == second.url
            silences = (await reader.ended()).silences
            assert silences.total_seconds() < A_SECOND + watch.lost
        assert agent.roots.known_leader


async def test_a_new_destination_costs_no_connection(tmp_path, monkeypatch):
    """The older question is ended by the server, not by the agent: no handshake is spent."""
    connections = []
    connect = VerifyingBackend.connect_tcp

    async def counted(self, host, port, **named):
        connections.append(port)
        return await connect(self, host, port, **named)

    monkeypatch.setattr(VerifyingBackend, "connect_tcp", counted)
    async with two_servers(tmp_path) as mesh:
        agent = mesh.agent
        await agent.intentions.fetched(DB)
        await allow(mesh.servers[0], "web")
        await until(lambda: len(agent.intentions.held.index) == 1)
        before = len(connections)
        for number in range(10):
            await asyncio.sleep(0.02)  # a question waits again
            await agent.intentions.fetched(Name("default", f"n{number}"))
        await allow(mesh.servers[0], "api", "n7")
        await until(lambda: len(agent.intentions.held.index) == 2)
        assert len(connections) - before <= 1  # one question waits while another is asked


async def test_when_both_are_away_the_age_is_told_and_ends_when_one_returns(tmp_path):
    """Memory answers, with its age; a server that returns is found within seconds."""
    async with two_servers(tmp_path) as mesh:
        (first, second), agent = mesh.servers, mesh.agent
        await agent.intentions.fetched(DB)
        reader, began = Reader(agent), time.monotonic()
        await first.kill()
        await second.kill()
        await until(lambda: not agent.roots.known_leader)
        await asyncio.sleep(1.0)
        away = timedelta(seconds=time.monotonic() - began)
        assert timedelta(seconds=0.9) < agent.roots.age < away + timedelta(seconds=1)
        assert agent.intentions.age > timedelta(seconds=0.5)
        await second.start()
        took = await until(lambda: agent.roots.known_leader and agent.intentions.is_fresh)
        assert took < 5.0
        await allow(second, "web")
        assert await until(lambda: len(agent.intentions.held.index) == 1) < A_SECOND
        assert (await reader.ended()).silences > timedelta(seconds=0.9)
        assert agent.roots.age == timedelta()


async def test_a_server_that_is_behind_takes_nothing_back(tmp_path):
    """An agent that moves there waits until it has caught up; nothing is forgotten meanwhile."""
    async with two_servers(tmp_path) as mesh:
        (first, second), agent = mesh.servers, mesh.agent
        await agent.intentions.fetched(DB)
        second.engine.hold()
        await allow(first, "web")
        await until(lambda: len(agent.intentions.held.index) == 1)
        reader = Reader(agent)
        await first.kill()
        await until(lambda: mesh.remote.server_url == second.url)
        await asyncio.sleep(0.3)
        assert len(agent.intentions.held.index) == 1
        second.engine.release()
        await allow(second, "api")
        assert await until(lambda: len(agent.intentions.held.index) == 2) < 2 * A_SECOND
        assert min((await reader.ended()).known) == 1


async def test_an_agent_does_not_come_back_to_a_server_that_flaps(tmp_path):
    """It stays where it is, and is there when the other one dies at last."""
    async with two_servers(tmp_path) as mesh:
        (first, second), agent = mesh.servers, mesh.agent
        await agent.intentions.fetched(DB)
        for round_ in range(2):
            await first.kill()
            await allow(second, f"s{round_}")
            await until(lambda want=round_ + 1: len(agent.intentions.held.index) == want)
            await first.start()
            await asyncio.sleep(0.1)
            assert mesh.remote.server_url == second.url
        await second.kill()
        await allow(first, "last")
        assert await until(lambda: len(agent.intentions.held.index) == 3) < A_SECOND
        assert mesh.remote.server_url == first.url


async def test_a_server_that_accepts_and_says_nothing_is_passed_over(tmp_path, monkeypatch):
    """A stuck process still has a kernel that takes connections; the agent goes on elsewhere."""
    monkeypatch.setattr(serverlink, "CONNECT_SECONDS", 0.3)
    async with two_servers(tmp_path) as mesh:
        (first, second), agent = mesh.servers, mesh.agent
        await agent.intentions.fetched(DB)
        await second.kill()
        with socket.create_server(("127.0.0.1", second.port)):
            await first.kill()
            await until(lambda: not agent.roots.known_leader)
            await first.start()
            await allow(first, "web")
            await until(lambda: len(agent.intentions.held.index) == 1)
            assert mesh.remote.server_url == first.url
            assert agent.roots.known_leader


async def test_each_server_knows_of_agents_that_wait_at_the_other(tmp_path):
    """A change waits for them wherever they call, and says so truthfully."""
    async with two_servers(tmp_path) as mesh:
        first, second = mesh.servers
        reachable = second.server.lifecycle.tools.reachable
        await until(lambda: "n1" in first.server.reachability.nodes())
        await until(lambda: "n1" in reachable())
        assert second.server.reachability.nodes() == frozenset()
