"""A check that is due all the time keeps nobody else from the agent."""

import asyncio
from datetime import timedelta

import pytest

from ca_core.agent.services.checkbodies import SHORTEST_INTERVAL, check_of
from ca_core.agent.services.checks.running import CheckRunner
from ca_core.agent.services.definitions import CheckDefinition, Ttl
from ca_core.agent.services.services import Services
from ca_core.agent.waiting import stopped
from ca_core.clock import SystemClock
from ca_core.wire.services import CheckBody


@pytest.mark.parametrize("ttl", ["0.001ms", "999ms", 1000])
def test_a_shorter_ttl_counts_as_a_second(ttl):
    """As a shorter interval does: nobody reports so often."""
    check = check_of(CheckBody(ttl=ttl), check_id="c", service_id="web", name="c", node="n1")
    assert check.kind.ttl == SHORTEST_INTERVAL


@pytest.mark.timeout(30)
async def test_others_have_their_turn_whatever_is_due():
    """Also a definition from a file, which nobody checked, does not stop the event loop."""
    clock = SystemClock()
    services = Services("n1", clock)
    kind = Ttl(ttl=timedelta(microseconds=1))
    await services.add_check(CheckDefinition(id="c", name="c", kind=kind))
    began = clock.monotonic()
    runner = asyncio.create_task(CheckRunner(services, clock, lambda: 0.5).run())
    for _ in range(5):
        await asyncio.sleep(0)
    await stopped(runner)
    assert clock.monotonic() - began < 5
