"""S16: an expired root can be left, and no rotation between kinds of keys is one too many."""

from ca_core.agent.verification import trusted_path
from ca_core.state.memory import MemoryEngine
from tests.integration.lifecycle.walks import HOUR, KINDS, LEAF_TTL, PLAIN, QUICK, WalkedRoom
from tests.unit.authority.cluster import running

WAY = (KINDS[1], KINDS[0], KINDS[4], KINDS[2], KINDS[3], KINDS[1], KINDS[0])
"""RSA and EC and back, by way of corporate and Ed25519 roots."""


async def test_s16_rotation_after_rotation_crosses_every_pair_of_keys():
    """Seven in a row while all drain: each is vouched for by the one before."""
    room = WalkedRoom(MemoryEngine(), PLAIN)
    async with running(room):
        await room.ready()
        for kind in WAY:
            await room.sign()
            before = (room.signing().anchor_certificate,)
            wanted = kind.settings()
            row = await room.changed(room.changes.apply(wanted, actor="test", wishes=QUICK))
            assert row.crossed
            chain, now = await room.presented(), room.clock.now()
            assert trusted_path(chain, before, now=now)
            assert trusted_path(chain, (room.signing().anchor_certificate,), now=now)


async def test_s16_a_root_that_has_ended_is_left_and_changes_go_on():
    """Nothing can vouch for its successor, and nothing needs to: no leaf of it is alive."""
    settings = PLAIN.settings(root_ttl=2 * LEAF_TTL, intermediate_ttl=2 * LEAF_TTL)
    room = WalkedRoom(MemoryEngine(), PLAIN, settings=settings)
    async with running(room):
        await room.ready()
        await room.sign()
        (old,) = room.anchors()
        room.clock.advance(3 * LEAF_TTL + HOUR)
        await room.eventually(lambda: room.signing().anchor_certificate != old)
        chain = await room.presented()
        assert trusted_path(chain, room.anchors(), now=room.clock.now())
        row = await room.changed(
            room.changes.apply(KINDS[1].settings(), actor="test", wishes=QUICK)
        )
        assert row.crossed
        chain = await room.presented()
        assert trusted_path(chain, room.anchors(), now=room.clock.now())
        await room.eventually(lambda: old not in room.anchors())
