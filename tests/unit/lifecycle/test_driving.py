"""What is done about an error of a step, and what a bundle that nobody vouches for keeps back."""

import asyncio
from datetime import timedelta

import pytest

from ca_core.authority.registry import Registry
from ca_core.authority.rows import bundle, put
from ca_core.authority.settings import CASettings
from ca_core.contract.capabilities import Capability
from ca_core.errors import (
    AuthorityRetiredError,
    CapabilityUnsupportedError,
    ConfigError,
    ConflictError,
    NotReadyError,
    OutcomeUnknownError,
    PermissionDeniedError,
    ProviderError,
    RateLimitedError,
    RequestError,
    SignerUnknownError,
    UnavailableError,
)
from ca_core.identity.certificates import fingerprint
from ca_core.lifecycle.activating import held_bundles
from ca_core.lifecycle.driving import Fault, fault_of
from ca_core.lifecycle.evidence import digest_of
from ca_core.lifecycle.rows import (
    ACKNOWLEDGEMENTS,
    AGENTS,
    AcknowledgementRow,
    AgentRecord,
    OperationPhase,
    Wishes,
)
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import Transaction
from ca_core.testing.clock import FakeClock
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.rooms import LivingRoom

BUILTIN = Registry().get("builtin")
QUICK = Wishes(settle=timedelta())


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (ConflictError("lost"), Fault.RACE),
        (ConfigError("wrong"), Fault.LASTING),
        (RequestError("wrong"), Fault.LASTING),
        (PermissionDeniedError("denied"), Fault.LASTING),
        (CapabilityUnsupportedError(Capability.CROSS_SIGN), Fault.LASTING),
        (AuthorityRetiredError("ca-1"), Fault.LASTING),
        (SignerUnknownError("signer-1"), Fault.LASTING),
        (UnavailableError("away"), Fault.PASSING),
        (NotReadyError("opening"), Fault.PASSING),
        (OutcomeUnknownError("lost"), Fault.PASSING),
        (RateLimitedError(retry_after=timedelta(seconds=1)), Fault.PASSING),
        (ProviderError("a bug"), Fault.PASSING),
    ],
)
def test_an_error_ends_an_operation_only_if_trying_again_does_not_mend_it(error, fault):
    """A lost race is looked at again at once, an outage after a pause."""
    assert fault_of(error) is fault


async def given_agent(room, node, anchors):
    """Let an agent count that holds these anchors."""
    await acknowledged_by(room, node, tuple(sorted(fingerprint(anchor) for anchor in anchors)))


async def acknowledged_by(room, node, prints):
    """Let an agent count that says it holds these fingerprints."""
    record = AgentRecord(
        node=node,
        spiffe_id=f"spiffe://mesh/{node}",
        keys=(),
        joined=room.clock.now(),
        leaf_not_after=room.clock.now() + timedelta(days=30),
    )
    said = AcknowledgementRow(
        digest=digest_of(prints),
        anchors=prints,
        epoch=room.store.snapshot.epoch,
        at=room.clock.now(),
    )
    rows = put(AGENTS, node, record), put(ACKNOWLEDGEMENTS, node, said)
    await room.store.commit_async(Transaction(changes=rows, topics=frozenset({"agents"})))


def test_an_agent_that_was_left_behind_keeps_no_renewal_from_going_on():
    """It knows only a root that is gone; a signer that is never renewed would end for all."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), BUILTIN, clock=FakeClock())
        async with running(room):
            await room.ready()
            first = bundle(room.store.snapshot)
            await room.over(await room.changes.rotate(actor="test", wishes=QUICK))
            room.clock.advance(timedelta(days=5))
            await room.until(lambda: len(bundle(room.store.snapshot)) == 1)
            await given_agent(room, "left-behind", first)
            done = await room.over(await room.changes.renew(actor="test", wishes=QUICK))
            assert done.phase is OperationPhase.ACTIVE, done

    asyncio.run(scenario())


def test_a_forced_change_leaves_behind_whom_it_names():
    """And nobody else; whoever is missing stands in the operation's row."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), BUILTIN, clock=FakeClock())
        async with running(room):
            await room.ready()
            await given_agent(room, "far-away", bundle(room.store.snapshot))
            wishes = Wishes(settle=timedelta(), force=True)
            done = await room.over(await room.changes.rotate(actor="test", wishes=wishes))
            assert done.phase is OperationPhase.ACTIVE, done
            assert done.left_behind == ("spiffe://mesh/far-away",)

    asyncio.run(scenario())


def test_whoever_comes_back_during_the_rehearsal_is_waited_for():
    """The evidence is weighed once more, on what the commit is decided on."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), BUILTIN, clock=FakeClock())
        async with running(room):
            await room.ready()
            old = bundle(room.store.snapshot)
            alive = room.manager.record.alive
            entered, loop = asyncio.Event(), asyncio.get_running_loop()

            def counted_slowly(*args):
                asyncio.run_coroutine_threadsafe(given_agent(room, "back", old), loop).result(10)
                loop.call_soon_threadsafe(entered.set)
                return alive(*args)

            object.__setattr__(room.manager.record, "alive", counted_slowly)
            row = await room.changes.rotate(actor="test", wishes=QUICK)
            await asyncio.wait_for(entered.wait(), 30)
            room.manager.record.alive = alive
            await room.until(lambda: "back" in room.operation(row.id).error)
            assert room.operation(row.id).phase is OperationPhase.DISTRIBUTED

    asyncio.run(scenario())


def test_the_same_configuration_applied_a_hundred_times_changes_nothing():
    """No operation, no row, no index."""

    async def scenario():
        settings = CASettings(provider="under-test")
        room = LivingRoom(MemoryEngine(), BUILTIN, clock=FakeClock(), settings=settings)
        async with running(room):
            await room.ready()
            await asyncio.sleep(0.05)
            index = room.store.snapshot.index
            for _ in range(100):
                assert await room.changes.apply(settings, actor="test") is None
            assert room.store.snapshot.index == index

    asyncio.run(scenario())


def test_an_agent_that_claims_another_root_each_time_holds_no_change_up():
    """What no chain leads to counts for nothing, so nothing new is to be rehearsed for it."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), BUILTIN, clock=FakeClock())
        async with running(room):
            await room.ready()
            later = Wishes(settle=timedelta(), not_before=room.clock.now() + timedelta(hours=1))
            row = await room.changes.rotate(actor="test", wishes=later)
            await room.until(lambda: room.operation(row.id).phase is OperationPhase.DISTRIBUTED)
            standing = room.operation(row.id)
            found = set()
            for number in range(3):
                prints = {fingerprint(anchor) for anchor in bundle(room.store.snapshot)}
                claimed = tuple(sorted(prints | {f"{number:064x}"}))
                await acknowledged_by(room, "liar", claimed)
                found.add(held_bundles(room.lifecycle.tools, standing))
            assert len(found) == 1

    asyncio.run(scenario())
