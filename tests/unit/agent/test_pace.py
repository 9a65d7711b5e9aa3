"""However fast local programs want new things, servers are asked at a bounded rate."""

import asyncio
from datetime import timedelta

import pytest

from ca_core.agent.question import AT_ONCE, PER_SECOND
from ca_core.agent.waiting import stopped
from ca_core.agent.watch import Watch
from ca_core.testing.clock import FakeClock
from ca_core.wire.watch import ViewsAnswer, ViewsRequest, WatchAnswer
from tests.unit.agent.fakes import passed, settle

SECONDS = 10


class Quick:
    """Servers that have an answer at once."""

    def __init__(self):
        self.asked = 0

    async def watch(self, asked):
        """Answer."""
        self.asked += 1
        return WatchAnswer(index=1, epoch="e", views=ViewsAnswer(epoch="e"))

    async def close(self):
        """Do nothing."""


async def wanting(watch, held):
    """Want something new again and again, as a local program may make the agent do."""
    while True:
        await watch.views(ViewsRequest(held=held))


@pytest.mark.parametrize(("names", "cost"), [(1, 1.0), (4000, 5.0)])
async def test_servers_are_asked_so_often_and_no_more(names, cost):
    """A burst passes at once; then a steady rate, lower for questions that name much."""
    clock, servers = FakeClock(), Quick()
    watch = Watch(servers, clock, lambda: 0.5)
    held = {f"service/s{n}": 0 for n in range(names)}
    tasks = [asyncio.create_task(each) for each in (watch.run(), wanting(watch, held))]
    await settle(2000)
    assert servers.asked == pytest.approx(AT_ONCE / cost, abs=2)
    await passed(clock, timedelta(seconds=SECONDS), step=timedelta(seconds=0.05))
    expected = (AT_ONCE + SECONDS * PER_SECOND) / cost
    assert servers.asked == pytest.approx(expected, rel=0.1)
    await stopped(*tasks)
