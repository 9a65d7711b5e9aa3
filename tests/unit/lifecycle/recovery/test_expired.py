"""What signs has ended: another one takes its place, and nobody is waited for in vain."""

import asyncio
from datetime import timedelta

import pytest

from ca_core.authority.rows import Phase, current_signer
from ca_core.errors import UnavailableError
from ca_core.lifecycle.rows import POLICY, Kind, OperationPhase, Wishes
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.recovery.mending import SickRoom


def past(certificate, now):
    """Return the span until a day after a certificate has ended."""
    return certificate.not_valid_after_utc - now + timedelta(days=1)


async def asleep_past(room, certificate):
    """Let time jump past an end, as for a server that did not run."""
    await room.sign()
    room.clock.advance(past(certificate, room.clock.now()))


def test_after_the_root_has_ended_another_signs_at_once():
    """Nothing that the old root verifies is alive: neither agents nor readers are waited for."""

    async def scenario():
        room = SickRoom()
        async with running(room):
            await room.ready()
            room.join("gone-too")
            old = room.current()
            await asleep_past(room, room.authority(old).anchor_certificate)
            woke = room.clock.now()
            await room.until(lambda: room.current() != old)
            done = room.latest()
            assert (done.kind, done.actor) == (Kind.ROTATE, POLICY)
            assert (done.crossed, done.left_behind) == (False, ())
            assert room.clock.now() - woke < Wishes().settle / 2
            assert (await room.sign()).pem.count("BEGIN") == 2
            await room.later(lambda: room.phase_of(old) is Phase.RETIRED)
            assert len(room.anchors()) == 1

    asyncio.run(scenario())


def test_an_agent_that_calls_is_waited_for_even_then():
    """Its connection outlived its root; it takes the new one and says so, or loses its lease."""

    async def scenario():
        room = SickRoom()
        async with running(room):
            await room.ready()
            room.join("calls")
            room.reachable = {"calls"}
            old = room.current()
            await asleep_past(room, room.authority(old).anchor_certificate)
            await room.until(lambda: "calls" in (room.latest().error if room.latest() else ""))
            assert room.current() == old
            room.acknowledge("calls")
            await room.until(lambda: room.current() != old)

    asyncio.run(scenario())


def test_after_the_signer_has_ended_another_signs_under_the_same_root():
    """The root is known everywhere, so nothing is distributed; meanwhile nothing is signed."""

    async def scenario():
        room = SickRoom()
        async with running(room):
            await room.ready()
            authority, signer = current_signer(room.store.snapshot)
            room.join("knows-the-root")
            await asleep_past(room, signer.certificates[0])
            with pytest.raises(UnavailableError, match="expired"):
                await room.sign()
            await room.until(lambda: current_signer(room.store.snapshot)[1].id != signer.id)
            done = room.latest()
            assert done.kind is Kind.RENEW
            assert OperationPhase.DISTRIBUTED not in {step.phase for step in done.history}
            assert room.current() == authority.id
            await room.sign()

    asyncio.run(scenario())
