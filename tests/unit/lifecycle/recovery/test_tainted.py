"""A compromised root leaves every bundle within minutes; its leaves are re-issued in a hurry."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from ca_core.acl.principal import Anonymous
from ca_core.authority.rows import AUTHORITIES, Phase, put
from ca_core.contract import EventType
from ca_core.errors import ConflictError, RequestError
from ca_core.lifecycle.draining import LAST_SIGNATURES
from ca_core.lifecycle.evidence import Counted, Evidence, Go, Stay, decided
from ca_core.lifecycle.rows import (
    TAINTED_LEAVES,
    Ends,
    Kind,
    OperationPhase,
    OperationRow,
    PhaseChange,
    Wishes,
)
from ca_core.lifecycle.spread import URGENT
from ca_core.lifecycle.urgency import TAINT_PATIENCE, urgent
from ca_core.state.protocol import Transaction
from ca_core.testing.clock import START
from tests.unit.authority.cluster import csr_for, running
from tests.unit.lifecycle.recovery.mending import LEAF_TTL, Heard, SickRoom

QUICK = Wishes(settle=timedelta())


async def tainted(room):
    """Let another root sign because the present one is compromised; return that one's id."""
    old = room.current()
    begun = await room.changes.taint(actor="test", wishes=QUICK)
    assert begun.kind is Kind.TAINT
    await room.active(begun.id)
    return old


async def renewed(room, leaf):
    """Replace a leaf as its holder does."""
    ends = leaf.certificate.not_valid_after_utc
    return await room.manager.sign(csr_for("web"), principal=Anonymous(), replaces=ends)


def test_a_compromised_root_leaves_within_minutes_whoever_is_not_ready():
    """A leaf that nobody replaced is refused from then on; that is what it is for."""

    async def scenario():
        heard = Heard()
        room = SickRoom(bystanders=heard.bystanders)
        async with running(room):
            await room.ready()
            await room.sign()
            old = await tainted(room)
            since = room.clock.now()
            assert room.phase_of(old) is Phase.DRAINING
            await room.later(lambda: room.phase_of(old) is Phase.RETIRED)
            assert room.clock.now() - since <= TAINTED_LEAVES + timedelta(seconds=20)
            assert room.clock.now() - since >= TAINTED_LEAVES
            await room.until(lambda: heard.of(EventType.AUTHORITY_RETIRED))
            (told,) = heard.of(EventType.AUTHORITY_RETIRED)
            assert (told["authority"], told["tainted"]) == (old, "yes")

    asyncio.run(scenario())


def test_nobody_who_is_away_holds_up_the_end_of_a_compromised_root():
    """Without a word of the operator's it goes on after minutes, and names who was left behind."""

    async def scenario():
        room = SickRoom()
        async with running(room):
            await room.ready()
            await room.sign()
            room.join("away")
            begun = await room.changes.taint(actor="test")
            distributed = OperationPhase.DISTRIBUTED
            await room.until(lambda: room.operation(begun.id).phase is distributed)
            await room.until(lambda: "away" in room.operation(begun.id).error)
            room.clock.advance(TAINT_PATIENCE)
            done = await room.active(begun.id)
            assert [who.rpartition("/")[2] for who in done.left_behind] == ["away"]

    asyncio.run(scenario())


def test_without_a_cross_certificate_it_goes_on_too():
    """Those left behind are cut off; any other change would wait for them."""
    now = START + TAINT_PATIENCE + timedelta(seconds=1)
    begun = PhaseChange(phase=OperationPhase.DISTRIBUTED, at=START)
    ends = Ends(authority="a", signer="s", configuration="c")
    away = Counted(node="away", spiffe_id="id", until=now, holds=None, is_reachable=False)
    found = Evidence(counted=(away,), missing=(away,))
    row = OperationRow(
        id="op", kind=Kind.TAINT, phase=OperationPhase.DISTRIBUTED, actor="test", old=ends,
        new=ends, wishes=urgent(), history=(begun,),
    )  # fmt: skip
    assert decided(row, found, now) == Go(("id",))
    other = msgspec.structs.replace(row, kind=Kind.ROTATE)
    assert isinstance(decided(other, found, now), Stay)


def test_it_leaves_earlier_once_every_leaf_has_a_successor():
    """The record says so; nobody is cut off by that."""

    async def scenario():
        room = SickRoom()
        async with running(room):
            await room.ready()
            leaf = await room.sign()
            old = await tainted(room)
            since = room.clock.now()
            await renewed(room, leaf)
            await room.later(lambda: room.phase_of(old) is Phase.RETIRED)
            assert room.clock.now() - since < TAINTED_LEAVES / 2

    asyncio.run(scenario())


