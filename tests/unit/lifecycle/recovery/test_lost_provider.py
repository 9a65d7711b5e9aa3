"""The provider that signs has lost its state, or is gone for good: another one takes over."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from ca_core.authority.rows import AUTHORITIES, Phase, crosses_of, put
from ca_core.contract import EventType
from ca_core.errors import NotFoundError, ProviderError, RequestError
from ca_core.lifecycle.crosssigning import PATIENCE
from ca_core.lifecycle.rows import (
    LEFTOVERS,
    POLICY,
    Kind,
    LeftoverRow,
    OperationPhase,
    Wishes,
    leftovers,
)
from ca_core.state.memory import MemoryDisk, MemoryEngine
from ca_core.state.protocol import Transaction
from ca_core.testing.clock import FakeClock
from tests.unit.authority.cluster import running, short
from tests.unit.lifecycle.recovery.mending import BUILTIN, LEAF_TTL, Heard, SickRoom
from tests.unit.lifecycle.recovery.mortal import MortalBackend

BUILT_IN = replace(short(LEAF_TTL), provider="builtin")
SETTLE = timedelta(minutes=10)
WISHES = Wishes(settle=SETTLE)


def room_on(backend, **more):
    """Return a room whose provider is on a backend, and that knows the built-in one too."""
    return SickRoom(backend.plugin(), others={"builtin": BUILTIN}, **more)


@asynccontextmanager
async def signing_on(backend, **more):
    """Run such a room, once its first authority signs."""
    room = room_on(backend, **more)
    async with running(room):
        await room.ready()
        yield room


async def distributed(room, begun):
    """Return once the new root is out and somebody is waited for."""
    await room.until(
        lambda: (
            room.operation(begun.id).phase is OperationPhase.DISTRIBUTED
            and room.operation(begun.id).error
        )
    )


def test_a_provider_that_lost_its_state_is_replaced_without_its_help():
    """It cannot vouch for the new root, so time to settle and acknowledgements are what counts."""

    async def scenario():
        backend = MortalBackend()
        async with signing_on(backend) as room:
            room.join("laptop", life=timedelta(days=1))
            old = room.current()
            await room.sign()
            backend.forget()
            with pytest.raises(ProviderError):
                await room.sign()
            begun = await room.changes.apply(BUILT_IN, actor="test", wishes=WISHES)
            assert begun.kind is Kind.SWAP
            await distributed(room, begun)
            assert "laptop" in room.operation(begun.id).error
            room.acknowledge("laptop")
            await room.until(lambda: "settle" in room.operation(begun.id).error)
            assert room.current() == old
            room.clock.advance(SETTLE)
            done = await room.active(begun.id)
            assert not done.crossed
            assert crosses_of(room.store.snapshot, begun.new.authority) == ()
            assert room.phase_of(old) is Phase.DRAINING
            await room.sign()

    asyncio.run(scenario())


def test_what_a_lost_authority_signed_is_trusted_until_it_has_ended():
    """Its leaves are alive, whatever became of its key; it leaves when the last one ends."""

    async def scenario():
        backend = MortalBackend()
        async with signing_on(backend) as room:
            old = room.current()
            await room.sign()
            backend.forget()
            begun = await room.changes.apply(
                BUILT_IN, actor="test", wishes=Wishes(settle=timedelta())
            )
            await room.active(begun.id)
            assert len(room.anchors()) == 2
            room.clock.advance(LEAF_TTL + timedelta(hours=2))
            await room.later(lambda: len(room.anchors()) == 1)
            assert room.phase_of(old) is Phase.RETIRED

    asyncio.run(scenario())


def test_an_old_provider_that_is_away_is_waited_for_only_so_long():
    """It might vouch again in a moment; after a few minutes the change goes on without it."""

    async def scenario():
        backend = MortalBackend()
        async with signing_on(backend) as room:
            backend.is_gone = True
            begun = await room.changes.apply(BUILT_IN, actor="test", wishes=WISHES)
            await room.until(lambda: "no route" in room.operation(begun.id).error)
            assert room.operation(begun.id).phase is OperationPhase.PLANNED
            since = room.clock.now()
            out = OperationPhase.DISTRIBUTED
            await room.later(lambda: room.operation(begun.id).phase is out)
            assert room.clock.now() - since >= PATIENCE
            assert not room.operation(begun.id).crossed

    asyncio.run(scenario())


def test_an_old_provider_that_comes_back_in_time_vouches():
    """A short outage does not cost the cross-certificate."""

    async def scenario():
        backend = MortalBackend()
        async with signing_on(backend) as room:
            backend.is_gone = True
            begun = await room.changes.apply(BUILT_IN, actor="test", wishes=WISHES)
            await room.until(lambda: "no route" in room.operation(begun.id).error)
            backend.is_gone = False
            await room.later(lambda: not room.operation(begun.id).is_open)
            assert (await room.active(begun.id)).crossed

    asyncio.run(scenario())


def test_force_does_not_wait_for_a_provider_that_is_away():
    """Neither for its signature nor for anybody's acknowledgement; who is cut off is named."""

    async def scenario():
        backend = MortalBackend()
        async with signing_on(backend) as room:
            room.join("laptop", life=timedelta(days=1))
            backend.is_gone = True
            wishes = Wishes(force=True)
            begun = await room.changes.apply(BUILT_IN, actor="test", wishes=wishes)
            done = await room.active(begun.id)
            assert [name.rpartition("/")[2] for name in done.left_behind] == ["laptop"]
            await room.sign()

    asyncio.run(scenario())


