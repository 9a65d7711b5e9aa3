"""The roots in memory: at once, kept fresh, honest about their age."""

import asyncio
import contextlib
from datetime import timedelta

import msgspec
import pytest

from ca_core.agent.rootscache import RootsCache
from ca_core.errors import NotReadyError, ProviderError, UnavailableError
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import FakeUpstream, passed, settle

MINUTE = timedelta(minutes=1)


class House:
    """One roots cache over one fake server."""

    def __init__(self):
        self.clock = FakeClock()
        self.upstream = FakeUpstream(self.clock)
        self.roots = RootsCache(self.upstream, self.clock, lambda: 1.0)
        self.heard = []
        self.roots.subscribe(self.heard.append)


@contextlib.asynccontextmanager
async def house(*errors):
    """Run a cache whose server first fails with ``errors``."""
    built = House()
    built.upstream.roots_errors = list(errors)
    loop = asyncio.create_task(built.roots.run())
    await settle()
    try:
        yield built
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


def ran(scenario, *errors):
    """Run a scenario in a house of its own."""

    async def whole():
        async with house(*errors) as built:
            await scenario(built)

    asyncio.run(whole())


def test_roots_are_answered_from_memory_with_their_index():
    """The first answer is there before anybody asks, and later ones cost no request."""

    async def scenario(h):
        for _ in range(5):
            answer = await h.roots.get()
            assert answer.hit
            assert answer.known_leader
            assert answer.age == timedelta()
            assert answer.index == 5
            assert answer.value == h.upstream.value()
        assert h.upstream.roots_calls == [0, 5]

    ran(scenario)


def test_a_rotation_wakes_blocked_readers_and_listeners():
    """Readers that hold the current index are answered when another root signs."""

    async def scenario(h):
        first = await h.roots.get()
        readers = [asyncio.create_task(h.roots.get(min_index=first.index)) for _ in range(3)]
        await settle()
        assert not any(reader.done() for reader in readers)
        h.upstream.rotate()
        for answer in await asyncio.gather(*readers):
            assert answer.index == 6
            assert len(answer.value.roots) == 2
            assert not answer.hit
        assert [known.index for known in h.heard] == [5, 6]

    ran(scenario)


def test_an_unrelated_change_wakes_nobody():
    """A new index over the same roots is no news."""

    async def scenario(h):
        first = await h.roots.get()
        reader = asyncio.create_task(h.roots.get(min_index=first.index, wait=MINUTE))
        await settle()
        h.upstream.changed(99)
        await settle()
        assert not reader.done()
        await passed(h.clock, MINUTE)
        assert (await reader).index == first.index
        assert len(h.heard) == 1

    ran(scenario)


def test_a_reader_gets_the_same_roots_after_its_wait():
    """Waiting has an end, and the end is an answer."""

    async def scenario(h):
        reader = asyncio.create_task(h.roots.get(min_index=5, wait=timedelta(seconds=10)))
        await settle()
        await passed(h.clock, timedelta(seconds=9))
        assert not reader.done()
        await passed(h.clock, timedelta(seconds=1))
        assert (await reader).index == 5

    ran(scenario)


def test_a_lower_index_is_a_reset_and_not_ignored():
    """After a restore the server counts from below: readers get the new roots at once."""

    async def scenario(h):
        reader = asyncio.create_task(h.roots.get(min_index=5))
        await settle()
        h.upstream.rotate()
        h.upstream.changed(2)
        answer = await reader
        assert len(answer.value.roots) == 2
        later = await h.roots.get(min_index=6)
        assert later.hit
        await settle()
        assert h.upstream.roots_calls[-1] in (2, 6)

    ran(scenario)


def test_other_roots_under_the_same_index_get_another_one():
    """A reader that holds the number of the old roots is not kept waiting for ever."""

    async def scenario(h):
        h.upstream.authorities.append(h.upstream.active.__class__("b", h.clock.now()))
        h.upstream.roots_errors = [UnavailableError("restart")]
        h.upstream.changed(5)
        await passed(h.clock, timedelta(seconds=5), step=timedelta(seconds=1))
        answer = await h.roots.get(min_index=5)
        assert answer.index == 6
        assert len(answer.value.roots) == 2

    ran(scenario)


def test_the_last_known_roots_are_served_with_their_age_while_the_server_is_away():
    """Contact lost: same roots, growing age, no known leader; contact back: age zero again."""

    async def scenario(h):
        h.upstream.roots_errors = [UnavailableError("down")] * 1000
        h.upstream.changed(5)
        await settle()
        await passed(h.clock, timedelta(minutes=3), step=timedelta(seconds=1))
        answer = await h.roots.get()
        assert answer.age == timedelta(minutes=3)
        assert not answer.known_leader
        assert len(answer.value.roots) == 1
        h.upstream.roots_errors.clear()
        await passed(h.clock, timedelta(seconds=9), step=timedelta(seconds=1))
        back = await h.roots.get()
        assert back.age == timedelta()
        assert back.known_leader

    ran(scenario)


