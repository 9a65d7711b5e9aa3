"""The guard as a server opens it: what the store knows, it knows."""

import asyncio

from ca_core.authority.rows import CURRENT, SIGNERS, authorities, current_signer
from ca_core.state.memory import MemoryDisk, MemoryEngine
from ca_core.state.protocol import Change, Transaction
from ca_core.testing.reference import reference_plugin
from ca_core.testing.reference_backend import ReferenceBackend
from tests.unit.authority.cluster import Room, running


def test_a_provider_that_forgot_its_root_makes_no_second_one(fast_clock):
    """The authority stands in the store, its signer does not yet: another root is refused."""

    async def scenario() -> None:
        disk = MemoryDisk()
        first = Room(MemoryEngine(disk=disk), reference_plugin(ReferenceBackend()))
        async with running(first):
            await first.ready()
            signing = current_signer(first.store.snapshot)
            assert signing is not None
            gone = (Change(SIGNERS, signing[1].id, None), Change(CURRENT, "signer", None))
            await first.store.commit_async(Transaction(changes=gone))
            before = authorities(first.store.snapshot)
        forgetful = reference_plugin(ReferenceBackend())
        room = Room(MemoryEngine(disk=disk), forgetful, clock=fast_clock)
        async with running(room):
            async with asyncio.timeout(30):
                while not room.violations:
                    await asyncio.sleep(0.005)
            assert {error.rule for error in room.violations} == {"authority.7"}
            assert current_signer(room.store.snapshot) is None
            assert authorities(room.store.snapshot) == before
            assert "authority.7" in room.manager.why_not_ready()

    asyncio.run(scenario())
