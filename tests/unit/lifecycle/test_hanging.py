"""Providers that hang, or answer later: nobody else waits for them."""

import asyncio
from datetime import timedelta

import pytest

from ca_core.authority.registry import Registry
from ca_core.authority.rows import PENDING, Phase, authorities, bundle, current_signer
from ca_core.errors import UnavailableError
from ca_core.lifecycle.draft import rows_of_authority
from ca_core.lifecycle.rows import OperationPhase, Wishes, leftovers
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.memory import MemoryEngine
from ca_core.testing.clock import FakeClock
from ca_core.testing.slow import slow_plugin
from ca_core.testing.slow_backend import SlowBackend
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.gates import Gates
from tests.unit.lifecycle.rooms import LivingRoom

QUICK = Wishes(settle=timedelta())
BUILTIN = Registry().get("builtin")


def gated_room():
    """Return a room, and the gates of its provider."""
    gates = Gates()
    return LivingRoom(MemoryEngine(), gates.plugin(), clock=FakeClock()), gates


async def over_in_time(room, row):
    """Return an operation once it is over, while time passes: pauses come to their end."""
    async with asyncio.timeout(30):
        while room.operation(row.id).is_open:
            room.clock.advance(timedelta(seconds=1))
            await asyncio.sleep(0.01)
    return room.operation(row.id)


@pytest.mark.parametrize("name", ["ensure_authority", "prepare_signer"])
def test_a_taint_does_not_wait_for_a_provider_that_hangs_for_another_change(name):
    """The step that hangs is left to itself; what it makes at last is removed."""

    async def scenario():
        room, gates = gated_room()
        async with running(room):
            await room.ready()
            old = current_signer(room.store.snapshot)[0].id
            gates.close(name)
            hanging = await room.changes.rotate(actor="test", wishes=QUICK)
            await room.until(lambda: gates.is_waiting(name))
            first = gates.calls[name]
            tainted = await room.changes.taint(actor="test", wishes=QUICK)
            await room.until(lambda: gates.calls[name] > first)  # the second is being made
            assert room.operation(hanging.id).phase is OperationPhase.ABORTED
            gates.open(name)
            assert (await room.over(tainted)).phase is OperationPhase.ACTIVE
            await room.until(lambda: not leftovers(room.store.snapshot))
            known = {row.id for row in authorities(room.store.snapshot)}
            assert known <= {old, tainted.new.authority}
            assert not rows_of_authority(room.store.snapshot, hanging.new.authority)
            assert hanging.new.authority not in dict(gates.backend.names())

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["probe", "ensure_authority", "sign_leaf"])
def test_a_change_says_that_its_backend_does_not_answer(name):
    """Whoever watches learns what it waits for; once there is an answer it goes on."""

    async def scenario():
        room, gates = gated_room()
        async with running(room):
            await room.ready()
            gates.close(name)
            row = await room.changes.rotate(actor="test", wishes=QUICK)
            await room.until(lambda: gates.is_waiting(name))
            assert not room.operation(row.id).error
            for _ in range(3):
                room.clock.advance(timedelta(seconds=61))
                await asyncio.sleep(0.02)
            await room.until(lambda: "not answered" in room.operation(row.id).error)
            gates.open(name)
            done = await room.over(row)
            assert (done.phase, done.error) == (OperationPhase.ACTIVE, "")

    asyncio.run(scenario())


def test_a_change_gets_away_from_a_provider_that_hangs():
    """Its cross-certificate is a help, and nobody waits for it for ever."""

    async def scenario():
        room, gates = gated_room()
        async with running(room):
            await room.ready()
            gates.close("cross_sign")
            row = await room.changes.rotate(actor="test", wishes=QUICK)
            await room.until(lambda: gates.is_waiting("cross_sign"))
            done = await over_in_time(room, row)
            assert done.phase is OperationPhase.ACTIVE
            assert not done.crossed
            gates.open("cross_sign")

    asyncio.run(scenario())


def test_an_authority_leaves_the_bundle_while_the_removal_of_another_hangs():
    """What a backend holds is one thing, what everybody trusts another."""

    async def scenario():
        room, gates = gated_room()
        async with running(room):
            await room.ready()
            gates.close("retire")
            for number in range(1, 4):
                row = await room.changes.rotate(actor="test", wishes=QUICK)
                await room.over(row)
                room.clock.advance(timedelta(hours=3))  # the rehearsal's leaf has ended
                await room.until(lambda: len(bundle(room.store.snapshot)) == 1)
                await room.until(lambda n=number: gates.calls["retire"] == n)
            phases = [row.phase for row in authorities(room.store.snapshot)]
            assert phases == [Phase.RETIRED] * 3 + [Phase.SIGNING]
            gates.open("retire")
            await room.until(lambda: len(authorities(room.store.snapshot)) == 1)

    asyncio.run(scenario())


def test_a_removal_that_fails_is_tried_again_without_anybody_asking():
    """After a pause; why it failed is on record until then."""

    async def scenario():
        gates = Gates()
        room = LivingRoom(MemoryEngine(), gates.plugin(), clock=FakeClock())
        async with running(room):
            await room.ready()
            gates.fail("retire", UnavailableError("the backend is away"))
            await room.over(await room.changes.rotate(actor="test", wishes=QUICK))
            await room.until(lambda: leftovers(room.store.snapshot))
            await room.until(lambda: leftovers(room.store.snapshot)[0].error != "")
            gates.fail("retire", None)
            calls = gates.calls["retire"]
            await asyncio.sleep(0.05)
            assert gates.calls["retire"] == calls  # not before its pause is over
            for _ in range(4):
                room.clock.advance(timedelta(seconds=1))
                await asyncio.sleep(0.02)
            await room.until(lambda: not leftovers(room.store.snapshot))

    asyncio.run(scenario())


