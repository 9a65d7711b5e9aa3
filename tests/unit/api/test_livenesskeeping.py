"""Which agents call: two servers on one store, and no time but what a test lets pass."""

import asyncio
import logging
from contextlib import contextmanager
from datetime import timedelta

import pytest

from ca_core.api.cataloguing import Cataloguing
from ca_core.api.livenesskeeping import RETRY_SECONDS, ROUND_SECONDS, LivenessKeeping
from ca_core.catalog.commits import registered
from ca_core.catalog.hearing import GRACE, SILENCE
from ca_core.catalog.rows import LIVENESS, LivenessRow
from ca_core.catalog.views import ViewKey, ViewKind
from ca_core.errors import UnavailableError
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.lease import living
from ca_core.state.rows import read
from ca_core.state.store import Store
from ca_core.testing.clock import FakeClock
from ca_core.wire.catalog import CheckStatus
from tests.unit.catalog.registering import by, native, state

SECOND = timedelta(seconds=1)
REAP = timedelta(hours=72)
WEB = ViewKey(ViewKind.SERVICE, "web")


class Member:
    """A server as far as this goes: a store, a catalog, and its rounds."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.engine = FakeEngine(cluster.backend)
        self.store = Store(self.engine)
        self.catalog = Cataloguing.of(self.store, cluster.clock, name)
        self.leads = False
        self.keeping = LivenessKeeping(
            self.store, self.catalog, cluster.clock, lambda: self.leads, REAP
        )

    def register(self, node, *services):
        """Write what an agent registers here, with the call in which it does."""
        self.catalog.liveness.heard(node)
        who = by(node, server=self.catalog.server)
        wanted, now = state(*services), self.cluster.clock.now()
        self.store.update(lambda view: registered(self.at(view), who, wanted, now=now))

    def at(self, view):
        """Return the catalog."""
        return self.catalog.following.at(view)

    def status(self, node="n1"):
        """Return what is said of a node."""
        return read(self.store.snapshot, LivenessRow, LIVENESS, node).status

    def index(self):
        """Return the index of those who follow ``web``."""
        return self.catalog.viewing.look(self.catalog.following.now, WEB).index


class Cluster:
    """Two servers; the first leads."""

    def __init__(self):
        self.clock = FakeClock()
        self.backend = FakeBackend()
        self.one, self.two = (Member(self, name) for name in ("s1", "s2"))
        self.one.leads = True
        self.members = [self.one, self.two]

    async def pass_(self, span, step=timedelta(seconds=ROUND_SECONDS)):
        """Let time pass, with every server's rounds."""
        ends = self.clock.now() + span
        while self.clock.now() < ends:
            self.clock.advance(step)
            for member in self.members:
                await member.keeping.round()

    def kill(self, member):
        """Let a server vanish; its lease is not given back."""
        self.members.remove(member)


@contextmanager
def cluster():
    """Return two servers that have listened for a while."""
    built = Cluster()
    try:
        yield built
    finally:
        for each in (built.one, built.two):
            each.store.close()


async def test_an_agent_that_calls_is_passing_and_one_that_is_silent_is_not():
    """After a minute, once; and it passes again as soon as it parks."""
    with cluster() as built:
        await built.pass_(SILENCE)
        built.one.register("n1", native())
        with built.one.catalog.liveness.parked("n1"):
            await built.pass_(timedelta(hours=1))
            assert built.two.status() is CheckStatus.PASSING
        await built.pass_(SILENCE - 2 * timedelta(seconds=ROUND_SECONDS))
        assert built.two.status() is CheckStatus.PASSING
        before = built.two.index()
        await built.pass_(3 * timedelta(seconds=ROUND_SECONDS))
        assert built.two.status() is CheckStatus.CRITICAL
        turned = built.two.index()
        assert turned > before
        await built.pass_(timedelta(hours=1))
        assert built.two.index() == turned
        with built.two.catalog.liveness.parked("n1"):
            await built.two.keeping.round()
            assert built.one.status() is CheckStatus.PASSING


async def test_an_agent_that_moves_to_another_server_changes_nothing_that_is_seen():
    """Neither a flap nor a new index, for as long as one likes."""
    with cluster() as built:
        await built.pass_(SILENCE)
        built.one.register("n1", native())
        before = built.two.index()
        for _ in range(3):
            for member in (built.two, built.one):
                with member.catalog.liveness.parked("n1"):
                    await built.pass_(3 * SILENCE)
                    assert member.status() is CheckStatus.PASSING
        assert built.one.index() == before


async def test_agents_of_a_dead_server_have_a_grace_to_move():
    """The leader waits for the server's lease and a minute more; who has moved stays."""
    with cluster() as built:
        await built.pass_(SILENCE)
        for node in ("n1", "n2"):
            built.two.register(node, native())
        built.kill(built.two)
        with built.one.catalog.liveness.parked("n1"):
            await built.pass_(GRACE)
            assert built.one.status("n2") is CheckStatus.PASSING
            await built.pass_(GRACE + SILENCE)
            assert built.one.status("n2") is CheckStatus.CRITICAL
            assert built.one.status("n1") is CheckStatus.PASSING


