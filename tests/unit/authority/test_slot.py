"""The place where a provider is opened, and those who wait for it."""

import asyncio
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest

from ca_core.authority.signingpace import QUICK
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
    await asyncio.wait_for(waiting, 30)  # while the clock stands
    await asyncio.wait_for(slot.opened(), 30)


class Signing:
    """A provider that notes on which thread it signs; every signature takes so long."""

    concurrency = 1

    def __init__(self, clock, *, only_computes, seconds):
        self.only_computes = only_computes
        self.threads = []
        self._clock = clock
        self._seconds = seconds

    def sign_leaf(self, request):
        """Sign."""
        self.threads.append(threading.current_thread())
        self._clock.advance(timedelta(seconds=self._seconds))
        return request

    def close(self):
        """End."""


@pytest.mark.parametrize(
    ("only_computes", "seconds", "here"),
    [(True, QUICK / 2, True), (True, QUICK * 2, False), (False, QUICK / 2, False)],
)
async def test_leaves_are_signed_on_the_loop_by_who_promises_to_compute_and_is_quick(
    only_computes, seconds, here
):
    """The first on a thread in any case: nothing is known of it yet."""
    clock = FakeClock()
    provider = Signing(clock, only_computes=only_computes, seconds=seconds)
    slot = ProviderSlot(clock, lambda: provider)
    await slot.open()
    try:
        for number in range(3):
            assert await slot.sign(number) == number
            while slot._hands._busy:  # the thread is about to see that nothing is left to do
                await asyncio.sleep(0)
    finally:
        await asyncio.to_thread(slot.close)
    on_the_loop = [thread is threading.main_thread() for thread in provider.threads]
    assert on_the_loop == [False, here, here]