def test_a_server_that_has_not_heard_yet_is_given_time_to_sign_its_last():
    """It began to sign before the change, and its leaf is not in the record yet."""

    async def scenario():
        room = SickRoom()
        async with running(room):
            await room.ready()
            rotated = await room.changes.rotate(actor="test", wishes=QUICK)
            await room.active(rotated.id)  # its rehearsals are all that it signed
            old = await tainted(room)
            room.clock.advance(LAST_SIGNATURES - timedelta(seconds=1))
            for _ in range(40):
                await asyncio.sleep(0.005)
            assert room.phase_of(old) is Phase.DRAINING
            await room.later(lambda: room.phase_of(old) is Phase.RETIRED)

    asyncio.run(scenario())


def test_a_record_with_gaps_is_no_evidence():
    """A server died while this root signed: there may be leaves that nobody knows."""

    async def scenario():
        room = SickRoom()
        async with running(room):
            await room.ready()
            leaf = await room.sign()
            old = await tainted(room)
            since = room.clock.now()
            row = msgspec.structs.replace(room.authority(old), complete=False)
            gap = put(AUTHORITIES, old, row)
            room.store.commit(Transaction(changes=(gap,)))
            await renewed(room, leaf)
            await room.later(lambda: room.phase_of(old) is Phase.RETIRED)
            assert room.clock.now() - since >= TAINTED_LEAVES

    asyncio.run(scenario())


def test_agents_are_told_to_hurry_until_it_has_left():
    """Half the time that is left is theirs for drawing; the rest is for trying again."""

    async def scenario():
        room = SickRoom()
        room.lifecycle.reissue._living.most = lambda _: 10_000_000
        async with running(room):
            await room.ready()
            await room.sign()

            async def spread():
                room.clock.advance(timedelta(seconds=4))
                return await room.lifecycle.reissue.spread()

            await limited(room)
            assert await spread() == LEAF_TTL / 6
            old = await tainted(room)
            assert await spread() == URGENT
            await room.later(lambda: room.phase_of(old) is Phase.RETIRED)
            assert await spread() == LEAF_TTL / 6

    asyncio.run(scenario())


async def limited(room):
    """Let signing be limited, so that re-issue takes time."""
    standing = await asyncio.to_thread(room.changes.standing)
    begun = await room.changes.apply(
        replace(standing, csr_max_per_second=50), actor="test", wishes=QUICK
    )
    await room.active(begun.id)


def test_a_root_that_drains_can_be_declared_compromised_too():
    """No other root is needed: it leaves within minutes, with what it signed."""

    async def scenario():
        room = SickRoom()
        async with running(room):
            await room.ready()
            old = room.current()
            await room.sign()
            rotated = await room.changes.rotate(actor="test", wishes=QUICK)
            await room.active(rotated.id)
            since = room.clock.now()
            assert await room.changes.taint(old, actor="test") is None
            with pytest.raises(RequestError, match="compromised"):
                await room.changes.roll_back(rotated.id, actor="test")
            await room.later(lambda: room.phase_of(old) is Phase.RETIRED)
            assert room.clock.now() - since <= TAINTED_LEAVES + timedelta(seconds=20)
            assert len(room.anchors()) == 1

    asyncio.run(scenario())


def test_a_taint_preempts_what_is_not_active_yet():
    """What was open is aborted, and says why; the slot is the taint's."""

    async def scenario():
        room = SickRoom()
        async with running(room):
            await room.ready()
            room.join("silent")
            open_one = await room.changes.rotate(actor="ann", wishes=QUICK)
            await room.until(lambda: "silent" in room.operation(open_one.id).error)
            begun = await room.changes.taint(actor="bob", wishes=Wishes(force=True))
            stopped = room.operation(open_one.id)
            assert stopped.phase is OperationPhase.ABORTED
            assert "tainted" in stopped.reason
            await room.active(begun.id)
            await room.later(lambda: len(room.anchors()) == 1)

    asyncio.run(scenario())


def test_one_taint_does_not_preempt_another():
    """The second is refused with the first one's id: it leads away from that root already."""

    async def scenario():
        room = SickRoom()
        async with running(room):
            await room.ready()
            room.join("silent")
            first = await room.changes.taint(actor="ann", wishes=QUICK)
            with pytest.raises(ConflictError, match=first.id):
                await room.changes.taint(actor="bob", wishes=QUICK)

    asyncio.run(scenario())


def test_who_was_meant_is_settled_before_anything_is_preempted():
    """A rotation that becomes active at that moment does not turn the taint on the new root."""

    async def scenario():
        room = SickRoom()
        async with running(room):
            await room.ready()
            meant = room.current()
            await room.sign()
            rotated = await room.changes.rotate(actor="ann", wishes=QUICK)
            abort = room.changes.abort

            async def late(name, **more):
                await room.active(rotated.id)
                return await abort(name, **more)

            room.changes.abort = late
            assert await room.changes.taint(actor="bob", wishes=QUICK) is None
            assert room.current() == rotated.new.authority
            assert room.authority(meant).tainted
            assert not room.authority(rotated.new.authority).tainted

    asyncio.run(scenario())
