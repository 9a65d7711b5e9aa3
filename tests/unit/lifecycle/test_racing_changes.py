"""Two who change the configuration at once: the slower one decided on what stands no more."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from ca_core.authority.rows import AUTHORITIES, AuthorityRow, read
from ca_core.errors import ConflictError
from ca_core.lifecycle.rows import OperationPhase, Wishes
from ca_core.state.memory import MemoryEngine
from ca_core.testing.clock import FakeClock
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.gates import Gates
from tests.unit.lifecycle.rooms import LivingRoom

QUICK = Wishes(settle=timedelta())


def test_a_change_that_was_overtaken_while_its_backend_was_asked_does_not_begin():
    """Else it would take back what the faster one did, and might be of the wrong kind."""

    async def scenario():
        gates = Gates()
        room = LivingRoom(MemoryEngine(), gates.plugin(), clock=FakeClock())
        async with running(room):
            await room.ready()
            standing = room.changes.standing()
            slow = replace(standing, config={"external_issuer": False})
            gates.close("probe")
            slower = asyncio.ensure_future(room.changes.apply(slow, actor="slow", wishes=QUICK))
            await room.until(lambda: gates.is_waiting("probe"))
            quick = replace(standing, leaf_ttl=timedelta(hours=5))
            row = await room.changes.apply(quick, actor="quick", wishes=QUICK)
            await room.until(lambda: not room.operation(row.id).is_open)
            gates.open("probe")
            with pytest.raises(ConflictError, match="another configuration"):
                await slower
            assert room.changes.standing().leaf_ttl == timedelta(hours=5)

    asyncio.run(scenario())


def test_a_taint_is_not_lost_to_a_rollback_of_the_same_moment():
    """The compromised root has just begun to sign again: then it is changed away from."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), Gates().plugin(), clock=FakeClock())
        async with running(room):
            await room.ready()
            await room.sign()  # so that the old root stays
            row = await room.over(await room.changes.rotate(actor="test", wishes=QUICK))
            back = room.changes.roll_back(row.id, actor="test")
            taint = room.changes.taint(row.old.authority, actor="test", wishes=QUICK)
            _, begun = await asyncio.gather(back, taint)
            assert begun is not None
            assert (await room.over(begun)).phase is OperationPhase.ACTIVE
            old = read(room.store.snapshot, AuthorityRow, AUTHORITIES, row.old.authority)
            assert old is None or old.tainted

    asyncio.run(scenario())
