"""The watchdog: whatever happens to this host's clock, no leaf is answered outside its life."""

import asyncio
from datetime import timedelta

import pytest

from ca_core.errors import UnavailableError
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import passed, settle
from tests.unit.agent.leafhouse import ANYONE, HOUR, leaf_of, ran

MINUTE = timedelta(minutes=1)


class SetClock(FakeClock):
    """A clock that somebody sets: the wall time leaps, the monotonic one does not."""

    leap = timedelta()

    def now(self):
        """Return the time as it was set."""
        return super().now() + self.leap


def test_a_clock_set_back_makes_no_leaf_of_the_future_answered():
    """Nor its CA, which is as new: the clock is the reason, and later the leaf is served again."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        h.clock.leap = -2 * HOUR
        for _ in range(3):
            with pytest.raises(UnavailableError, match="clock says"):
                await h.leaves.get(ANYONE, "web")
            await passed(h.clock, 5 * MINUTE)
        h.clock.leap = timedelta()
        assert (await h.leaves.get(ANYONE, "web")).index == first.index

    ran(scenario, clock=SetClock(), server=FakeClock())


def test_a_clock_set_forward_makes_no_ended_leaf_answered():
    """By a month: the old leaf and each new one have ended here, and are not answered."""

    async def scenario(h):
        await h.leaves.get(ANYONE, "web")
        h.clock.leap = timedelta(days=30)
        for _ in range(3):
            with pytest.raises(UnavailableError, match="clock says"):
                await h.leaves.get(ANYONE, "web")
            await passed(h.clock, 5 * MINUTE)
        assert len(h.upstream.signed) <= 1 + 2 * 31  # the readers', and one in each retry window
        h.clock.leap = timedelta()
        assert await h.leaves.get(ANYONE, "web")

    ran(scenario, clock=SetClock(), server=FakeClock())


def test_a_blocked_reader_is_not_answered_with_a_leaf_that_ended_while_it_waited():
    """It is told why there is none, at the end of its wait."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        h.upstream.sign_errors = [UnavailableError("no server")] * 10_000
        reader = asyncio.create_task(
            h.leaves.get(ANYONE, "web", min_index=first.index, wait=80 * HOUR)
        )
        await settle()
        await passed(h.clock, 80 * HOUR, step=10 * MINUTE)
        with pytest.raises(UnavailableError, match="expired at"):
            await reader

    ran(scenario)


def test_a_clock_set_forward_into_the_renewal_window_renews_within_half_a_minute():
    """The loop looks at the wall time again, however long it meant to sleep."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        await settle()
        h.clock.leap = h.server.leap = 66 * HOUR
        await passed(h.clock, timedelta(seconds=30))
        answer = await h.leaves.get(ANYONE, "web")
        assert answer.index > first.index
        assert leaf_of(answer).not_valid_after_utc > h.clock.now() + 70 * HOUR

    ran(scenario, clock=SetClock(), server=SetClock())
