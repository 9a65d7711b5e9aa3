"""Steps that change nothing for those who only trust wake none of them."""

import asyncio
from datetime import timedelta

from ca_core.authority.registry import Registry
from ca_core.authority.rows import ROOTS_TOPIC
from ca_core.lifecycle.rows import OperationPhase, Wishes, operations
from ca_core.state.memory import MemoryEngine
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.rooms import LivingRoom


def test_a_rotation_is_news_of_the_roots_twice():
    """When the new anchor comes into the bundle, and when it signs; not while it is prepared."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), Registry().get("builtin"))
        async with running(room):
            await room.ready()
            await room.sign()  # so that the old authority stays in the bundle
            news, commit = [], room.store.commit_async

            async def watched(transaction):
                await commit(transaction)
                if ROOTS_TOPIC in transaction.topics:
                    news.append(operations(room.store.snapshot)[-1].phase)

            room.store.commit_async = watched
            begun = await room.changes.rotate(actor="test", wishes=Wishes(settle=timedelta()))
            await room.over(begun)
            assert news == [OperationPhase.DISTRIBUTED, OperationPhase.ACTIVE]

    asyncio.run(scenario())
