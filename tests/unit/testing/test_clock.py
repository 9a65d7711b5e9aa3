"""The fake clock: time passes when told, and only then."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from ca_core.testing.clock import FakeClock


async def turn():
    """Let everything that is ready on this loop run."""
    for _ in range(3):
        await asyncio.sleep(0)


def test_stands_still_until_advanced():
    """Two readings without an advance are equal, and an advance moves both readings alike."""
    clock = FakeClock(datetime(2031, 5, 1, tzinfo=UTC))
    assert clock.now() == clock.now() == datetime(2031, 5, 1, tzinfo=UTC)
    clock.advance(timedelta(seconds=90))
    assert clock.now() == datetime(2031, 5, 1, 0, 1, 30, tzinfo=UTC)
    assert clock.monotonic() == 90


def test_never_runs_backwards():
    """A negative advance is refused and moves nothing."""
    clock = FakeClock()
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(timedelta(seconds=-1))
    assert clock.monotonic() == 0


def test_sleepers_wake_in_the_order_of_their_due_times():
    """One advance past several due times wakes the earliest first, whoever began to sleep first."""

    async def scenario():
        clock, woken = FakeClock(), []

        async def sleeper(seconds):
            await clock.sleep(seconds)
            woken.append(seconds)

        tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (30, 10, 20)]
        await turn()
        clock.advance(timedelta(seconds=25))
        await turn()
        early = list(woken)
        clock.advance(timedelta(seconds=5))
        await asyncio.gather(*tasks)
        return early, woken

    early, woken = asyncio.run(scenario())
    assert early == [10, 20]
    assert woken == [10, 20, 30]


def test_an_advance_just_short_wakes_nobody():
    """A sleeper sleeps its whole span."""

    async def scenario():
        clock = FakeClock()
        task = asyncio.create_task(clock.sleep(10))
        await turn()
        clock.advance(timedelta(seconds=9.999))
        await turn()
        still = not task.done(), clock.sleepers
        clock.advance(timedelta(milliseconds=1))
        await task
        return still, clock.sleepers

    assert asyncio.run(scenario()) == ((True, 1), 0)


def test_a_sleep_of_zero_needs_no_advance():
    """Sleeping for nothing lets others run and comes back."""
    asyncio.run(asyncio.wait_for(FakeClock().sleep(0), 30))


def test_an_advance_from_another_thread_wakes_the_loop():
    """The thread that moves the clock need not be the loop's."""

    async def scenario():
        clock = FakeClock()
        task = asyncio.create_task(clock.sleep(5))
        await turn()
        thread = threading.Thread(target=clock.advance, args=(timedelta(seconds=5),))
        thread.start()
        await asyncio.wait_for(task, 30)
        thread.join()

    asyncio.run(scenario())


def test_a_cancelled_sleeper_does_no_harm():
    """An advance past the due time of somebody who gave up wakes the others."""

    async def scenario():
        clock = FakeClock()
        gone, stays = (asyncio.create_task(clock.sleep(5)) for _ in range(2))
        await turn()
        gone.cancel()
        await turn()
        clock.advance(timedelta(seconds=5))
        await asyncio.wait_for(stays, 30)
        return gone.cancelled()

    assert asyncio.run(scenario())
