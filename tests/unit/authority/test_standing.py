"""What stands in the store about signing, as of its newest state."""

import asyncio

from ca_core.authority.registry import Registry
from ca_core.authority.rows import current_signer, issuing_chain
from ca_core.authority.standing import Standing
from ca_core.state.kek import KeyRing
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import Change, Transaction
from ca_core.state.secrets import missing_keys, needed_keys
from tests.unit.authority.cluster import KEYS, Room, running

BUILTIN = Registry().get("builtin")


def test_what_stands_is_what_the_store_says():
    """Signer, chain and missing keys are those of the newest view, also after a commit."""

    async def scenario():
        room = Room(MemoryEngine(), BUILTIN)
        async with running(room):
            await room.ready()
            standing, store = Standing(room.store), room.store
            found = standing.signing()
            assert found == current_signer(store.snapshot)
            assert standing.chain(found) == issuing_chain(store.snapshot, *found)
            await store.commit_async(Transaction(changes=(Change("current", "signer", None),)))
            assert standing.signing() is None

    asyncio.run(scenario())


def test_a_key_that_is_taken_away_is_missed_without_any_commit():
    """Which keys are needed follows from the store, which are there does not."""

    async def scenario():
        room = Room(MemoryEngine(), BUILTIN)
        async with running(room):
            await room.ready()
            standing, view = Standing(room.store), room.store.snapshot
            assert needed_keys(view)
            assert standing.missing_keys(KEYS) == ()
            assert standing.missing_keys(KeyRing()) == missing_keys(view, KeyRing()) != ()
            assert standing.missing_keys(KEYS) == ()

    asyncio.run(scenario())
