"""What a backend holds: known before it is needed, and gone when nobody needs it."""

import threading

from ca_core.authority.rows import authorities, bundle
from ca_core.identity.certificates import fingerprint
from ca_core.lifecycle.rows import OperationPhase, leftovers
from ca_core.state.memory import MemoryDisk, MemoryEngine
from ca_core.state.secrets import SECRETS
from ca_core.testing.clock import FakeClock
from tests.integration.lifecycle.walks import HOUR, PLAIN, QUICK, WalkedRoom
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.defects.failing import Failing
from tests.unit.lifecycle.rooms import LivingRoom


async def test_b06_what_a_backend_made_is_found_again_by_who_leads_next():
    """A server dies when the backend has made the root, before anything of it is committed."""
    disk, clock, backend = MemoryDisk(), FakeClock(), Dying()
    room = LivingRoom(
        MemoryEngine(disk=disk), backend.plugin, clock=clock, settings=PLAIN.settings()
    )
    room.start()
    await room.ready()
    await room.sign()
    backend.dies = True
    row = await room.changes.rotate(actor="test", wishes=QUICK)
    await room.until(lambda: len(backend.made) == 2)
    await room.kill()
    backend.dies = False
    backend.released.set()
    assert len(authorities(room.store.snapshot)) == 1  # nothing was committed of the second
    await room.close()
    again = LivingRoom(MemoryEngine(disk=disk), backend.plugin, clock=clock, name="server-2")
    async with running(again):
        clock.advance(HOUR)
        await again.over(row)
        assert again.operation(row.id).phase is OperationPhase.ACTIVE
        found = {fingerprint(anchor) for anchor in bundle(again.store.snapshot)}
        assert found == set(backend.made)


async def test_b17_the_old_key_is_kept_for_a_way_back_and_then_removed():
    """While it drains it can sign again; once it is retired no secret of it is left."""
    room = WalkedRoom(MemoryEngine(), PLAIN)
    async with running(room):
        await room.ready()
        await room.sign()
        before = secrets_of(room)
        row = await room.changed(room.changes.rotate(actor="test", wishes=QUICK))
        assert before < secrets_of(room)
        await room.changes.roll_back(row.id, actor="test")
        await room.sign()
        await room.changed(room.changes.rotate(actor="test", wishes=QUICK))
        await room.sign()
        room.clock.advance(24 * HOUR)
        await room.eventually(lambda: len(authorities(room.store.snapshot)) == 1)
        await room.eventually(lambda: not leftovers(room.store.snapshot))
        assert len(secrets_of(room)) == len(before)
        assert not before & secrets_of(room)


async def test_b17_every_provider_that_was_opened_is_closed():
    """Ten configurations later one provider is open: the one that signs."""
    counting, clock = Failing(), FakeClock()
    room = LivingRoom(MemoryEngine(), counting.plugin, clock=clock, settings=PLAIN.settings())
    async with running(room):
        await room.ready()
        for number in range(10):
            wanted = PLAIN.settings(strict_key_usage=number % 2 == 0)
            row = await room.changes.apply(wanted, actor="test", wishes=QUICK)
            await room.over(row)
            assert room.operation(row.id).phase is OperationPhase.ACTIVE
        await room.until(lambda: counting.counts["opened"] == counting.counts["closed"] + 1)
        await room.sign()
    assert counting.counts["opened"] == counting.counts["closed"]


def secrets_of(room):
    """Return the names of every secret that is stored."""
    return set(room.store.snapshot.table(SECRETS))


class Dying(Failing):
    """A backend whose client never hears that a root was made.

    Attributes:
        made: fingerprints of the primary CAs it has made.
        dies: whether the answer is lost.
    """

    def __init__(self):
        super().__init__()
        self.made = {}
        self.dies = False
        self.released = threading.Event()

    def _failing(self, name, method, config):
        inner = super()._failing(name, method, config)
        return self._lost(inner) if name == "ensure_authority" else inner

    def _lost(self, method):
        def call(request):
            chain = method(request)
            self.made[fingerprint(chain.primary)] = request.id
            if self.dies:
                self.released.wait(10)
            return chain

        return call
