"""What an operation says it waits for is what it waits for."""

import asyncio
from datetime import timedelta

from ca_core.authority.rows import put
from ca_core.lifecycle.rows import AGENTS, AGENTS_TOPIC, AgentRecord, Wishes
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import Change, Transaction
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.gates import Gates
from tests.unit.lifecycle.rooms import LivingRoom

LONELY = "n1"


def of_agents(change):
    """Return a commit of one change to the agents."""
    return Transaction(changes=(change,), topics=frozenset({AGENTS_TOPIC}))


def test_who_has_come_is_no_reason_to_wait_any_more():
    """While the last rehearsal runs, nobody is blamed whose acknowledgement is there."""

    async def scenario():
        gates = Gates()
        room = LivingRoom(MemoryEngine(), gates.plugin())
        async with running(room):
            await room.ready()
            now = room.clock.now()
            mute = AgentRecord(
                node=LONELY, spiffe_id="spiffe://x", keys=(), joined=now,
                leaf_not_after=now + timedelta(days=1),
            )  # fmt: skip
            await room.store.commit_async(of_agents(put(AGENTS, LONELY, mute)))
            begun = await room.changes.rotate(actor="test", wishes=Wishes(settle=timedelta()))
            await room.until(lambda: LONELY in room.operation(begun.id).error)
            gates.close("sign_leaf")
            await room.store.commit_async(of_agents(Change(AGENTS, LONELY, None)))
            await room.until(lambda: gates.is_waiting("sign_leaf"))
            assert room.operation(begun.id).error == ""
            gates.open("sign_leaf")
            await room.over(begun)

    asyncio.run(scenario())
