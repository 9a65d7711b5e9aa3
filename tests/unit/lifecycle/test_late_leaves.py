"""A leaf that was being signed while the one who signs was changed."""

import asyncio
from datetime import timedelta

from ca_core.authority.registry import Registry
from ca_core.authority.rows import SIGNERS, bundle, current_signer
from ca_core.authority.settings import CASettings
from ca_core.identity.certificates import parse_certificates
from ca_core.identity.paths import is_signed_by
from ca_core.lifecycle.rows import Kind, Wishes
from ca_core.state.memory import MemoryEngine
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.rooms import LivingRoom

QUICK = Wishes(settle=timedelta())
BUILTIN = Registry().get("builtin")


def is_trusted(room, issued):
    """Say whether the bundle given out now leads to a leaf."""
    chain = parse_certificates(issued.pem)
    return any(
        is_signed_by(link, anchor) for link in chain for anchor in bundle(room.store.snapshot)
    )


def test_a_signer_that_left_meanwhile_releases_nothing_and_its_successor_does():
    """The caller gets a leaf by the signer that signs now, and knows nothing of it."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), BUILTIN)
        async with running(room):
            await room.ready()
            old = current_signer(room.store.snapshot)[0]
            settled = room.manager.record.cover
            reached, released = asyncio.Event(), asyncio.Event()

            async def late(*args):
                if args[0] == old.id:
                    reached.set()
                    await released.wait()
                return await settled(*args)

            room.manager.record.cover = late
            leaf = asyncio.ensure_future(room.sign())
            await asyncio.wait_for(reached.wait(), 30)
            row = await room.changes.rotate(actor="test", wishes=QUICK)
            await room.over(row)
            await room.until(lambda: len(bundle(room.store.snapshot)) == 1)
            released.set()
            issued = await leaf
            assert is_trusted(room, issued)
            assert not [name for name in room.store.snapshot.table("ceilings") if old.id in name]

    asyncio.run(scenario())


def test_a_settings_change_does_not_close_the_provider_under_a_leaf_that_waits():
    """Whoever waited for a turn gets a leaf, through the provider that is open by then."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), BUILTIN)
        async with running(room):
            await room.ready()
            await room.sign()
            admit = room.manager._limiter.admit
            reached, released = asyncio.Event(), asyncio.Event()

            async def slowly(*args):
                reached.set()
                await released.wait()
                return await admit(*args)

            room.manager._limiter.admit = slowly
            leaf = asyncio.ensure_future(room.sign())
            await asyncio.wait_for(reached.wait(), 30)
            settings = CASettings(provider="under-test", leaf_ttl=timedelta(hours=2))
            row = await room.changes.apply(settings, actor="test", wishes=QUICK)
            assert row.kind is Kind.SETTINGS
            await room.over(row)
            await room.until(lambda: len(room.manager.slots._slots) == 1)
            released.set()
            assert is_trusted(room, await leaf)

    asyncio.run(scenario())


def test_a_settings_change_that_is_rolled_back_leaves_the_signer_known():
    """The first configuration's provider is opened anew, and has to be shown the signer anew."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), BUILTIN)
        async with running(room):
            await room.ready()
            await room.sign()
            settings = CASettings(provider="under-test", leaf_ttl=timedelta(hours=2))
            row = await room.changes.apply(settings, actor="test", wishes=QUICK)
            await room.over(row)
            await room.until(lambda: len(room.manager.slots._slots) == 1)
            await room.sign()
            await room.changes.roll_back(row.id, actor="test")
            await room.until(lambda: not room.manager.why_not_ready())
            assert is_trusted(room, await room.sign())

    asyncio.run(scenario())


def test_the_crl_of_an_authority_that_drains_is_served_after_a_restart():
    """Its signers are shown to the provider that this process has opened."""

    async def scenario():
        engine = MemoryEngine()
        room = LivingRoom(engine, BUILTIN)
        async with running(room):
            await room.ready()
            await room.sign()
            old = current_signer(room.store.snapshot)[0].id
            row = await room.changes.rotate(actor="test", wishes=QUICK)
            await room.over(row)
        again = LivingRoom(engine.reopen(), BUILTIN)
        async with running(again):
            await again.ready()
            assert len(again.store.snapshot.table(SIGNERS)) == 2
            place = next(p for p in again.manager.slots._slots if p.authority == old)
            await again.manager.slots.at(place).opened()
            (crl,) = await again.manager.crls.current(old)
            assert crl.next_update_utc is not None

    asyncio.run(scenario())
