"""The chain handed out keeps containing what verifiers with older bundles need."""

import asyncio
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ca_core.agent.verification import trusted_path
from ca_core.authority.rows import CROSSES, CrossRow, decoded
from ca_core.identity.certificates import parsed_chain
from ca_core.lifecycle.rows import Kind
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.memory import MemoryDisk, MemoryEngine
from ca_core.testing.clock import FakeClock
from tests.integration.lifecycle.walks import HOUR, KINDS, LEAF_TTL, PLAIN, QUICK, WalkedRoom
from tests.unit.authority.cluster import running

RSA = KINDS[1]
BOUGHT = next(kind for kind in KINDS if kind.corporate)


async def still_verified(room, *bundles):
    """Assert that a leaf of now is valid for whoever holds one of these bundles."""
    chain = await room.presented()
    for held in bundles:
        assert trusted_path(chain, held, now=room.clock.now())


async def rotated(room):
    """Rotate the root; return the bundle of before."""
    await room.sign()
    before = room.anchors()
    row = await room.changed(room.changes.rotate(actor="test", wishes=QUICK))
    assert row.crossed
    return before


def crosses(room):
    """Return every cross-certificate, parsed."""
    rows = room.store.snapshot.table(CROSSES).values()
    return [parsed_chain(decoded(CrossRow, row.value).certificate)[0] for row in rows]


async def test_b05_a_leader_change_keeps_the_cross_certificate():
    """Whoever leads next hands out what the first one did; so does who only follows."""
    backend, clock = FakeBackend(), FakeClock()
    first = WalkedRoom(FakeEngine(backend), PLAIN, clock=clock, name="server-1")
    second = WalkedRoom(FakeEngine(backend), PLAIN, clock=clock, name="server-2")
    async with running(first, second):
        await first.ready()
        await second.ready()
        leads, follows = (first, second) if first.keeper.leads else (second, first)
        old = await rotated(leads)
        await follows.until(lambda: follows.signing().id == leads.signing().id)
        await still_verified(follows, old)
        await leads.kill()
        clock.advance(timedelta(seconds=30))

        def took_over():
            clock.advance(timedelta(seconds=1))
            return follows.keeper.leads

        await follows.until(took_over)
        await still_verified(follows, old, follows.anchors())


async def test_b05_a_restart_keeps_the_cross_certificate():
    """The chain comes from the store, not from what a process remembers."""
    disk, clock = MemoryDisk(), FakeClock()
    room = WalkedRoom(MemoryEngine(disk=disk), PLAIN, clock=clock)
    async with running(room):
        await room.ready()
        old = await rotated(room)
    again = WalkedRoom(MemoryEngine(disk=disk), PLAIN, clock=clock)
    async with running(again):
        await again.ready()
        await still_verified(again, old, again.anchors())


async def test_b12_an_update_of_settings_keeps_the_cross_certificate():
    """Settings, a renewed signer, settings again: every new leaf has it."""
    room = WalkedRoom(MemoryEngine(), PLAIN)
    async with running(room):
        await room.ready()
        old = await rotated(room)
        ask = room.changes
        for change in (
            ask.apply(PLAIN.settings(strict_key_usage=True), actor="test", wishes=QUICK),
            ask.renew(actor="test", wishes=QUICK),
            ask.apply(PLAIN.settings(), actor="test", wishes=QUICK),
        ):
            row = await room.changed(change)
            assert row.kind in {Kind.SETTINGS, Kind.RENEW}
            await still_verified(room, old, room.anchors())


async def test_b12_a_way_back_keeps_every_path():
    """Rolled back while draining: the old leaves, and those the new one signed meanwhile."""
    room = WalkedRoom(MemoryEngine(), PLAIN)
    async with running(room):
        await room.ready()
        await room.sign()
        old = room.anchors()
        row = await room.changed(room.changes.rotate(actor="test", wishes=QUICK))
        meanwhile, both = await room.presented(), room.anchors()
        await room.changes.roll_back(row.id, actor="test")
        await still_verified(room, old, both, room.anchors())
        for held in (old, both, room.anchors()):
            assert trusted_path(meanwhile, held, now=room.clock.now())


