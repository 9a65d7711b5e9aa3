"""One server leads; another takes over when it stops or falls silent."""

import asyncio
from datetime import timedelta

from ca_core.authority.ceilings import next_ceiling
from ca_core.authority.leadership import LeaseKeeper
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.lease import SPAN, Lease
from ca_core.state.store import Store
from ca_core.testing.clock import START, FakeClock


async def until(condition) -> None:
    """Let everything run until a condition holds."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


def keepers(clock, backend, count=2):
    """Return keepers of as many servers on one backend."""
    stores = [Store(FakeEngine(backend)) for _ in range(count)]
    return stores, [
        LeaseKeeper(Lease(store, clock, f"server-{n}"), clock) for n, store in enumerate(stores)
    ]


def test_only_one_of_two_servers_leads():
    """Both try; one holds."""

    async def scenario() -> None:
        clock = FakeClock()
        stores, pair = keepers(clock, FakeBackend())
        tasks = [asyncio.ensure_future(keeper.run()) for keeper in pair]
        await until(lambda: any(keeper.leads for keeper in pair))
        assert [keeper.leads for keeper in pair].count(True) == 1
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for store in stores:
            store.close()

    asyncio.run(scenario())


def test_a_server_that_stops_hands_over_at_once():
    """Giving the lease back spares the other one the wait."""

    async def scenario() -> None:
        clock = FakeClock()
        stores, (first, second) = keepers(clock, FakeBackend())
        running = asyncio.ensure_future(first.run())
        await first.held()
        other = asyncio.ensure_future(second.run())
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await first.close()
        await until(lambda: clock.sleepers)  # the other one has tried, and waits for its next turn
        clock.advance(SPAN / 3)
        await until(lambda: second.leads)
        assert not first.leads
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)
        for store in stores:
            store.close()

    asyncio.run(scenario())


def test_a_silent_server_is_replaced_when_its_lease_ends():
    """Nobody needs to tell: the lease runs out."""

    async def scenario() -> None:
        clock = FakeClock()
        stores, (first, second) = keepers(clock, FakeBackend())
        running = asyncio.ensure_future(first.run())
        await first.held()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        other = asyncio.ensure_future(second.run())
        for _ in range(4):
            await until(lambda: clock.sleepers)  # it has tried, and waits for its next turn
            clock.advance(SPAN / 3)
        await until(lambda: second.leads)
        assert not first.leads
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)
        for store in stores:
            store.close()

    asyncio.run(scenario())


def test_a_ceiling_is_a_full_hour_and_at_least_one_ahead():
    """One commit an hour keeps the ceiling ahead of every leaf."""
    for minutes in range(0, 180, 7):
        end = START + timedelta(minutes=minutes)
        ceiling = next_ceiling(end)
        assert ceiling - end > timedelta(hours=1)
        assert ceiling - end <= timedelta(hours=2)
        assert (ceiling.minute, ceiling.second) == (0, 0)
