"""The states of one record, one test for each row of the table that describes Consul's.

Consul's table of an entry: what has happened, then whether there is a value, the last error, the
index, whether a fetch is under way, since when contact is lost, and what a plain read does next.
"""

import asyncio
from datetime import timedelta

import pytest

from ca_core.errors import DeniedError, UnavailableError
from tests.unit.agent.cache.scripted import HOUR, MINUTE, SECOND, ran, settle

AWAY = UnavailableError("away", retry_after=timedelta())


def state(h):
    """Return value there, error, index, fetches in flight, age in seconds."""
    (entry,) = h.cache.entries()
    return entry.index > 0, entry.error, entry.index, h.server.in_flight, entry.age


async def filled(h):
    """Let the record have its first value."""
    await h.get()
    await settle()


def test_created_by_a_first_read_it_is_fetched_and_a_read_waits():
    """No value, no error, index 0, a fetch under way, contact not lost."""

    async def scenario(h):
        h.server.gate = asyncio.Event()
        reader = await h.reading()
        assert state(h) == (False, "", 0, 1, 0.0)
        assert not reader.done()

    ran(scenario)


def test_after_a_first_fetch_that_failed_a_read_joins_the_next_one():
    """No value, that error, contact lost then; a read starts or joins a fetch and has its end."""

    async def scenario(h):
        h.server.fail(AWAY)
        with pytest.raises(UnavailableError):
            await h.get()
        assert state(h)[:3] == (False, "away", 0)
        h.server.fail(None)
        await h.passes(SECOND)
        assert (await h.get()).value == "seven"

    ran(scenario)


def test_after_a_first_value_a_read_is_a_hit_of_age_zero():
    """A value, no error, its index, a query that waits for the next, contact stands."""

    async def scenario(h):
        await filled(h)
        assert state(h) == (True, "", 7, 1, 0.0)
        answer = await h.get()
        assert (answer.hit, answer.age) == (True, timedelta())

    ran(scenario)


def test_after_a_query_that_brought_the_same_everything_is_as_before():
    """Readers with index 7 go on waiting; a read is a hit of age zero."""

    async def scenario(h):
        await filled(h)
        waiting = await h.reading(index=7, wait=HOUR)
        await h.passes(10 * MINUTE)
        assert state(h) == (True, "", 7, 1, 0.0)
        assert not waiting.done()

    ran(scenario)


def test_after_a_query_that_failed_the_value_stays_and_its_age_grows():
    """The error, contact lost once and for all its failures; readers wait on, which differs."""

    async def scenario(h):
        await filled(h)
        waiting = await h.reading(index=7, wait=HOUR)
        h.server.fail(AWAY)
        await h.passes(5 * SECOND)
        assert state(h) == (True, "away", 7, 0, 5.0)
        assert (await h.get()).age == 5 * SECOND
        assert not waiting.done()

    ran(scenario)


def test_after_a_refusal_there_is_no_value_and_nothing_is_asked_and_that_differs():
    """Consul would answer the old value for ever; here a read asks anew, and has that answer."""

    async def scenario(h):
        await filled(h)
        h.server.fail(DeniedError("ACL not found"))
        await h.passes(5 * SECOND)
        assert state(h) == (False, "ACL not found", 0, 0, 5.0)
        with pytest.raises(DeniedError):
            await h.get()
        h.server.fail(None)
        assert (await h.get()).value == "seven"
        await settle()
        assert state(h) == (True, "", 7, 1, 0.0)

    ran(scenario)


def test_after_a_newer_value_readers_have_it_as_a_miss_and_a_read_as_a_hit():
    """Index 9; who held 7 is answered."""

    async def scenario(h):
        await filled(h)
        waiting = await h.reading(index=7, wait=HOUR)
        h.server.put("k", "nine", 9)
        assert not (await waiting).hit
        await settle()
        assert state(h) == (True, "", 9, 1, 0.0)
        assert (await h.get()).hit

    ran(scenario)


def test_an_index_of_zero_is_kept_as_one():
    """A value; the failures that it counts as slow the asking and are no error."""

    async def scenario(h):
        h.server.put("k", "zero", 0)
        await filled(h)
        valid, error, index, _, age = state(h)
        assert (valid, error, index, age) == (True, "", 1, 0.0)
        assert len(h.server.asked) < 10
        assert (await h.get()).hit

    ran(scenario)


def test_a_query_that_waits_after_an_outage_does_not_make_an_old_value_young_and_that_differs():
    """Consul says age 0 after 31 seconds of waiting; here only an answer does."""

    async def scenario(h):
        await filled(h)
        h.server.fail(AWAY)
        await settle()
        h.server.fail(None)
        h.server.gate = asyncio.Event()
        await h.passes(2 * MINUTE - SECOND, step=SECOND)
        assert state(h)[4] >= 100
        h.server.gate.set()
        await h.passes(2 * MINUTE, step=SECOND)
        assert state(h) == (True, "", 7, 1, 0.0)

    ran(scenario)


def test_after_three_days_without_use_it_is_gone():
    """No record, no fetch; the next read is a first one."""

    async def scenario(h):
        await filled(h)
        await h.passes(72 * HOUR, step=6 * HOUR)
        assert not list(h.cache.entries())
        assert (h.server.in_flight, h.cache.counts.evictions) == (0, {"idle": 1})

    ran(scenario)