async def test_a_server_that_does_not_lead_speaks_for_its_own_agents_alone():
    """The other one's may well be heard there."""
    with cluster() as built:
        await built.pass_(SILENCE)
        built.one.register("n1", native())
        built.kill(built.one)
        await built.pass_(timedelta(hours=1))
        assert built.two.status() is CheckStatus.PASSING
        built.two.leads = True
        await built.pass_(GRACE + 2 * SECOND)
        assert built.two.status() is CheckStatus.CRITICAL


async def test_a_server_that_has_just_started_calls_nobody_silent():
    """Its agents need a moment to come back."""
    with cluster() as built:
        await built.pass_(SILENCE)
        built.one.register("n1", native())
        built.kill(built.one)
        again = Member(built, "s1")
        built.members.append(again)
        await built.pass_(SILENCE - timedelta(seconds=ROUND_SECONDS))
        assert again.status() is CheckStatus.PASSING
        with again.catalog.liveness.parked("n1"):
            await built.pass_(SILENCE)
            assert again.status() is CheckStatus.PASSING
        again.store.close()


async def test_a_node_that_was_silent_for_three_days_is_removed_by_the_leader():
    """With everything on it; not an hour before, and no other node."""
    with cluster() as built:
        await built.pass_(SILENCE)
        built.two.register("n1", native())
        built.two.register("n2", native())
        with built.two.catalog.liveness.parked("n2"):
            await built.pass_(2 * SILENCE)
            assert built.one.status() is CheckStatus.CRITICAL
            await built.pass_(REAP - timedelta(hours=1), step=timedelta(hours=1))
            assert len(built.one.catalog.following.now.placed) == 2
            built.one.leads = False
            await built.pass_(timedelta(hours=1))
            assert len(built.one.catalog.following.now.placed) == 2
            built.one.leads = True
            await built.pass_(SECOND)
            assert list(built.one.catalog.following.now.placed) == ["n2 web-1"]


async def test_a_silent_agent_that_comes_back_need_not_wait_for_the_next_round():
    """Its arrival wakes the server; an agent that only asks again does not."""
    with cluster() as built:
        await built.pass_(SILENCE)
        built.one.register("n1", native())
        await built.pass_(2 * SILENCE)
        assert built.one.status() is CheckStatus.CRITICAL
        rounds = asyncio.create_task(built.one.keeping.run())
        topics = built.one.catalog.viewing.look(built.one.catalog.following.now, WEB).topics
        while not built.one.catalog.arrivals:
            await asyncio.sleep(0.001)
        index = built.one.store.snapshot.topic_index(*topics)
        with built.one.catalog.liveness.parked("n1"):
            assert await built.one.store.wait(topics, index, 5.0)
            assert built.one.status() is CheckStatus.PASSING
        while not built.one.catalog.arrivals:
            await asyncio.sleep(0.001)
        with built.one.catalog.liveness.parked("n1"):
            assert built.one.catalog.liveness.now().arrived == frozenset()
        rounds.cancel()
        await asyncio.gather(rounds, return_exceptions=True)


async def test_what_could_not_be_written_is_written_the_next_time():
    """An agent came while the store was away: it is not forgotten that it did."""
    with cluster() as built:
        await built.pass_(SILENCE)
        built.one.register("n1", native())
        with built.two.catalog.liveness.parked("n1"):
            await built.two.keeping.round()
        with built.one.catalog.liveness.parked("n1"):
            built.one.engine.fail(UnavailableError("the disk is full"))
            with pytest.raises(UnavailableError):
                await built.one.keeping.round()
            await built.one.keeping.round()
            built.kill(built.two)
            await built.pass_(SILENCE * 5)
            assert built.one.status() is CheckStatus.PASSING


async def test_a_store_that_is_away_ends_no_rounds(caplog):
    """It is said in the log, without a traceback, and tried again after a pause."""
    with cluster() as built:
        built.one.engine.fail(UnavailableError("the disk is full"))
        with caplog.at_level(logging.WARNING, "ca_core.api"):
            rounds = asyncio.create_task(built.one.keeping.run())
            while not built.clock.sleepers:
                await asyncio.sleep(0.001)
        assert [record.message for record in caplog.records if record.exc_info is None] == [
            "which agents call could not be written: the disk is full"
        ]
        built.clock.advance(timedelta(seconds=RETRY_SECONDS))
        while not built.one.catalog.arrivals:
            await asyncio.sleep(0.001)
        assert "server/s1" in living(built.one.store.snapshot, built.clock.now())
        rounds.cancel()
        await asyncio.gather(rounds, return_exceptions=True)


async def test_a_thousand_transitions_are_few_commits():
    """A part of the mesh that vanishes does not keep the store busy."""
    with cluster() as built:
        await built.pass_(SILENCE)
        for number in range(200):
            built.one.register(f"n{number}", native())
        before = built.backend.index
        await built.pass_(SILENCE + timedelta(seconds=ROUND_SECONDS))
        assert all(built.one.status(f"n{number}") is CheckStatus.CRITICAL for number in range(200))
        assert built.backend.index - before < 40
