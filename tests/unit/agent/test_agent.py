"""The agent as one object."""

import asyncio
import contextlib
import json
from datetime import timedelta

import pytest

from ca_core.acl.access import AllowAll
from ca_core.acl.principal import Anonymous
from ca_core.agent.agent import Agent
from ca_core.agent.agentsettings import AgentSettings
from ca_core.agent.backoff import LONGEST
from ca_core.agent.identitystore import IdentityStore
from ca_core.agent.ownleaf import OwnLeaf
from ca_core.agent.supervision import supervised
from ca_core.errors import NotReadyError, RequestError, UnavailableError
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import DATACENTER, TRUST_DOMAIN, FakeUpstream, passed, settle
from tests.unit.agent.test_identitystore import identity

SETTINGS = AgentSettings(datacenter=DATACENTER, node="n1")


@contextlib.asynccontextmanager
async def agent_over(upstream, clock, **options):
    """Run an agent, and show that nothing of it is left when it is closed."""
    before = len(asyncio.all_tasks())
    agent = Agent(upstream, clock, SETTINGS, may=AllowAll(), draw=lambda: 0.5, **options)
    await agent.start()
    await settle()
    try:
        yield agent
    finally:
        await agent.close()
        await settle()
        assert upstream.closed
        assert len(asyncio.all_tasks()) == before


def ran(scenario):
    """Run a scenario with an agent over a fake server."""

    async def whole():
        clock = FakeClock()
        upstream = FakeUpstream(clock)
        async with agent_over(upstream, clock) as agent:
            await scenario(agent)

    asyncio.run(whole())


def test_an_agent_answers_roots_and_leaves_and_ends_without_a_trace():
    """Start, use, close: no task outlives it, and the upstream is let go."""

    async def scenario(agent):
        assert (await agent.roots.get()).hit
        leaf = await agent.leaves.get(Anonymous(), "web")
        assert leaf.cert.service_uri == str(agent.service_id("web"))
        blocked = asyncio.create_task(agent.leaves.get(Anonymous(), "web", min_index=leaf.index))
        waiting = asyncio.create_task(agent.roots.get(min_index=5))
        await settle()
        await agent.close()
        assert (await blocked).cert == leaf.cert
        assert (await waiting).index == 5

    ran(scenario)


@pytest.mark.parametrize("since", range(8))
def test_whoever_hears_of_a_server_again_ends_the_pauses_of_all(since):
    """After a long outage roots are not seconds behind the first answer of any kind."""

    async def whole():
        clock = FakeClock()
        upstream = FakeUpstream(clock)
        upstream.revoked_errors = [UnavailableError("away")] * 100
        async with agent_over(upstream, clock) as agent:
            upstream.roots_errors = [UnavailableError("away")] * 100
            upstream.acknowledge_errors = [UnavailableError("away")] * 100
            upstream.changed(upstream.index)
            await passed(clock, timedelta(seconds=120 + since), step=timedelta(seconds=1))
            assert not agent.roots.known_leader
            asked, said = len(upstream.roots_calls), len(upstream.acknowledged)
            revoked = upstream.revoked_calls
            upstream.roots_errors, upstream.acknowledge_errors = [], []
            upstream.revoked_errors = []
            await settle()
            assert len(upstream.roots_calls) == asked
            upstream.returned()
            await passed(clock, timedelta(seconds=1))  # as long as a failure lets nobody ask
            assert agent.roots.known_leader
            assert agent.roots.age == timedelta()
            assert len(upstream.acknowledged) == said + 1
            assert upstream.revoked_calls == revoked + 1

    asyncio.run(whole())


def test_two_agents_in_one_process_share_nothing():
    """There is no global state: each has its own server, leaves and roots."""

    async def whole():
        clock = FakeClock()
        one, two = FakeUpstream(clock), FakeUpstream(clock)
        async with agent_over(one, clock) as a, agent_over(two, clock) as b:
            first = await a.leaves.get(Anonymous(), "web")
            second = await b.leaves.get(Anonymous(), "web")
            assert first.cert.serial_number != second.cert.serial_number
            assert (await a.roots.get()).value != (await b.roots.get()).value

    asyncio.run(whole())


