"""What fails again and again is written when it begins, rarely afterwards, and when it is over."""

import asyncio
import logging
from datetime import timedelta

import pytest

from ca_core.errors import RateLimitedError, UnavailableError
from ca_core.lifecycle.complaints import OTHER_WORDS, SAME_AGAIN, Complaints
from ca_core.lifecycle.draining import LAST_SWEEP, sweep_pause
from ca_core.lifecycle.rows import leftovers
from ca_core.state.memory import MemoryEngine
from ca_core.testing.clock import FakeClock
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.defects.failing import Failing
from tests.unit.lifecycle.rooms import LivingRoom
from tests.unit.lifecycle.test_driving import QUICK

SECOND = timedelta(seconds=1)
LOG = logging.getLogger("ca_core.lifecycle")


@pytest.fixture
def said(caplog):
    """Return a function that gives the lines written since it was called last."""
    caplog.set_level(logging.INFO, "ca_core.lifecycle")

    def lines():
        found = [(record.levelname, record.getMessage()) for record in caplog.records]
        caplog.clear()
        return found

    return lines


def test_the_same_words_are_written_once_an_hour(said):
    """Tried every half minute, it would fill a disk."""
    clock = FakeClock()
    complaints = Complaints(LOG, clock)
    for _ in range(2 * 3600 // 30):
        complaints.about("a", "no route")
        clock.advance(30 * SECOND)
    assert said() == [("WARNING", "no route")] * 2
    assert timedelta(hours=1) == SAME_AGAIN


def test_other_words_are_written_sooner_and_other_things_at_once(said):
    """Errors that carry a number each time are no news either."""
    clock = FakeClock()
    complaints = Complaints(LOG, clock)
    for number in range(60):
        complaints.about("a", f"request {number}")
        clock.advance(30 * SECOND)
    assert len(said()) == 60 * 30 * SECOND / OTHER_WORDS
    complaints.about("b", "request 60")
    assert said() == [("WARNING", "request 60")]


def test_the_end_is_written_once_and_only_after_a_complaint(said):
    """What begins again afterwards is written at once."""
    complaints = Complaints(LOG, FakeClock())
    complaints.over("a", "well")
    complaints.about("a", "ill")
    complaints.over("a", "well")
    complaints.over("a", "well")
    complaints.about("a", "ill")
    complaints.forget("a")
    complaints.over("a", "well")
    assert said() == [("WARNING", "ill"), ("INFO", "well"), ("WARNING", "ill")]


def test_what_cannot_be_removed_is_tried_at_longer_and_longer_pauses():
    """A second, doubled, an hour at last; a backend that asks for more is left alone longer."""
    away = UnavailableError("away")
    pauses = [sweep_pause(number, away) for number in range(1, 40)]
    assert pauses[:7] == [SECOND * (1 << number) for number in range(5)] + [
        32 * SECOND,
        64 * SECOND,
    ]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LAST_SWEEP
    tired = RateLimitedError(retry_after=timedelta(hours=2))
    assert sweep_pause(1, tired) == sweep_pause(30, tired) == timedelta(hours=2)


async def swept(room):
    """Let the room look, and whatever it begins to remove end."""
    drain = room.lifecycle._drain
    for _ in range(20):
        await asyncio.sleep(0)
    while drain._sweeping:
        await asyncio.sleep(0)


async def tried_once_more(room, broken):
    """Let the pause after the last failure pass, and the next try end."""
    tries = broken.counts["retire"]
    room.clock.advance(sweep_pause(tries, broken.failures["retire"]))
    await room.until(lambda: broken.counts["retire"] > tries)
    await swept(room)


async def test_a_backend_that_stays_away_fills_no_log(said):
    """Thirty tries take 19 hours, a line each hour, and one when it is over."""
    broken, clock = Failing(), FakeClock()
    room = LivingRoom(MemoryEngine(), broken.plugin, clock=clock)
    async with running(room):
        await room.ready()
        broken.fail("retire", UnavailableError("no route to host"))
        row = await room.changes.rotate(actor="test", wishes=QUICK)
        await room.over(row)
        clock.advance(timedelta(days=5))
        await room.until(lambda: leftovers(room.store.snapshot))
        await room.until(lambda: leftovers(room.store.snapshot)[0].error)
        said()
        for _ in range(30):
            await tried_once_more(room, broken)
        lines = [text for _, text in said() if "cannot be removed yet" in text]
        assert 15 <= len(lines) <= 21  # 1, 2, 4 … s, then every hour: 19 hours
        ((_, again),) = room.lifecycle._drain._failures.values()
        assert LAST_SWEEP - 60 * SECOND < again - clock.now() <= LAST_SWEEP
        broken.mend()
        clock.advance(LAST_SWEEP)
        await room.until(lambda: not leftovers(room.store.snapshot))
        assert ("INFO", f"what was left of {row.old.authority} is removed") in said()


async def test_a_step_that_fails_again_and_again_is_written_once_and_once_when_it_goes_on(said):
    """The reason is shown by the operation all the while."""
    broken, clock = Failing(), FakeClock()
    room = LivingRoom(MemoryEngine(), broken.plugin, clock=clock)
    async with running(room):
        await room.ready()
        broken.fail("prepare_signer", UnavailableError("no route to host"))
        row = await room.changes.rotate(actor="test", wishes=QUICK)
        tries = broken.counts["prepare_signer"]
        await room.until(lambda: broken.counts["prepare_signer"] > tries + 3)
        assert "no route to host" in room.operation(row.id).error
        broken.mend()
        await room.over(row)
        lines = said()
    named = f"operation {row.id} (rotate)"
    told = [line for line in lines if line[1].startswith((f"{named} waits", f"{named} goes"))]
    (waits, goes) = told
    assert waits[0] == "WARNING"
    assert "no route to host" in waits[1]
    assert goes == ("INFO", f"{named} goes on")
