"""What a failed, aborted or idle update does to what stands: nothing."""

from datetime import timedelta

import pytest

from ca_core.agent.verification import trusted_path
from ca_core.authority.rows import authorities, bundle, current_signer
from ca_core.errors import ConfigError, ConflictError
from ca_core.identity.certificates import parsed_chain
from ca_core.lifecycle import leavings
from ca_core.lifecycle.rows import Kind, OperationPhase, leftovers
from ca_core.state.memory import MemoryDisk, MemoryEngine
from ca_core.testing.clock import FakeClock
from tests.integration.lifecycle.walks import KINDS, PLAIN, QUICK, WalkedRoom
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.defects.failing import Failing
from tests.unit.lifecycle.rooms import LivingRoom

ANOTHER_KEY = KINDS[1].settings()
LASTING = ConfigError("no such thing", where="ca.config")


async def verified(room):
    """Assert that what is signed now is valid under the bundle of now."""
    chain = parsed_chain((await room.sign()).pem)
    assert trusted_path(chain, bundle(room.store.snapshot), now=room.clock.now())


@pytest.mark.parametrize("method", ["ensure_authority", "prepare_signer", "sign_leaf"])
async def test_b01_a_failed_update_leaves_the_key_that_signs(method):
    """Wherever it fails: the key still signs, in this life and the next, and nothing is left."""
    disk, broken, clock = MemoryDisk(), Failing(), FakeClock()
    room = LivingRoom(
        MemoryEngine(disk=disk), broken.plugin, clock=clock, settings=PLAIN.settings()
    )
    async with running(room):
        await room.ready()
        before = current_signer(room.store.snapshot)
        broken.fail(method, LASTING)
        row = await room.changes.apply(ANOTHER_KEY, actor="test", wishes=QUICK)
        assert (await room.over(row)).phase is OperationPhase.FAILED
        broken.mend()
        await room.until(lambda: not leftovers(room.store.snapshot))
        await verified(room)
    again = LivingRoom(MemoryEngine(disk=disk), broken.plugin, clock=clock, name="server-2")
    async with running(again):
        await again.ready()
        assert current_signer(again.store.snapshot) == before
        await verified(again)


async def test_b01_a_failed_update_of_settings_leaves_the_key_that_signs():
    """Only other keys of the provider's own: the same authority under two configurations."""
    broken = Failing()
    broken.only_under = lambda config: config.disable_cross_signing
    room = LivingRoom(MemoryEngine(), broken.plugin, clock=FakeClock(), settings=PLAIN.settings())
    async with running(room):
        await room.ready()
        before, standing = current_signer(room.store.snapshot), room.manager.configuration
        broken.fail("sign_leaf", LASTING)
        wanted = PLAIN.settings()
        wanted.config["disable_cross_signing"] = True
        row = await room.changes.apply(wanted, actor="test", wishes=QUICK)
        assert row.kind is Kind.SETTINGS
        assert (await room.over(row)).phase is OperationPhase.FAILED
        assert current_signer(room.store.snapshot) == before
        assert room.manager.configuration == standing
        await verified(room)


async def test_b03_a_renewal_that_is_stuck_disturbs_no_signature():
    """The next signer's key is not the present one's until its certificate is there."""
    broken = Failing()
    room = LivingRoom(MemoryEngine(), broken.plugin, clock=FakeClock(), settings=PLAIN.settings())
    async with running(room):
        await room.ready()
        before = current_signer(room.store.snapshot)[1]
        for method in ("prepare_signer", "sign_leaf"):
            broken.fail(method)
            row = await room.changes.renew(actor="test", wishes=QUICK)
            await room.until(lambda: room.operation(row.id).error)  # noqa: B023 - used at once
            broken.failures.pop("sign_leaf", None)
            await verified(room)
            assert current_signer(room.store.snapshot)[1] == before
            await room.changes.abort(row.id, actor="test")
            broken.mend()


async def test_b08_a_lost_race_is_an_error_and_changes_nothing():
    """An authority that was to leave signs again: whoever decided on the old view is told."""
    room = WalkedRoom(MemoryEngine(), PLAIN)
    async with running(room):
        await room.ready()
        await room.sign()
        row = await room.changed(room.changes.rotate(actor="test", wishes=QUICK))
        stale = room.store.snapshot
        await room.changes.roll_back(row.id, actor="test")
        now, view = room.clock.now(), room.store.snapshot
        fence = await room.keeper.held()
        with pytest.raises(ConflictError):
            await room.store.commit_async(leavings.retired(stale, row.old.authority, now, fence))
        assert room.store.snapshot.table("authorities") == view.table("authorities")
        assert room.signing().id == row.old.authority
        await room.sign()


async def test_b13_an_update_that_changes_nothing_makes_nothing_ready():
    """While the first authority fails, the same configuration again is no change and no cure."""
    broken = Failing()
    broken.fail("ensure_authority")
    room = LivingRoom(MemoryEngine(), broken.plugin, clock=FakeClock(), settings=PLAIN.settings())
    async with running(room):
        await room.until(lambda: broken.counts["ensure_authority"])
        for _ in range(3):
            assert await room.changes.apply(PLAIN.settings(), actor="test") is None
        assert room.manager.why_not_ready()
        assert authorities(room.store.snapshot) == ()
        broken.mend()

        def ready():
            room.clock.advance(timedelta(seconds=1))
            return not room.manager.why_not_ready()

        await room.until(ready)
        await verified(room)
