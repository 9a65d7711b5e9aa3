"""A store that was restored from a backup, and what it forgets when configurations go."""

import asyncio
from datetime import timedelta

import pytest

from ca_core.authority.ceilings import ceiling_of
from ca_core.authority.record import RECORD, IssuanceRecord
from ca_core.authority.registry import Registry
from ca_core.authority.rows import AUTHORITIES, CONFIGURATIONS, AuthorityRow, Phase, bundle, read
from ca_core.authority.settings import CASettings
from ca_core.lifecycle import commits
from ca_core.lifecycle.rows import OperationPhase, Wishes, leftovers
from ca_core.state.memory import MemoryEngine
from ca_core.state.secrets import SECRETS
from ca_core.testing.chaos import chaos_plugin
from ca_core.testing.clock import FakeClock
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.rooms import LivingRoom
from tests.unit.lifecycle.tables import HOUR, NEW, Table

BUILTIN = Registry().get("builtin")
QUICK = Wishes(settle=timedelta())


@pytest.mark.parametrize("phase", [Phase.PREPARED, Phase.TRUSTED])
def test_what_was_on_its_way_in_the_backup_may_have_signed_since(phase):
    """Its ceiling is lifted as that of the others, and aborting it lets it drain."""
    table = Table()
    table.coming(phase)
    row = table.operation(phase=OperationPhase.PREPARED)
    table.write(RECORD, "epoch", b"the line that was backed up")
    IssuanceRecord(table.store, table.clock, run="server-1").open(72 * HOUR)
    now = table.clock.now()
    assert ceiling_of(table.view, NEW.authority) >= now + 72 * HOUR
    table.commit(commits.ended(table.view, row, OperationPhase.ABORTED, now, None, reason="no"))
    assert read(table.view, AuthorityRow, AUTHORITIES, NEW.authority).phase is Phase.DRAINING
    table.store.close()


def own_secrets(room):
    """Return the secrets of configurations."""
    return [key for key in room.store.snapshot.table(SECRETS) if "/configuration/" in key]


async def applied(room, provider, **config):
    """Let another configuration stand, and let what it replaced leave."""
    settings = CASettings(provider=provider, config=config, csr_max_per_second=0)
    row = await room.changes.apply(settings, actor="test", wishes=QUICK)
    await room.over(row)
    assert room.operation(row.id).phase is OperationPhase.ACTIVE, room.operation(row.id)
    room.clock.advance(timedelta(days=5))
    await room.until(lambda: len(bundle(room.store.snapshot)) == 1)
    await room.until(lambda: not leftovers(room.store.snapshot))


def test_the_secrets_of_a_configuration_go_with_it():
    """As soon as no rollback leads to it any more; those of authorities stay."""

    async def scenario():
        chaos = chaos_plugin(Registry(entry_points=(), extra={"builtin": BUILTIN}))
        room = LivingRoom(MemoryEngine(), BUILTIN, clock=FakeClock(), others={"chaos": chaos})
        async with running(room):
            await room.ready()
            inner = {"disable_cross_signing": True}
            await applied(room, "chaos", inner="builtin", profile="calm", inner_config=inner)
            assert len(own_secrets(room)) == 1
            await applied(room, "under-test")
            assert own_secrets(room) == []
            assert len(room.store.snapshot.table(CONFIGURATIONS)) == 1
            assert len(room.store.snapshot.table(SECRETS)) == 2  # the root's key, the signer's
            await room.sign()

    asyncio.run(scenario())
