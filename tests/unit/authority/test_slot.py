"""The place where a provider is opened, and those who wait for it."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

from ca_core.authority.slot import ProviderSlot
from ca_core.errors import UnavailableError
from ca_core.testing.clock import FakeClock


async def test_who_waits_for_the_provider_goes_on_the_moment_it_is_open():
    """No retry of its own lies between the opening and the one who waits."""
    clock, answers = FakeClock(), [UnavailableError("sealed"), SimpleNamespace(concurrency=1)]

    def opened():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    slot = ProviderSlot(clock, opened)
    waiting = asyncio.ensure_future(slot.opened())
    opening = asyncio.ensure_future(slot.open())
    while not clock.sleepers:
        await asyncio.sleep(0)
    assert not waiting.done()
    assert slot.opening.last_error == "sealed"
    clock.advance(timedelta(seconds=1))
    await opening
    await asyncio.wait_for(waiting, 0.1)
    await asyncio.wait_for(slot.opened(), 0.1)
