"""Who signs may be changed as often as somebody likes while every authority before drains."""

import asyncio
from datetime import timedelta

from ca_core.agent.verification import MAX_CHAIN, trusted_path
from ca_core.authority.registry import Registry
from ca_core.authority.rows import bundle
from ca_core.identity.certificates import parsed_chain
from ca_core.lifecycle.rows import OperationPhase, Wishes
from ca_core.state.memory import MemoryEngine
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.rooms import LivingRoom

QUICK = Wishes(settle=timedelta())
ROTATIONS = 10
STEPS_BACK = 4
"""Rotations after which a verifier that has heard of none of them still finds a path."""


def test_a_chain_stays_short_enough_for_agents_however_many_authorities_drain():
    """Ten rotations in one leaf life: agents take the chain, and slow verifiers find a path."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), Registry().get("builtin"))
        async with running(room):
            await room.ready()
            await room.sign()
            for number in range(1, ROTATIONS + 1):
                begun = await room.changes.rotate(actor="test", wishes=QUICK)
                await room.until(lambda name=begun.id: not room.operation(name).is_open)
                assert room.operation(begun.id).phase is OperationPhase.ACTIVE
                chain = parsed_chain((await room.sign()).pem)
                anchors = bundle(room.store.snapshot)
                assert len(chain) <= MAX_CHAIN
                assert len(anchors) == number + 1  # all of them drain
                now = room.clock.now()
                for anchor in anchors[-1 - STEPS_BACK :]:
                    assert trusted_path(chain, (anchor,), now=now), number

    asyncio.run(scenario())
