"""Weeks in the life of an agent, on a clock that a test moves."""

import asyncio
import random
from datetime import timedelta

import pytest

from ca_core.acl.access import AllowAll
from ca_core.acl.principal import Anonymous
from ca_core.agent.agent import Agent
from ca_core.agent.agentsettings import AgentSettings
from ca_core.errors import RateLimitedError, UnavailableError
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import DATACENTER, FakeUpstream, passed, settle

STEP = timedelta(minutes=20)
LAST_TENTH = timedelta(hours=7)
"""A little less than what is left of a 72 h leaf when its renewal window has ended."""


class Weather:
    """A server with outages no longer than the last tenth of a leaf's life, and busy hours."""

    def __init__(self, upstream, draw):
        self.upstream = upstream
        self.draw = draw
        self.left = timedelta()

    def change(self):
        """Let a step pass: an outage goes on, ends, or begins."""
        if self.left > timedelta():
            self.left -= STEP
        elif self.draw.random() < 0.02:
            self.left = self.draw.random() * LAST_TENTH
            self.upstream.changed(self.upstream.index)
        down = self.left > timedelta()
        self.upstream.sign_errors = [UnavailableError("down")] * 10_000 if down else self._busy()
        self.upstream.roots_errors = [UnavailableError("down")] * 10_000 if down else []

    def _busy(self):
        limited = RateLimitedError(retry_after=timedelta(seconds=self.draw.randint(1, 90)))
        return [limited] * self.draw.randint(0, 3)


@pytest.mark.parametrize("seed", [1, 2])
def test_two_weeks_of_outages_and_rotations_never_leave_a_service_without_a_valid_leaf(seed):
    """Every read is answered from memory with a valid leaf, and tasks do not pile up."""

    async def scenario():
        draw = random.Random(seed)
        clock = FakeClock()
        upstream = FakeUpstream(clock)
        settings = AgentSettings(datacenter=DATACENTER, node="n1")
        agent = Agent(upstream, clock, settings, may=AllowAll(), draw=draw.random)
        await agent.start()
        await settle()
        services = [f"s{number}" for number in range(12)]
        for service in services:
            await agent.leaves.get(Anonymous(), service)
        tasks = len(asyncio.all_tasks())
        weather = Weather(upstream, draw)
        for step in range(14 * 24 * 3):
            weather.change()
            if step % 300 == 299:
                upstream.rotate()
            await passed(clock, STEP, step=STEP / 2)
            answer = await agent.leaves.get(Anonymous(), services[step % len(services)])
            assert answer.hit
            assert len(asyncio.all_tasks()) <= tasks + 3 * len(services)
        upstream.sign_errors, upstream.roots_errors = [], []
        await passed(clock, timedelta(hours=1), step=timedelta(seconds=20))
        assert len(asyncio.all_tasks()) <= tasks  # what was begun meanwhile has ended
        signing = {(await agent.leaves.get(Anonymous(), s)).cert.cert_pem[-300:] for s in services}
        assert len(signing) == 1  # everybody holds a leaf of the signer that is active now
        renewals = len(upstream.signed)
        assert renewals > 12 * 5
        await agent.close()

    asyncio.run(scenario())
