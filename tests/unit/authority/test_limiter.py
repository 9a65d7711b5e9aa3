"""Admission control: a burst passes, then the most urgent first, then a number of seconds."""

import asyncio
from datetime import timedelta

import pytest

from ca_core.authority.limiter import Admission, Limiter, Turn
from ca_core.errors import RateLimitedError
from ca_core.testing.clock import FakeClock


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_burst_passes_at_once():
    """As many as the burst are admitted without any time passing."""

    async def scenario() -> None:
        clock = FakeClock()
        limiter = Limiter(clock, rate=5)
        for _ in range(5):
            await limiter.admit(clock.now())

    asyncio.run(scenario())


def test_the_most_urgent_waiter_is_admitted_first():
    """Turns go by the expiry of the leaf replaced, not by arrival."""

    async def scenario() -> list[str]:
        clock, order = FakeClock(), []
        limiter = Limiter(clock, rate=10, burst=1)
        await limiter.admit(clock.now())

        async def wait(name: str, left: timedelta) -> None:
            await limiter.admit(clock.now() + left)
            order.append(name)

        late = asyncio.ensure_future(wait("late", timedelta(hours=9)))
        soon = asyncio.ensure_future(wait("soon", timedelta(hours=1)))
        await settle()
        for _ in range(4):
            clock.advance(timedelta(milliseconds=101))
            await settle()
        await asyncio.gather(late, soon)
        return order

    assert asyncio.run(scenario()) == ["soon", "late"]


def test_who_waits_longer_than_half_a_second_is_told_when_to_come_back():
    """The error carries a span, and the queue is left without a trace."""

    async def scenario() -> Limiter:
        clock = FakeClock()
        limiter = Limiter(clock, rate=1, burst=1)
        await limiter.admit(clock.now())
        waiter = asyncio.ensure_future(limiter.admit(clock.now()))
        await settle()
        clock.advance(timedelta(milliseconds=501))
        with pytest.raises(RateLimitedError) as caught:
            await waiter
        assert caught.value.retry_after >= timedelta(seconds=1)
        return limiter

    assert asyncio.run(scenario()).waiting == 0


def test_a_waiter_that_gives_up_takes_no_turn():
    """A cancelled request leaves its token to the next one."""

    async def scenario() -> None:
        clock = FakeClock()
        limiter = Limiter(clock, rate=10, burst=1)
        await limiter.admit(clock.now())
        gone = asyncio.ensure_future(limiter.admit(clock.now()))
        stays = asyncio.ensure_future(limiter.admit(clock.now() + timedelta(hours=1)))
        await settle()
        gone.cancel()
        await settle()
        clock.advance(timedelta(milliseconds=101))
        await settle()
        assert stays.done()
        await stays

    asyncio.run(scenario())


def test_rate_zero_admits_everybody():
    """The operator can switch admission control off."""

    async def scenario() -> None:
        clock = FakeClock()
        limiter = Limiter(clock, rate=0)
        for _ in range(1000):
            await limiter.admit(clock.now())

    asyncio.run(scenario())


def test_over_time_no_more_than_the_rate_is_admitted():
    """In ten seconds at 20/s, no more than the burst and 200 get through."""

    async def scenario() -> int:
        clock, admitted = FakeClock(), 0
        limiter = Limiter(clock, rate=20, burst=20)

        async def ask() -> None:
            nonlocal admitted
            try:
                await limiter.admit(clock.now())
            except RateLimitedError:
                return
            admitted += 1

        tasks = []
        for _ in range(100):
            tasks += [asyncio.ensure_future(ask()) for _ in range(5)]
            await settle()
            clock.advance(timedelta(milliseconds=100))
            await settle()
        for _ in range(8):
            clock.advance(timedelta(milliseconds=100))
            await settle()
        await asyncio.gather(*tasks)
        return admitted

    assert 180 <= asyncio.run(scenario()) <= 20 + 20 * 10.8 + 1


def test_those_who_gave_up_do_not_pile_up():
    """An hour of too many requests leaves a queue as long as those who wait."""
    clock = FakeClock()
    admission = Admission(rate=1, burst=1, at=clock.monotonic())
    stays = Turn(clock.now(), lambda: None)
    admission.queued(stays)
    for second in range(10_000):
        turn = Turn(clock.now() + timedelta(seconds=second), lambda: None)
        admission.queued(turn)
        admission.gave_up(turn)
        admission.gave_up(turn)
        assert admission.waiting == 1
        assert len(admission._queue) < 100


def test_admission_that_is_switched_off_while_some_wait_leaves_nobody_behind():
    """They are told to come back in a second, and whoever asks then is let through."""

    async def scenario() -> None:
        clock = FakeClock()
        limiter = Limiter(clock, rate=1, burst=1)
        await limiter.admit(clock.now())
        waiters = [asyncio.ensure_future(limiter.admit(clock.now())) for _ in range(3)]
        await settle()
        limiter.set_rate(0)
        clock.advance(timedelta(milliseconds=499))
        await settle()
        assert not waiters[0].done()  # the pump sleeps for a second
        clock.advance(timedelta(milliseconds=2))
        await settle()
        with pytest.raises(RateLimitedError) as caught:
            await waiters[0]
        assert caught.value.retry_after == timedelta(seconds=1)
        assert all(waiter.done() and waiter.exception() for waiter in waiters)
        await limiter.admit(clock.now())

    asyncio.run(scenario())
