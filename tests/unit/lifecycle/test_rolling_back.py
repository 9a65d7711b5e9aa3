"""What rolling back takes back: the one operation, and nothing that was done since."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from ca_core.authority.registry import Registry
from ca_core.authority.rows import current_signer
from ca_core.errors import RequestError
from ca_core.lifecycle.rows import Kind, OperationPhase, Wishes
from ca_core.state.memory import MemoryEngine
from ca_core.testing.clock import FakeClock
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.rooms import LivingRoom

BUILTIN = Registry().get("builtin")
QUICK = Wishes(settle=timedelta())


async def over(room, row):
    """Return an operation once it is over."""
    await room.over(row)
    assert room.operation(row.id).phase is OperationPhase.ACTIVE, room.operation(row.id)
    return room.operation(row.id)


async def with_leaf_ttl(room, hours):
    """Let other settings stand."""
    wanted = replace(room.changes.standing(), leaf_ttl=timedelta(hours=hours))
    row = await room.over(await room.changes.apply(wanted, actor="test", wishes=QUICK))
    assert row.kind is Kind.SETTINGS
    return row


def test_rolling_a_renewal_back_leaves_settings_that_were_changed_since():
    """It brings the old signer back, and nobody's configuration."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), BUILTIN, clock=FakeClock())
        async with running(room):
            await room.ready()
            await room.sign()  # so that the old signer stays
            renewal = await room.over(await room.changes.renew(actor="test", wishes=QUICK))
            await with_leaf_ttl(room, 5)
            done = await room.changes.roll_back(renewal.id, actor="test")
            assert done.phase is OperationPhase.ROLLED_BACK
            assert current_signer(room.store.snapshot)[1].id == renewal.old.signer
            assert room.changes.standing().leaf_ttl == timedelta(hours=5)

    asyncio.run(scenario())


def test_settings_that_were_changed_once_more_are_not_rolled_back_from_under_the_later_ones():
    """The last change goes first; until then the one before it has no way back."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), BUILTIN, clock=FakeClock())
        async with running(room):
            await room.ready()
            first = await with_leaf_ttl(room, 5)
            second = await with_leaf_ttl(room, 6)
            with pytest.raises(RequestError, match="does not stand"):
                await room.changes.roll_back(first.id, actor="test")
            await room.changes.roll_back(second.id, actor="test")
            assert room.changes.standing().leaf_ttl == timedelta(hours=5)
            await room.changes.roll_back(first.id, actor="test")
            assert room.changes.standing().leaf_ttl == timedelta(hours=72)

    asyncio.run(scenario())