def test_a_provider_that_cannot_be_opened_any_more_is_replaced():
    """A server that starts while its provider is gone for good changes who signs all the same."""

    async def scenario():
        backend, disk, clock = MortalBackend(), MemoryDisk(), FakeClock()
        first = room_on(backend, engine=MemoryEngine(disk=disk), clock=clock)
        async with running(first):
            await first.ready()
            await first.sign()
            old = first.current()
        backend.is_gone = True
        room = room_on(backend, engine=MemoryEngine(disk=disk), clock=clock)
        async with running(room):
            await room.until(lambda: "no route" in room.manager.why_not_ready())
            begun = await room.changes.apply(BUILT_IN, actor="test", wishes=WISHES)
            await distributed(room, begun)
            assert not room.operation(begun.id).crossed
            room.clock.advance(SETTLE)
            await room.active(begun.id)
            await room.sign()
            assert len(room.anchors()) == 2
            assert room.phase_of(old) is Phase.DRAINING

    asyncio.run(scenario())


def test_what_is_due_gives_way_when_its_provider_is_gone():
    """An automatic renewal that cannot even begin holds no operator back."""

    async def scenario():
        backend = MortalBackend()
        async with signing_on(backend) as room:
            backend.is_gone = True
            room.clock.advance(timedelta(days=364))
            await room.until(lambda: room.latest() is not None and room.latest().error)
            stuck = room.latest()
            assert (stuck.kind, stuck.actor) == (Kind.RENEW, POLICY)
            begun = await room.changes.apply(BUILT_IN, actor="ann", wishes=Wishes(force=True))
            assert "ann" in room.operation(stuck.id).reason
            await room.active(begun.id)

    asyncio.run(scenario())


def test_what_nobody_reaches_any_more_is_given_up_by_an_operator():
    """It stays in its backend; the store keeps nothing of it, and nothing is tried any more."""

    async def scenario():
        backend, heard = MortalBackend(), Heard()
        async with signing_on(backend, bystanders=heard.bystanders) as room:
            old = room.current()
            await room.sign()
            begun = await room.changes.apply(BUILT_IN, actor="test", wishes=Wishes(force=True))
            await room.active(begun.id)
            backend.is_gone = True
            room.clock.advance(LEAF_TTL + timedelta(hours=2))
            await room.later(lambda: any(row.error for row in leftovers(room.store.snapshot)))
            (left,) = leftovers(room.store.snapshot)
            assert (left.key, left.error) == (old, "no route to host")
            assert (await room.changes.abandon(old, actor="ann")).key == old
            view = room.store.snapshot
            assert leftovers(view) == ()
            assert view.get(AUTHORITIES, old) is None
            with pytest.raises(NotFoundError):
                await room.changes.abandon(old, actor="ann")
            await room.until(lambda: heard.of(EventType.LEFTOVER_ABANDONED))
            (told,) = heard.of(EventType.LEFTOVER_ABANDONED)
            assert (told["authority"], told["actor"]) == (old, "ann")
            assert "no route to host" in told["error"]
            assert len(backend.names()) == 2

    asyncio.run(scenario())


def test_what_can_be_removed_is_not_given_up():
    """Nothing is forgotten by mistake that its backend would have removed in a moment."""
    room = SickRoom()
    row = LeftoverRow(authority="ca-1", configuration="cfg-1", since=room.clock.now())
    room.store.commit(Transaction(changes=(put(LEFTOVERS, row.key, row),)))
    with pytest.raises(RequestError, match="being removed"):
        asyncio.run(room.changes.abandon("ca-1", actor="ann"))
    room.store.close()


def test_what_was_refused_before_anything_was_made_leaves_nothing_to_remove():
    """A wrong token would never let anybody remove it."""

    async def scenario():
        backend = MortalBackend()
        async with signing_on(backend) as room:
            backend.lacks = ("sys/mounts/root: update",)
            begun = await room.changes.rotate(actor="test", wishes=WISHES)
            done = await room.over(begun)
            assert done.phase is OperationPhase.FAILED
            assert "sys/mounts/root: update" in done.reason
            assert leftovers(room.store.snapshot) == ()

    asyncio.run(scenario())
