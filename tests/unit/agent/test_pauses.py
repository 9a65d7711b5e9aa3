"""Pauses of loops after failures, and the backoff of single records."""

import asyncio
from datetime import timedelta

import pytest

from ca_core.agent.backoff import FIRST, LONGEST, record_backoff
from ca_core.agent.pauses import Pauses
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import passed, settle

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("failures", "least", "most"),
    [
        *((failures, 0, 0) for failures in range(4)),
        *((4, 2, 4), (5, 4, 8), (6, 8, 16), (7, 16, 32), (8, 32, 64)),
        *((failures, 60, 120) for failures in (9, 10, 10**6)),
    ],
)
def test_a_record_is_asked_for_again_as_consul_asks_again(failures, least, most):
    """Three failures cost nothing; from the fourth on the wait doubles up to a minute or two."""
    assert record_backoff(failures, 0.0) == least
    assert record_backoff(failures, 1.0) == most


class Loop:
    """A loop that takes one pause after another."""

    def __init__(self):
        self.clock = FakeClock()
        self.pauses = Pauses(self.clock, lambda: 1.0)

    async def take(self, seconds=0):
        """Begin a pause."""
        task = asyncio.create_task(self.pauses.take(timedelta(seconds=seconds)))
        await settle()
        return task

    async def lasts(self, seconds=0):
        """Return how long a pause lasts, in quarters of a second."""
        began, task = self.clock.monotonic(), await self.take(seconds)
        while not task.done():
            await passed(self.clock, SECOND / 4)
        return self.clock.monotonic() - began


async def test_pauses_double_until_something_comes():
    """A quarter of a second, twice as long each time, up to the longest; then from the start."""
    loop = Loop()
    expected = [min(FIRST * 2**number, LONGEST) for number in range(7)]
    assert [await loop.lasts() for _ in range(7)] == expected
    await loop.pauses.after_answer(loop.clock.monotonic(), is_news=True)
    assert await loop.lasts() == 0.25


async def test_an_answer_that_is_no_news_and_comes_at_once_is_a_failure():
    """Else a server that does not wait would be asked without a pause; one that waited may be."""
    loop = Loop()
    asked_at = loop.clock.monotonic()
    pause = asyncio.create_task(loop.pauses.after_answer(asked_at, is_news=False))
    await settle()
    assert not pause.done()
    await passed(loop.clock, SECOND)
    assert pause.done()
    await loop.pauses.after_answer(asked_at, is_news=False)


async def test_a_pause_is_cut_short_but_not_before_the_server_said():
    """Whoever wants something lets the loop go on; a Retry-After is waited out first."""
    loop = Loop()
    for _ in range(6):
        await loop.lasts()
    pause = await loop.take()
    loop.pauses.cut_short()
    await settle()
    assert pause.done()
    pause = await loop.take(3)
    loop.pauses.cut_short()
    await passed(loop.clock, 2 * SECOND)
    assert not pause.done()
    await passed(loop.clock, SECOND)
    loop.pauses.cut_short()
    await settle()
    assert pause.done()


async def test_callers_may_ask_a_moment_after_a_failure_or_when_the_server_said():
    """A quarter of a second without a Retry-After."""
    loop = Loop()
    assert loop.pauses.may_ask
    pause = await loop.take()
    assert not loop.pauses.may_ask
    await passed(loop.clock, SECOND / 4)
    assert loop.pauses.may_ask
    pause.cancel()
    pause = await loop.take(5)
    await passed(loop.clock, 4 * SECOND)
    assert not loop.pauses.may_ask
    await passed(loop.clock, SECOND)
    assert loop.pauses.may_ask
    pause.cancel()
