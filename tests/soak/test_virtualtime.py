"""The loop on which weeks pass in seconds, itself under test."""

import asyncio
import threading
import time
from datetime import timedelta

import pytest

from ca_core.authority.hands import Hands
from ca_core.state import Store
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import Change, Transaction
from tests.soak.virtualtime import START, run_virtually


def test_a_day_of_sleep_takes_no_time():
    """Sleep, limits and timers move the virtual clock, and the machine's hardly moves."""

    async def main(clock):
        rung = []
        asyncio.get_running_loop().call_later(3600, rung.append, True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7200):
                await asyncio.Event().wait()
        await clock.sleep(79_200)
        return clock.now(), clock.monotonic(), rung

    began = time.monotonic()
    now, passed, rung = run_virtually(main)
    assert (now, rung) == (START + timedelta(days=1), [True])
    assert passed == pytest.approx(86_400)
    assert time.monotonic() - began < 5


def test_sleepers_wake_in_the_order_of_their_moments():
    """Whoever is due earlier runs earlier, however long all of them sleep."""

    async def main(clock):
        order = []

        async def sleeper(seconds):
            await clock.sleep(seconds)
            order.append((seconds, round(clock.monotonic())))

        await asyncio.gather(*(sleeper(seconds) for seconds in (50, 3, 900_000, 7)))
        return order

    assert run_virtually(main) == [(3, 3), (7, 7), (50, 50), (900_000, 900_000)]


def test_no_time_passes_while_a_thread_would_work():
    """What a thread would do counts as done at once, however long the machine takes for it."""

    async def main(clock):
        alarm = asyncio.ensure_future(clock.sleep(1))
        await asyncio.to_thread(time.sleep, 0.02)
        at = clock.monotonic()
        await alarm
        return at, clock.monotonic()

    during, after = run_virtually(main)
    assert during == 0
    assert after == pytest.approx(1)


def test_a_store_and_the_hands_of_a_provider_work_without_threads():
    """What is written is there, what is signed comes, and no thread was started for it."""

    async def main(_clock):
        with Store(MemoryEngine()) as store:
            await store.commit_async(Transaction(changes=(Change("t", "k", b"v"),)))
            store.append("ledger", b"one")
            found = [row.value for row in await asyncio.to_thread(store.read, "ledger")]
            signed = await Hands(1).submit(lambda: "signed")
            return store.snapshot.get("t", "k").value, found, signed, threading.active_count()

    before = threading.active_count()
    assert run_virtually(main) == (b"v", [b"one"], "signed", before)


def test_a_loop_that_waits_for_ever_is_told_from_one_that_waits_long():
    """Nothing is due and nobody works: the loop says so instead of hanging."""

    async def main(_clock):
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="nothing that time could bring"):
        run_virtually(main)
