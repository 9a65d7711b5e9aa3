"""S04, S05, S07 and S11: what rotations forgot, missed, piled up and leaked elsewhere."""

import asyncio
from datetime import timedelta

import pytest

from ca_core.agent.rootscache import RootsCache
from ca_core.agent.upstream import RootsAnswer
from ca_core.authority.roots import roots_index, roots_of
from ca_core.authority.rows import ROOTS_TOPIC, SIGNERS, authorities
from ca_core.errors import ConfigError
from ca_core.identity.certificates import fingerprint
from ca_core.lifecycle.marks import KEPT_MARKS
from ca_core.lifecycle.rows import OPERATIONS, OperationPhase, leftovers
from ca_core.state.memory import MemoryDisk, MemoryEngine
from ca_core.testing.clock import FakeClock
from tests.integration.lifecycle.walks import HOUR, KINDS, PLAIN, QUICK, WalkedRoom, prints
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.defects.failing import Failing
from tests.unit.lifecycle.rooms import LivingRoom


async def test_s04_old_roots_survive_a_change_of_provider_and_a_restart():
    """Until the leaves under them have ended, and not longer."""
    disk, clock = MemoryDisk(), FakeClock()
    bought = next(kind for kind in KINDS if kind.corporate)
    room = WalkedRoom(MemoryEngine(disk=disk), PLAIN, clock=clock)
    async with running(room):
        await room.ready()
        await room.sign()
        await room.changed(room.changes.apply(bought.settings(), actor="test", wishes=QUICK))
        both = prints(room.anchors())
        assert len(both) == 2
    again = WalkedRoom(MemoryEngine(disk=disk), PLAIN, clock=clock)
    async with running(again):
        await again.ready()
        clock.advance(2 * HOUR)
        await again.sign()
        assert prints(again.anchors()) == both
        clock.advance(6 * HOUR)
        await again.eventually(lambda: len(again.anchors()) == 1)


async def test_s05_signers_that_nobody_needs_do_not_pile_up():
    """Twelve renewals: what is on record is what signs, and what has leaves that live."""
    counting = Failing()
    room = LivingRoom(MemoryEngine(), counting.plugin, clock=FakeClock(), settings=PLAIN.settings())
    async with running(room):
        await room.ready()
        for _ in range(12):
            await room.sign()
            row = await room.changes.renew(actor="test", wishes=QUICK)
            await room.over(row)
            room.clock.advance(6 * HOUR)
            await room.until(lambda: not leftovers(room.store.snapshot))
        await room.until(lambda: len(room.store.snapshot.table(SIGNERS)) == 1)
        assert len(roots_of(room.store.snapshot).roots) == 1
        assert len((await room.sign()).pem.split("BEGIN")) == 3


class Beside:
    """The roots of a server, as an agent beside it asks for them."""

    def __init__(self, room):
        self._room = room

    async def roots(self, *, index=0, wait=timedelta(minutes=1)):
        """Return the roots once they are not those of ``index``."""
        store = self._room.store
        if index and index == roots_index(store.snapshot):
            await store.wait((ROOTS_TOPIC,), index, wait.total_seconds())
        view = store.snapshot
        return RootsAnswer(value=roots_of(view), index=roots_index(view))


async def test_s07_every_rotation_is_noticed_not_the_first_alone():
    """Five in a row: an agent knows each new root, and which one signs."""
    room = WalkedRoom(MemoryEngine(), PLAIN)
    async with running(room):
        await room.ready()
        cache = RootsCache(Beside(room), room.clock, lambda: 0.5)
        following = asyncio.create_task(cache.run())
        for number in range(1, 6):
            await room.sign()
            await room.changed(room.changes.rotate(actor="test", wishes=QUICK))
            wanted = fingerprint(room.signing().anchor_certificate)

            def knows(wanted=wanted, number=number):
                known = cache.latest
                found = known and dict(zip(prints(known.anchors), known.value.roots, strict=True))
                return bool(found) and len(found) == number + 1 and found[wanted].active

            await room.until(knows)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@pytest.mark.parametrize("method", ["ensure_authority", "prepare_signer", "sign_leaf"])
async def test_s11_a_hundred_failed_changes_leave_nothing_behind(method):
    """No provider stays open, no row, no authority; and the backend is not hammered."""
    broken = Failing()
    broken.only_under = lambda config: config.disable_cross_signing
    broken.fail(method, ConfigError("no such thing", where="ca.config"))
    room = LivingRoom(MemoryEngine(), broken.plugin, clock=FakeClock(), settings=PLAIN.settings())
    wanted = KINDS[2].settings()
    wanted.config["disable_cross_signing"] = True
    async with running(room):
        await room.ready()
        rows = {name: len(table) for name, table in room.store.snapshot.tables.items()}
        for _ in range(100):
            row = await room.changes.apply(wanted, actor="test", wishes=QUICK)
            await room.over(row)
            assert room.operation(row.id).phase is OperationPhase.FAILED
        await room.until(lambda: not leftovers(room.store.snapshot))
        await room.until(lambda: broken.counts["opened"] == broken.counts["closed"] + 1)
        assert broken.counts[method] <= 101
        assert len(authorities(room.store.snapshot)) == 1
        after = {name: len(table) for name, table in room.store.snapshot.tables.items()}
        grown = {name: after[name] - rows.get(name, 0) for name in after}
        grown.pop(OPERATIONS)
        assert sum(grown.values()) <= KEPT_MARKS + 2, grown  # marks of ids that are dead
        await room.sign()
