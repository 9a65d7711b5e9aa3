"""From every kind of authority to every other, everybody verifies everybody at every step."""

import itertools

import msgspec
import pytest

from ca_core.authority.rows import Phase, authorities
from ca_core.lifecycle.rows import OperationPhase
from ca_core.state.memory import MemoryEngine
from tests.integration.lifecycle.walks import HOUR, KINDS, QUICK, Verifiers, WalkedRoom, prints
from tests.unit.authority.cluster import running

PAIRS = [(old, new) for old, new in itertools.product(KINDS, KINDS) if old != new]


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=str)
async def test_every_leaf_is_verified_by_every_bundle_at_every_step(old, new, tmp_path):
    """Old bundle, both, and the new one alone once the old authority is retired."""
    room = WalkedRoom(MemoryEngine(), old)
    verifiers = Verifiers(tmp_path, room.clock)
    async with running(room):
        await room.ready()
        old_bundle, old_leaf = room.anchors(), await room.presented()
        assert not verifiers.refusal(old_leaf, old_bundle)

        late = msgspec.structs.replace(QUICK, not_before=room.clock.now() + HOUR)
        row = await room.begun(room.changes.apply(new.settings(), actor="test", wishes=late))
        await room.reached(row, OperationPhase.DISTRIBUTED)
        both = room.anchors()
        new_bundle = tuple(anchor for anchor in both if anchor not in old_bundle)
        assert len(both) == 2
        for held in (old_bundle, both):
            assert not verifiers.refusal(old_leaf, held)
            assert not verifiers.refusal(await room.presented(), held)

        room.clock.advance(HOUR)
        assert (await room.reached(row, OperationPhase.ACTIVE)).crossed
        new_leaf = await room.presented()
        for held in (old_bundle, both, new_bundle):
            assert not verifiers.refusal(new_leaf, held)
        for held in (old_bundle, both):
            assert not verifiers.refusal(old_leaf, held)
        assert verifiers.refusal(old_leaf, new_bundle)  # what would happen had it left already

        room.clock.advance(6 * HOUR)
        await room.eventually(
            lambda: [a.phase for a in authorities(room.store.snapshot)] == [Phase.SIGNING]
        )
        assert prints(room.anchors()) == prints(new_bundle)
        last = await room.presented()
        assert not verifiers.refusal(last, room.anchors())
        assert verifiers.refusal(last, old_bundle)  # nobody vouches for it any more
