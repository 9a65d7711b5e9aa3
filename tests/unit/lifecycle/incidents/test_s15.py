"""S15: a first authority that cannot be made holds nobody up for ever."""

from datetime import timedelta

import pytest

from ca_core.authority.rows import BootstrapRow, authorities
from ca_core.authority.settings import CASettings
from ca_core.errors import ConfigError, ConflictError, PermissionDeniedError
from ca_core.identity.keys import KeySpec, KeyType
from ca_core.lifecycle.beginning import begun_anew
from ca_core.lifecycle.rows import leftovers
from ca_core.state.memory import MemoryEngine
from ca_core.testing.clock import FakeClock
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.defects.failing import Failing
from tests.unit.lifecycle.rooms import LivingRoom

OTHER = CASettings(provider="under-test", config={"disable_cross_signing": True})
FAILURES = {
    "a permission is missing": PermissionDeniedError("no", needed=("pki/root/generate",)),
    "its configuration is wrong": ConfigError("no such mount", where="ca.config"),
}


@pytest.mark.parametrize("method", ["ensure_authority", "prepare_signer"])
@pytest.mark.parametrize("why", FAILURES)
async def test_s15_a_failing_first_provider_is_replaced(method, why):
    """Another configuration stands, another authority is made, and it signs."""
    broken = Failing()
    broken.fail(method, FAILURES[why])
    broken.only_under = lambda config: not config.disable_cross_signing
    clock = FakeClock()
    room = LivingRoom(MemoryEngine(), broken.plugin, clock=clock)
    async with running(room):
        await room.until(lambda: broken.counts[method])
        assert room.manager.why_not_ready()
        assert await room.changes.apply(OTHER, actor="test") is None
        await passing(room, lambda: not room.manager.why_not_ready())
        await room.sign()
        (made,) = authorities(room.store.snapshot)
        assert made.configuration == room.manager.configuration.id
        await passing(room, lambda: not leftovers(room.store.snapshot))


async def test_s15_what_was_being_made_meanwhile_is_not_kept():
    """A commit that was decided on before loses against the one that began anew."""
    broken = Failing()
    broken.fail("prepare_signer")
    room = LivingRoom(MemoryEngine(), broken.plugin, clock=FakeClock())
    async with running(room):
        await room.until(lambda: authorities(room.store.snapshot))
        stale = room.store.snapshot
        before = authorities(stale)[0].id
        await room.changes.apply(OTHER, actor="test")
        assert before not in {row.id for row in authorities(room.store.snapshot)}
        broken.mend()
        await passing(room, lambda: not room.manager.why_not_ready())
        late = begun_anew(stale, room.manager.configuration, drawn(), room.clock.now())
        with pytest.raises(ConflictError):
            await room.store.commit_async(late)
        await room.sign()


async def test_s15_a_key_of_another_kind_is_the_first_ones():
    """What is asked for before anything signs is not a rotation."""
    broken = Failing()
    broken.fail("ensure_authority")
    room = LivingRoom(MemoryEngine(), broken.plugin, clock=FakeClock())
    async with running(room):
        await room.until(lambda: broken.counts["ensure_authority"])
        wanted = CASettings(provider="under-test", key=KeySpec(KeyType.ED25519, 256))
        assert await room.changes.apply(wanted, actor="test") is None
        broken.mend()
        await passing(room, lambda: not room.manager.why_not_ready())
        assert [row.key.type for row in authorities(room.store.snapshot)] == [KeyType.ED25519]


async def passing(room, holds):
    """Let time pass until something holds."""

    def look():
        room.clock.advance(timedelta(seconds=1))
        return holds()

    await room.until(look)


def drawn():
    """Return ids."""
    return BootstrapRow(authority="ca-late", signer="signer-late")
