"""Recovery with providers that lost what they kept in our own store, or that misbehave legally."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from ca_core.authority.registry import Registry
from ca_core.authority.rows import Phase
from ca_core.errors import Error
from ca_core.lifecycle.rows import Kind, OperationPhase, Wishes
from ca_core.state.protocol import Change, Transaction
from ca_core.state.providerstate import PROVIDER_STATE
from ca_core.state.secrets import SECRETS
from ca_core.testing.reference import reference_plugin
from tests.unit.authority.cluster import running, short
from tests.unit.lifecycle.recovery.mending import LEAF_TTL, SickRoom

CHAOS = Registry().get("chaos")
QUICK = Wishes(settle=timedelta())
SLOWLY = 0.5
"""Seconds for one turn of the loop: a provider is opened on a thread, in real time."""


def forget_everything(room):
    """Delete whatever the providers keep in the store, keys included."""
    view = room.store.snapshot
    gone = [
        Change(name, key, None) for name in (PROVIDER_STATE, SECRETS) for key in view.table(name)
    ]
    room.store.commit(Transaction(changes=tuple(gone)))


def test_a_built_in_ca_whose_keys_are_gone_is_replaced():
    """As after a restore without its secrets: roots are known, nothing can be signed."""

    async def scenario():
        room = SickRoom(others={"other": reference_plugin()})
        async with running(room):
            await room.ready()
            old = room.current()
            await room.sign()
            forget_everything(room)
            with pytest.raises(Error):
                await room.sign()
            other = replace(short(LEAF_TTL), provider="other")
            begun = await room.changes.apply(other, actor="test", wishes=QUICK)
            assert begun.kind is Kind.SWAP
            done = await room.active(begun.id)
            assert not done.crossed
            await room.sign()
            assert room.phase_of(old) is Phase.DRAINING
            await room.later(lambda: room.authority(old) is None)

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["rotate", "taint"])
def test_a_provider_that_misbehaves_as_it_may_holds_no_recovery_up(kind):
    """Rate limits, lost answers, late ones: the change is carried out, and the old root leaves."""

    async def scenario():
        room = SickRoom(CHAOS)
        async with running(room):
            await room.later(lambda: not room.manager.why_not_ready(), SLOWLY)
            old = room.current()
            begun = await getattr(room.changes, kind)(actor="test", wishes=QUICK)
            await room.later(lambda: not room.operation(begun.id).is_open, SLOWLY)
            assert room.operation(begun.id).phase is OperationPhase.ACTIVE
            await room.later(lambda: room.phase_of(old) is Phase.RETIRED)
            assert len(room.anchors()) == 1
            await room.later(lambda: room.authority(old) is None, SLOWLY)

    asyncio.run(scenario())