async def test_a_third_authority_is_verified_while_the_first_still_drains():
    """From the first by two cross-certificates, from the second by one, from its own by none."""
    room = WalkedRoom(MemoryEngine(), PLAIN)
    async with running(room):
        await room.ready()
        first = room.anchors()
        await rotated(room)
        second = tuple(one for one in room.anchors() if one not in first)
        await rotated(room)
        third = tuple(one for one in room.anchors() if one not in first + second)
        assert len(room.anchors()) == 3
        await still_verified(room, first, second, third)


@pytest.mark.parametrize("kind", [PLAIN, BOUGHT], ids=str)
async def test_b09_a_cross_certificate_is_signed_as_the_signing_key_asks(kind):
    """An EC primary CA below an RSA corporate root signs with ECDSA, not as itself was signed."""
    room = WalkedRoom(MemoryEngine(), kind)
    async with running(room):
        await room.ready()
        await room.sign()
        assert isinstance(room.signing().certificates[0].public_key(), ec.EllipticCurvePublicKey)
        row = await room.changed(room.changes.apply(RSA.settings(), actor="test", wishes=QUICK))
        assert row.crossed
        (cross,) = crosses(room)
        assert isinstance(cross.public_key(), rsa.RSAPublicKey)
        assert cross.signature_algorithm_oid == x509.SignatureAlgorithmOID.ECDSA_WITH_SHA256


@pytest.mark.parametrize("leaf_ttl", [HOUR, timedelta(days=30), timedelta(days=365)])
async def test_b19_a_cross_certificate_lives_as_long_as_the_longest_leaf_needs_it(leaf_ttl):
    """Not a fixed week: past every leaf that meets a verifier of the old root."""
    settings = PLAIN.settings(leaf_ttl=leaf_ttl)
    room = WalkedRoom(MemoryEngine(), PLAIN, settings=settings)
    async with running(room):
        await room.ready()
        old_leaf = (await room.presented())[0]
        await rotated(room)
        (cross,) = crosses(room)
        now = room.clock.now()
        assert cross.not_valid_after_utc >= old_leaf.not_valid_after_utc
        assert cross.not_valid_after_utc >= (await room.presented())[0].not_valid_after_utc
        assert now + 2 * leaf_ttl <= cross.not_valid_after_utc <= now + 2 * leaf_ttl + 24 * HOUR


async def test_b19_a_cross_certificate_is_bounded_by_its_issuer():
    """An old root that ends soon vouches until then and not a second longer."""
    settings = PLAIN.settings(root_ttl=2 * LEAF_TTL, intermediate_ttl=2 * LEAF_TTL)
    room = WalkedRoom(MemoryEngine(), PLAIN, settings=settings)
    async with running(room):
        await room.ready()
        end = room.anchors()[0].not_valid_after_utc
        await rotated(room)
        (cross,) = crosses(room)
        assert cross.not_valid_after_utc == end
        assert cross.serial_number not in {one.serial_number for one in room.anchors()}


async def test_b02_a_root_stays_until_the_last_leaf_under_it_has_ended():
    """Whatever life of leaves the configuration says afterwards: what was issued counts."""
    day = 24 * HOUR
    room = WalkedRoom(MemoryEngine(), PLAIN, settings=PLAIN.settings(leaf_ttl=3 * day))
    async with running(room):
        await room.ready()
        leaf = await room.presented()
        ends = leaf[0].not_valid_after_utc
        old = await rotated(room)
        await room.changed(room.changes.apply(PLAIN.settings(), actor="test", wishes=QUICK))
        while room.clock.now() < ends - HOUR:
            room.clock.advance(HOUR)
            await asyncio.sleep(0.005)  # a look of the one who lets authorities leave
            assert old[0] in room.anchors()
            assert trusted_path(leaf, room.anchors(), now=room.clock.now())
        room.clock.advance(3 * HOUR)
        await room.eventually(lambda: old[0] not in room.anchors())
