"""Callers that wait for one thing: all of them are let go, each at its limit at the latest."""

import asyncio
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from ca_core.agent.waiting import Gathering
from ca_core.testing.clock import FakeClock


async def turns(number=12):
    """Let everybody go on as far as they get without time."""
    for _ in range(number):
        await asyncio.sleep(0)


async def parked(gathering, clock, *limits):
    """Return one waiting task for each limit, in seconds."""
    tasks = [asyncio.ensure_future(gathering.changed(limit, clock)) for limit in limits]
    await turns(2)
    return tasks


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=12), st.integers(0, 60), st.integers(0, 11)
)
async def test_each_waits_for_the_wake_or_its_own_limit(limits, woken_at, cancelled):
    """True if the wake came first, False at the limit; one that is cancelled disturbs nobody."""
    clock, gathering = FakeClock(), Gathering()
    tasks = [one for limit in limits for one in await parked(gathering, clock, limit)]
    if cancelled < len(tasks):
        tasks[cancelled].cancel()
    for second in range(61):
        if second == woken_at:
            gathering.wake()
            await turns()
        clock.advance(timedelta(seconds=1))
        await turns()
        for limit, task in zip(limits, tasks, strict=True):
            assert task.done() == (second >= woken_at or second + 1 >= limit or task.cancelled())
    for number, (limit, task) in enumerate(zip(limits, tasks, strict=True)):
        if number != cancelled:
            assert task.result() == (woken_at < limit)
    assert len(gathering) == 0


async def test_ten_thousand_are_let_go_in_slices():
    """Whoever else is on the loop has a turn long before the last of them, and nobody is lost."""
    clock, gathering = FakeClock(), Gathering()
    tasks = await parked(gathering, clock, *[60.0] * 10_000)
    gathering.wake()
    await turns(2)
    assert 0 < sum(task.done() for task in tasks) < 2_000
    await turns(50)
    assert all(task.done() and task.result() for task in tasks)


async def test_who_comes_after_a_wake_waits_for_the_next():
    """A wake lets those go who wait, even if their turn comes later, and nobody else."""
    clock, gathering = FakeClock(), Gathering()
    before = await parked(gathering, clock, *[60.0] * 1_000)
    gathering.wake()
    (late,) = await parked(gathering, clock, 60.0)
    await turns(20)
    assert all(task.done() for task in before)
    assert not late.done()
    gathering.wake()
    assert await late


async def test_nothing_is_left_running_behind():
    """However they end, the last one takes the alarm along, and limits of the gone are dropped."""
    clock, gathering = FakeClock(), Gathering()
    (stays,) = await parked(gathering, clock, 600.0)
    for _ in range(500):
        (one,) = await parked(gathering, clock, 60.0)
        one.cancel()
        await turns(2)
    assert len(gathering._limits) < 100
    stays.cancel()
    await turns()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert gathering._limits == []


async def test_no_time_at_all_is_one_turn_of_the_loop():
    """A loop that has fallen behind lets others have their turn, and hears of a wake in it."""
    clock, gathering = FakeClock(), Gathering()
    assert not await gathering.changed(0, clock)
    asyncio.get_running_loop().call_soon(gathering.wake)
    assert await gathering.changed(-1, clock)
