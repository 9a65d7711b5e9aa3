"""The lease holder sweeps: expired tokens leave the store by themselves."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from ca_core.acl.tokens import TOKENS
from ca_core.api.acl_sweeping import SWEEP_SECONDS, sweep
from ca_core.authority.leadership import LeaseKeeper
from ca_core.state.lease import Lease
from ca_core.state.protocol import Fence
from tests.unit.api.acling import Room


@pytest.fixture
def room():
    """Return a room without any token."""
    made = Room()
    yield made
    made.store.close()


async def settled(clock):
    """Return once the sweeper sleeps again."""
    async with asyncio.timeout(30):
        while not clock.sleepers:
            await asyncio.sleep(0.001)


async def test_rows_of_expired_tokens_go_within_a_minute(room):
    """Only the holder of the lease removes them, and it goes on for ever."""
    lease = Lease(room.store, room.clock, "me")
    keeper = LeaseKeeper(lease, room.clock)
    lease.acquire()
    made = [await room.token(ExpirationTTL="1m") for _ in range(3)]
    kept = await room.token()
    task = asyncio.create_task(sweep(room.store, room.clock, keeper))
    await settled(room.clock)
    assert len(room.store.snapshot.table(TOKENS)) == len(made) + 1
    lease.acquire()
    room.clock.advance(timedelta(seconds=SWEEP_SECONDS))
    lease.acquire()
    async with asyncio.timeout(30):
        while len(room.store.snapshot.table(TOKENS)) > 1:
            await asyncio.sleep(0.001)
    assert set(room.store.snapshot.table(TOKENS)) == {kept["AccessorID"]}
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_without_the_lease_nothing_is_swept(room):
    """A server that does not lead waits."""
    await room.token(ExpirationTTL="1m")
    room.clock.advance(timedelta(hours=1))
    before = room.store.snapshot.index
    keeper = LeaseKeeper(Lease(room.store, room.clock, "me"), room.clock)
    task = asyncio.create_task(sweep(room.store, room.clock, keeper))
    for _ in range(20):
        await asyncio.sleep(0)
    assert room.store.snapshot.index == before
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


class Losing:
    """A keeper that hands out a fence of a former life first, then one that holds."""

    def __init__(self, *fences):
        self.fences = list(fences)

    async def held(self):
        return self.fences.pop(0) if len(self.fences) > 1 else self.fences[0]


async def test_a_lease_that_goes_in_the_middle_ends_nothing(room, caplog):
    """Nothing is written under the old one, nobody is alarmed, and the next round goes on."""
    await room.token(ExpirationTTL="1m")
    lease = Lease(room.store, room.clock, "me", span=timedelta(days=1))
    lease.acquire()
    room.clock.advance(timedelta(minutes=2))
    old = Fence(lease.fence.lease, lease.fence.token - 1)
    task = asyncio.create_task(sweep(room.store, room.clock, Losing(old, lease.fence)))
    await settled(room.clock)
    assert len(room.store.snapshot.table(TOKENS)) == 1
    room.clock.advance(timedelta(seconds=SWEEP_SECONDS))
    async with asyncio.timeout(30):
        while room.store.snapshot.table(TOKENS):
            await asyncio.sleep(0.001)
    assert caplog.text == ""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