def test_failures_back_off_and_recovery_is_a_matter_of_seconds():
    """Half an hour of outage costs a bounded number of calls; none is further apart than 4 s."""

    async def scenario(h):
        before = len(h.upstream.roots_calls)
        h.upstream.roots_errors = [UnavailableError("down")] * 10_000
        h.upstream.changed(5)
        await passed(h.clock, 30 * MINUTE, step=timedelta(seconds=1))
        assert 400 <= len(h.upstream.roots_calls) - before <= 30 * 60 / 3 + 10

    ran(scenario)


def test_a_server_that_answers_at_once_with_nothing_new_is_not_asked_in_a_hot_loop():
    """A broken long poll is treated as a failure."""

    async def scenario(h):
        async def impatient(*, index=0, **_):
            h.upstream.roots_calls.append(index)
            return await FakeUpstream.roots(h.upstream)

        h.upstream.roots = impatient
        h.upstream.changed(5)
        await passed(h.clock, MINUTE, step=timedelta(milliseconds=250))
        assert len(h.upstream.roots_calls) < 40

    ran(scenario)


def test_without_any_roots_the_reason_is_told():
    """A first reader gets the error of the attempt, and the roots as soon as there are some."""

    async def scenario(h):
        with pytest.raises(UnavailableError, match="down"):
            await _after(h, h.roots.get(), timedelta(seconds=1))
        await passed(h.clock, timedelta(seconds=2), step=timedelta(seconds=1))
        assert (await h.roots.get()).index == 5

    ran(scenario, UnavailableError("down"), UnavailableError("down"))


async def _after(h, work, span):
    task = asyncio.create_task(work)
    await settle()
    await passed(h.clock, span)
    return await task


def test_a_first_reader_does_not_wait_for_ever():
    """If the server neither answers nor refuses, the reader is told after ten seconds."""

    async def whole():
        clock = FakeClock()
        roots = RootsCache(FakeUpstream(clock), clock, lambda: 1.0)  # nobody runs its loop
        reader = asyncio.create_task(roots.get())
        await settle()
        await passed(clock, timedelta(seconds=10))
        with pytest.raises(NotReadyError):
            await reader

    asyncio.run(whole())


@pytest.mark.parametrize("broken", ["no active root", "no certificate"])
def test_a_damaged_answer_never_replaces_good_roots(broken):
    """What cannot be parsed counts as a failure; the last good roots stay."""

    async def scenario(h):
        good = await h.roots.get()
        value = h.upstream.value()
        if broken == "no active root":
            value = msgspec.structs.replace(value, active_root_id="xx")
        else:
            root = msgspec.structs.replace(value.roots[0], root_cert="-----BEGIN nothing")
            value = msgspec.structs.replace(value, roots=(root,))
        h.upstream.value = lambda: value
        h.upstream.changed(9)
        await settle()
        answer = await h.roots.get()
        assert answer.value == good.value
        assert not answer.known_leader
        assert isinstance(h.roots.last_error, ProviderError)

    ran(scenario)


def test_a_bug_in_the_upstream_does_not_end_the_loop():
    """An exception that no rule allows is a failure like another."""

    async def scenario(h):
        await h.roots.get()
        h.upstream.roots_errors = [KeyError("oops")]
        h.upstream.changed(5)
        await settle()
        assert not (await h.roots.get()).known_leader
        h.upstream.rotate()
        await passed(h.clock, timedelta(seconds=3), step=timedelta(seconds=1))
        assert len((await h.roots.get()).value.roots) == 2

    ran(scenario)


def test_closing_lets_blocked_readers_go():
    """A reader that waits when the agent stops gets what is known."""

    async def scenario(h):
        reader = asyncio.create_task(h.roots.get(min_index=5))
        await settle()
        await h.roots.close()
        assert (await reader).index == 5

    ran(scenario)


def test_outages_leave_no_tasks_behind():
    """After a thousand failures and cancelled readers as many tasks run as before."""

    async def scenario(h):
        await settle()
        before = len(asyncio.all_tasks())
        h.upstream.roots_errors = [UnavailableError("down")] * 1000
        h.upstream.changed(5)
        for _ in range(50):
            reader = asyncio.create_task(h.roots.get(min_index=5))
            await passed(h.clock, timedelta(seconds=10))
            reader.cancel()
        h.upstream.roots_errors.clear()
        await passed(h.clock, MINUTE, step=timedelta(seconds=5))
        assert len(asyncio.all_tasks()) == before

    ran(scenario)
