"""A provider that has one CA only, whatever id it is asked for: it cannot rotate it."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from ca_core.authority.rows import bundle, current_signer
from ca_core.contract import ProviderPlugin
from ca_core.lifecycle.rows import OperationPhase, Wishes
from ca_core.state.memory import MemoryEngine
from ca_core.testing.clock import FakeClock
from ca_core.testing.reference import ReferenceProvider, reference_plugin
from ca_core.testing.reference_backend import ReferenceBackend
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.rooms import LivingRoom

QUICK = Wishes(settle=timedelta())


def single_plugin() -> ProviderPlugin:
    """Return a provider whose every authority and signer is its first."""
    backend, first = ReferenceBackend(), {}

    class Single(ReferenceProvider):
        def ensure_authority(self, request):
            if "chain" not in first:
                first["chain"] = super().ensure_authority(request)
            return first["chain"]

        def prepare_signer(self, request):
            if "signer" not in first:
                first["signer"] = super().prepare_signer(request)
            return replace(first["signer"], id=request.id)

        def sign_leaf(self, request):
            return super().sign_leaf(replace(request, signer=first["signer"].id))

    def create(config, context):
        if "context" not in first:
            first["context"] = context
        return Single(config, first["context"], backend)

    return ProviderPlugin(parse_config=reference_plugin().parse_config, create=create)


@pytest.mark.parametrize("change", ["taint", "rotate"])
def test_the_key_of_the_old_root_is_no_new_root(change):
    """A compromised one would be declared gone, and be trusted for ever."""

    async def scenario():
        room = LivingRoom(MemoryEngine(), single_plugin(), clock=FakeClock())
        async with running(room):
            await room.ready()
            trusted, signing = bundle(room.store.snapshot), current_signer(room.store.snapshot)
            row = await getattr(room.changes, change)(actor="test", wishes=QUICK)
            done = await room.over(row)
            assert done.phase is OperationPhase.FAILED
            assert "key of the old root" in done.reason
            assert bundle(room.store.snapshot) == trusted
            assert current_signer(room.store.snapshot) == signing

    asyncio.run(scenario())
