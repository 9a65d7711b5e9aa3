"""A change to Vault that fails or is aborted takes away what it made, and nothing else."""

import msgspec
import pytest

from ca_core.authority.registry import Registry
from ca_core.authority.rows import authorities
from ca_core.authority.settings import CASettings
from ca_core.clock import SystemClock
from ca_core.identity.keys import KeySpec, KeyType
from ca_core.lifecycle.rows import OperationPhase, leftovers
from ca_core.state.memory import MemoryEngine
from tests.integration.lifecycle.walks import HOUR, PLAIN, QUICK, WalkedRoom
from tests.unit.authority.cluster import running
from tests.vaults.policies import lines_of, token_with
from tests.vaults.subjects import Mounts


@pytest.fixture
def mounts(vault):
    """Return mounts of an operator, who has a root and a leaf signer of their own in them."""
    made = Mounts(vault, made=True)
    made.adoptable()
    fields = {"common_name": "theirs", "issuer_name": "theirs", "ttl": "87600h"}
    made.call("POST", f"{made.intermediate}/root/generate/internal", fields)
    return made


async def test_b15_a_switch_that_is_aborted_leaves_the_mounts_of_the_operator(mounts):
    """Both mounts stay, with all that was in them; what was made for us is gone."""
    before = mounts.count()
    room = room_beside_vault()
    async with running(room):
        await room.ready()
        later = waiting_until(room)
        row = await room.changes.apply(vault_settings(mounts), actor="test", wishes=later)
        await room.reached(row, OperationPhase.DISTRIBUTED)
        assert mounts.count() != before
        await room.changes.abort(row.id, actor="test")
        await room.until(lambda: not leftovers(room.store.snapshot), within=20)
        assert mounts.count() == before
        await room.sign()


async def test_b15_a_switch_that_fails_leaves_the_mounts_of_the_operator(mounts):
    """The provider refuses in the middle: the root was made, the signer cannot be."""
    before = mounts.count()
    room = room_beside_vault()
    async with running(room):
        await room.ready()
        lines = [line for line in lines_of("given") if "set-signed" not in line]
        unable = vault_settings(mounts, token=token_with(mounts, lines))
        row = await room.changes.apply(unable, actor="test", wishes=QUICK)
        await room.until(lambda: not room.operation(row.id).is_open, within=20)
        assert room.operation(row.id).phase is OperationPhase.FAILED
        await room.until(lambda: not leftovers(room.store.snapshot), within=20)
        assert mounts.count() == before
        assert len(authorities(room.store.snapshot)) == 1
        await room.sign()


def room_beside_vault():
    """Return a room that can change to Vault."""
    room = WalkedRoom(MemoryEngine(), PLAIN, clock=SystemClock())
    room.manager.opener.registry._extra["vault"] = Registry().get("vault")
    return room


def vault_settings(mounts, **more):
    """Return the settings of a provider in these mounts."""
    key = KeySpec(KeyType.EC, 256)
    config = mounts.config(**more)
    return CASettings(provider="vault", key=key, config=config, csr_max_per_second=0)


def waiting_until(room):
    """Return wishes that keep a change from becoming active."""
    return msgspec.structs.replace(QUICK, not_before=room.clock.now() + HOUR)
