"""However often who signs is changed, what is kept of it stays small."""

import asyncio
from datetime import timedelta

import pytest

from ca_core.authority.registry import Registry
from ca_core.authority.rows import AUTHORITIES, authorities, bundle, current_signer, issuing_chain
from ca_core.authority.settings import CASettings
from ca_core.lifecycle.history import KEPT_OPERATIONS
from ca_core.lifecycle.marks import KEPT_MARKS, outlived_marks
from ca_core.lifecycle.rows import OPERATIONS, OperationPhase, Wishes
from ca_core.state.memory import MemoryEngine
from ca_core.state.providerstate import PROVIDER_STATE
from ca_core.state.store import Store
from ca_core.testing.clock import FakeClock
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.rooms import LivingRoom

BUILTIN = Registry().get("builtin")
QUICK = Wishes(settle=timedelta())
SETTINGS = CASettings(provider="under-test", leaf_ttl=timedelta(hours=1), csr_max_per_second=0)

MOST_ROWS = 45 + KEPT_MARKS
"""Of all tables, operations that are over excepted: two authorities, and marks of dead ids."""


async def changed(room, number):
    """Renew the signer or rotate the root, and let what was replaced leave."""
    ask = room.changes.rotate if number % 2 else room.changes.renew
    begun = await ask(actor="test", wishes=QUICK)
    await room.over(begun)
    assert room.operation(begun.id).phase is OperationPhase.ACTIVE, room.operation(begun.id)
    await room.sign()
    room.clock.advance(timedelta(hours=4))


def rows_of(view):
    """Return how many rows every table has."""
    return {name: len(rows) for name, rows in view.tables.items() if name != OPERATIONS}


async def many(changes):
    """Change who signs so often; nothing that is kept may grow."""
    room = LivingRoom(MemoryEngine(), BUILTIN, clock=FakeClock(), settings=SETTINGS)
    async with running(room):
        await room.ready()
        for number in range(changes):
            await changed(room, number)
            view = room.store.snapshot
            rows = rows_of(view)
            assert sum(rows.values()) <= MOST_ROWS, rows
            assert len(view.table(OPERATIONS)) <= KEPT_OPERATIONS + 1
            assert len(bundle(view)) <= 3
            assert issuing_chain(view, *current_signer(view)).count("BEGIN") <= 4
            assert len(room.lifecycle.tools.locks) <= 4
            assert len(room.manager.slots._slots) <= 4
            assert len(room.manager._introduced) <= 8
        return view


def test_some_rotations_leave_nothing_behind():
    """Rows, bundle, chain and what a server holds in memory are those of the last two changes."""
    asyncio.run(many(60))


def test_the_ids_that_died_last_stay_dead():
    """Whoever was slow is refused; marks are dropped only behind many others."""
    view = asyncio.run(many(6))
    living = {row.id for row in authorities(view)}
    marks = [key for key in view.table(PROVIDER_STATE) if key.endswith("/retired")]
    assert any(key.split("/")[2] not in living for key in marks)
    assert outlived_marks(view) == ()
    dead = (f"under-test/authority/ca-{number}/retired" for number in range(KEPT_MARKS + 3))
    store = Store(MemoryEngine())
    for key in dead:
        store.create(PROVIDER_STATE, key, b"retired")
    store.create(PROVIDER_STATE, "under-test/authority/ca-x/root/key", b"ec-256")
    oldest = tuple(f"under-test/authority/ca-{number}/retired" for number in range(3))
    assert outlived_marks(store.snapshot) == oldest
    store.create(AUTHORITIES, "ca-1", b"{}")
    assert "under-test/authority/ca-1/retired" not in outlived_marks(store.snapshot)
    store.close()


@pytest.mark.soak
def test_a_thousand_rotations_leave_nothing_behind():
    """The same, over as many changes as a century would bring."""
    asyncio.run(many(1000))