def test_a_backend_that_answers_everything_later_is_rotated():
    """The rehearsal waits for its leaf as a patient caller does, and leaves no promise behind."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), slow_plugin(SlowBackend()))
        async with running(room):
            await room.ready()
            done = await room.over(await room.changes.rotate(actor="test", wishes=QUICK))
            assert done.phase is OperationPhase.ACTIVE, done
            assert not room.store.snapshot.table(PENDING)

    asyncio.run(scenario())


def test_a_store_that_fails_now_and_then_ends_no_loop():
    """Whatever commit it hits, the operation goes on with the next look."""

    async def scenario():
        engine = FakeEngine(FakeBackend())
        room = LivingRoom(engine, BUILTIN, clock=FakeClock())
        async with running(room):
            await room.ready()
            row = await room.changes.rotate(actor="test", wishes=QUICK)
            for number in range(12):
                engine.fail(UnavailableError("the disk is full"), after_writing=number % 3 == 2)
                await asyncio.sleep(0.02)
                room.clock.advance(timedelta(seconds=10))
            assert (await over_in_time(room, row)).phase is OperationPhase.ACTIVE
            for _ in range(5):
                engine.fail(UnavailableError("the disk is full"))
                room.clock.advance(timedelta(hours=1))
                await asyncio.sleep(0.02)
            async with asyncio.timeout(30):
                while len(bundle(room.store.snapshot)) > 1:
                    room.clock.advance(timedelta(seconds=5))
                    await asyncio.sleep(0.01)
            assert not [task for task in room._tasks if task.done()]

    asyncio.run(scenario())


def test_an_abort_that_meets_a_step_ends_the_operation_all_the_same():
    """Another server has just brought it further: it is looked at again, and ended."""

    async def scenario():
        backend = FakeBackend()
        one, other = FakeEngine(backend), FakeEngine(backend)
        room = LivingRoom(one, BUILTIN)
        async with running(room):
            await room.ready()
            second = LivingRoom(other, BUILTIN, name="server-2")
            other.hold()
            later = Wishes(not_before=room.clock.now() + timedelta(hours=1))
            row = await room.changes.rotate(actor="test", wishes=later)
            await room.until(lambda: room.operation(row.id).phase is not OperationPhase.PLANNED)
            while second.store.snapshot.get("operations", row.id) is None:
                assert other.release_one()
            assert second.operation(row.id).phase is OperationPhase.PLANNED
            aborted = asyncio.ensure_future(second.changes.abort(row.id, actor="test"))
            await asyncio.sleep(0.05)
            other.release()
            assert (await aborted).phase is OperationPhase.ABORTED
            await second.manager.close()
            second.store.close()

    asyncio.run(scenario())


def test_a_rehearsal_during_which_the_machine_slept_begins_anew():
    """Nobody is asked for a leaf that has ended already; the operation goes on."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), slow_plugin(SlowBackend()), clock=FakeClock())
        async with running(room):
            while room.manager.why_not_ready():
                room.clock.advance(timedelta(milliseconds=50))
                await asyncio.sleep(0.002)
            row = await room.changes.renew(actor="test", wishes=QUICK)
            number = 0
            async with asyncio.timeout(30):
                while room.operation(row.id).is_open:
                    slept = number in {5, 10, 15, 20, 25, 30}
                    number += 1
                    span = timedelta(minutes=6) if slept else timedelta(milliseconds=50)
                    if number > 1000:  # some pause is long: let it end within the limit
                        span *= 4
                    room.clock.advance(span)
                    await asyncio.sleep(0.002)
            assert room.operation(row.id).phase is OperationPhase.ACTIVE, room.operation(row.id)

    asyncio.run(scenario())


def test_a_lease_holder_that_was_paused_changes_nothing_when_it_wakes():
    """Another server has finished its operation meanwhile: one authority was made, once."""

    async def scenario():
        backend, gates, clock = FakeBackend(), Gates(), FakeClock()
        one, other = (
            LivingRoom(FakeEngine(backend), gates.plugin(), name=name, clock=clock)
            for name in ("server-1", "server-2")
        )
        async with running(one, other):
            await one.ready()
            await one.until(lambda: one.keeper.leads or other.keeper.leads)
            if other.keeper.leads:
                one, other = other, one
            gates.close("prepare_signer")
            row = await one.changes.rotate(actor="test", wishes=QUICK)
            await one.until(lambda: gates.is_waiting("prepare_signer"))
            one._tasks.pop(0).cancel()  # it renews its lease no more
            async with asyncio.timeout(30):
                while not other.keeper.leads:
                    clock.advance(timedelta(seconds=5))
                    await asyncio.sleep(0.02)
            gates.open("prepare_signer")
            done = await over_in_time(other, row)
            assert done.phase is OperationPhase.ACTIVE, done
            await asyncio.sleep(0.1)
            phases = [row.phase for row in other.operation(row.id).history]
            assert phases == ["planned", "prepared", "distributed", "active"]
            made = [name for name, _ in gates.backend.names()]
            assert made.count(row.new.authority) == 2  # its root, its signer
            assert len(authorities(one.store.snapshot)) <= 2

    asyncio.run(scenario())