def test_it_starts_without_a_server_and_works_as_soon_as_one_answers():
    """Start returns at once; readers are told why, and then served."""

    async def whole():
        clock = FakeClock()
        upstream = FakeUpstream(clock)
        upstream.roots_errors = [UnavailableError("down")] * 3
        async with agent_over(upstream, clock) as agent:
            with pytest.raises(NotReadyError):
                agent.service_id("web")
            early = asyncio.create_task(agent.leaves.get(Anonymous(), "web"))
            await settle()
            await passed(clock, timedelta(seconds=1))
            with pytest.raises(UnavailableError, match="down"):
                await early
            await passed(clock, timedelta(seconds=9), step=timedelta(seconds=1))
            assert await agent.leaves.get(Anonymous(), "web")

    asyncio.run(whole())


def test_renewal_goes_on_after_its_loop_died():
    """A loop that ends by an exception is started again; no leaf misses its renewal."""

    async def scenario(agent):
        first = await agent.leaves.get(Anonymous(), "web")
        real, broken = agent.leaves._attend, [True]

        def attend(now):
            if broken.pop() if broken else False:
                raise ZeroDivisionError
            real(now)

        agent.leaves._attend = attend
        clock = agent._clock
        await passed(clock, timedelta(hours=54))
        await passed(clock, timedelta(seconds=2))
        assert not broken
        assert (await agent.leaves.get(Anonymous(), "web")).index > first.index

    ran(scenario)


def test_a_loop_that_keeps_dying_is_restarted_at_a_bounded_pace(caplog):
    """Restarts are logged and spaced: neither silent nor a hot loop."""

    async def whole():
        clock, starts = FakeClock(), []

        async def dying():
            starts.append(clock.monotonic())
            raise ZeroDivisionError

        task = asyncio.create_task(supervised("it", dying, clock))
        await settle()
        await passed(clock, timedelta(minutes=5), step=timedelta(seconds=1))
        task.cancel()
        most = 300 / (LONGEST / 2) + 10  # the first pauses are shorter
        assert 300 / LONGEST - 2 <= len(starts) <= most
        assert starts[-1] > 285

    asyncio.run(whole())
    assert "it died; starting it again" in caplog.text


def test_what_it_tells_about_itself_is_plain_and_holds_no_secret():
    """The description is JSON with Consul's names, and no key is in it."""

    async def scenario(agent):
        await agent.leaves.get(Anonymous(), "web")
        told = json.dumps(agent.describe())
        assert json.loads(told)["Config"]["NodeName"] == "n1"
        assert json.loads(told)["Stats"]["agent"] == {"leaves": 1, "tokens": 0}
        assert "PRIVATE" not in told

    ran(scenario)


def test_a_service_id_is_checked():
    """Impossible names are a bad request, not an ID."""

    async def scenario(agent):
        assert str(agent.service_id("web")).endswith("/svc/web")
        with pytest.raises(RequestError):
            agent.service_id("a/b")

    ran(scenario)


def test_a_joined_agent_keeps_its_bundle_current_on_disk(tmp_path):
    """After a rotation a restarted agent trusts the servers of the new root."""

    async def whole():
        clock = FakeClock()
        upstream = FakeUpstream(clock)
        store = IdentityStore(tmp_path)
        store.save(identity())
        own = OwnLeaf(store, upstream, clock, lambda: 0.5)
        async with agent_over(upstream, clock, own=own) as agent:
            await _until(lambda: _kept(tmp_path) == upstream.anchors())
            upstream.rotate()
            await _until(lambda: _kept(tmp_path) == upstream.anchors())
            assert len(_kept(tmp_path)) == 2
            assert agent.describe()["Identity"]["SpiffeID"] == str(own.identity.id)

    asyncio.run(whole())


def _kept(folder):
    return IdentityStore(folder).current.anchors


async def _until(holds):
    """Let loop and threads work until it holds; the test's own limit ends an endless wait."""
    while not holds():
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        await settle()


def test_the_trust_domain_of_a_joined_agent_is_known_without_a_server(tmp_path):
    """An agent that starts during an outage still knows who its services are."""

    async def whole():
        clock = FakeClock()
        upstream = FakeUpstream(clock)
        upstream.roots_errors = [UnavailableError("down")] * 100
        store = IdentityStore(tmp_path)
        store.save(identity())
        own = OwnLeaf(store, upstream, clock, lambda: 0.5)
        async with agent_over(upstream, clock, own=own) as agent:
            assert agent.service_id("web").trust_domain == TRUST_DOMAIN

    asyncio.run(whole())
