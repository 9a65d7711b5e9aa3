"""A change of who signs, from the first step to the last."""

import asyncio
from datetime import timedelta

from ca_core.authority.registry import Registry
from ca_core.authority.rows import Phase, authorities, bundle, current_signer
from ca_core.authority.settings import CASettings
from ca_core.identity.keys import KeySpec, KeyType
from ca_core.lifecycle.rows import Kind, OperationPhase, Wishes
from ca_core.state.memory import MemoryEngine
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.rooms import LivingRoom

BUILTIN = Registry().get("builtin")
QUICK = Wishes(settle=timedelta())


def test_a_rotation_becomes_active_and_the_old_root_stays_in_the_bundle():
    """Nobody counts here, so nothing is waited for; the old authority drains."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), BUILTIN)
        async with running(room):
            await room.ready()
            first = current_signer(room.store.snapshot)[0].id
            await room.sign()
            begun = await room.changes.rotate(actor="test", wishes=QUICK)
            done = await room.over(begun)
            assert done.phase is OperationPhase.ACTIVE, done
            assert done.crossed
            assert done.reissue == 1
            current = current_signer(room.store.snapshot)[0]
            assert current.id == begun.new.authority
            assert len(bundle(room.store.snapshot)) == 2
            phases = {row.id: row.phase for row in authorities(room.store.snapshot)}
            assert phases == {first: Phase.DRAINING, current.id: Phase.SIGNING}
            leaf = await room.sign()
            assert leaf.pem.count("BEGIN CERTIFICATE") == 3

    asyncio.run(scenario())


def test_another_key_type_is_another_root_under_another_configuration():
    """The configuration that stands moves with the signer, in one commit."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), BUILTIN)
        async with running(room):
            await room.ready()
            settings = CASettings(provider="under-test", key=KeySpec(KeyType.ED25519, 256))
            begun = await room.changes.apply(settings, actor="test", wishes=QUICK)
            assert begun.kind is Kind.ROTATE
            await room.over(begun)
            assert room.operation(begun.id).phase is OperationPhase.ACTIVE, room.operation(begun.id)
            assert room.manager.settings.key.type is KeyType.ED25519
            assert await room.changes.apply(settings, actor="test", wishes=QUICK) is None

    asyncio.run(scenario())
