"""The threads of a provider: so many at once, each answer to who asked, nothing lost."""

import asyncio
import contextlib
import threading

import pytest

from ca_core.authority.hands import Hands, HandsClosedError


@contextlib.asynccontextmanager
async def hands(most):
    """Return threads that are ended with the block."""
    made = Hands(most)
    try:
        yield made
    finally:
        await asyncio.to_thread(made.close)


class Gate:
    """Work that begins, and ends when it may."""

    def __init__(self):
        self.begun = threading.Semaphore(0)
        self.opened = threading.Event()
        self.running = 0
        self.most = 0
        self._counting = threading.Lock()

    def __call__(self):
        """Count who is inside, and wait."""
        with self._counting:
            self.running += 1
            self.most = max(self.most, self.running)
        self.begun.release()
        assert self.opened.wait(10)
        with self._counting:
            self.running -= 1


async def test_everybody_gets_the_answer_or_the_error_of_their_own_call():
    """However many calls one thread does in a row."""

    def work(number):
        if number % 3 == 0:
            raise ValueError(number)
        return number

    async with hands(2) as two:
        calls = [two.submit(lambda number=number: work(number)) for number in range(100)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
    for number, answer in enumerate(answers):
        if number % 3 == 0:
            assert isinstance(answer, ValueError)
            assert answer.args == (number,)
        else:
            assert answer == number


@pytest.mark.parametrize("most", [1, 3])
async def test_so_many_calls_run_at_once_and_no_more(most):
    """All threads work while enough is asked, and each ends before the next call begins."""
    gate = Gate()
    async with hands(most) as some:
        calls = [some.submit(gate) for _ in range(3 * most)]
        for _ in range(most):
            assert await asyncio.to_thread(gate.begun.acquire, timeout=10)
        assert not gate.begun.acquire(blocking=False)
        gate.opened.set()
        await asyncio.gather(*calls)
    assert gate.most == most


async def test_one_thread_does_calls_in_the_order_in_which_they_came():
    """Nobody is overtaken."""
    done = []
    async with hands(1) as one:
        await asyncio.gather(*(one.submit(lambda n=n: done.append(n)) for n in range(50)))
    assert done == list(range(50))


async def test_work_that_comes_after_a_quiet_time_is_done():
    """A thread that ran out of work is found again."""
    async with hands(1) as one:
        for number in range(5):
            assert await one.submit(lambda number=number: number) == number


async def test_the_loop_is_woken_once_for_all_that_ended_meanwhile(monkeypatch):
    """A loop that is busy is not told of each answer."""
    loop = asyncio.get_running_loop()
    woken, last = [], threading.Event()
    wake = loop.call_soon_threadsafe
    async with hands(1) as one:
        with monkeypatch.context() as patched:
            patched.setattr(loop, "call_soon_threadsafe", lambda *a: woken.append(a) or wake(*a))
            calls = [one.submit(int) for _ in range(20)] + [one.submit(last.set)]
            assert last.wait(10)  # the loop does nothing else meanwhile
            await asyncio.gather(*calls)
    assert 1 <= len(woken) <= 2  # the last answer may come just after the loop looked


async def test_who_gives_up_does_not_stop_what_has_begun_and_spares_what_has_not():
    """A call that nobody waits for is skipped if it is still its turn to come."""
    gate, skipped = Gate(), []
    async with hands(1) as one:
        begun = one.submit(gate)
        late = one.submit(lambda: skipped.append(1))
        assert await asyncio.to_thread(gate.begun.acquire, timeout=10)
        begun.cancel()
        late.cancel()
        gate.opened.set()
        assert await one.submit(lambda: "next") == "next"
    assert gate.running == 0
    assert skipped == []


async def test_the_end_waits_for_everything_that_was_submitted():
    """Closing drops nothing, and takes nothing more."""
    gate, done = Gate(), []
    one = Hands(1)
    calls = [one.submit(gate), *(one.submit(lambda n=n: done.append(n)) for n in range(5))]
    closing = asyncio.ensure_future(asyncio.to_thread(one.close))
    assert await asyncio.to_thread(gate.begun.acquire, timeout=10)
    assert not closing.done()
    gate.opened.set()
    await closing
    await asyncio.gather(*calls)
    assert done == list(range(5))
    with pytest.raises(HandsClosedError, match="ended"):
        one.submit(int)


def test_a_loop_that_is_gone_stops_no_thread():
    """What was asked on a loop that closed is done all the same, and the thread ends."""
    gate, done = Gate(), []

    async def begin():
        one = Hands(1)
        one.submit(gate)
        one.submit(lambda: done.append(1))
        return one

    one = asyncio.run(begin())
    gate.opened.set()
    one.close()
    assert done == [1]


async def test_what_only_computes_is_done_on_the_loop_while_no_thread_is_busy():
    """Answers and errors go to whoever asked, in the order in which they came."""
    threads = []

    def work(number):
        threads.append((number, threading.current_thread()))
        if number == 3:
            raise ValueError(number)
        return number

    async with hands(1) as one:
        calls = [one.submit_here(lambda number=number: work(number)) for number in range(6)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
    assert threads == [(number, threading.main_thread()) for number in range(6)]
    assert isinstance(answers.pop(3), ValueError)
    assert answers == [0, 1, 2, 4, 5]


async def test_the_loop_listens_between_two_turns():
    """However many wait for one, others are served meanwhile."""
    done, seen = [], []

    async def listening():
        while len(done) < 20:
            seen.append(len(done))
            await asyncio.sleep(0)

    async with hands(1) as one:
        calls = [one.submit_here(lambda n=n: done.append(n)) for n in range(20)]
        await asyncio.gather(listening(), *calls)
    assert set(seen) >= set(range(1, 20))


async def test_a_turn_that_comes_while_a_thread_is_busy_is_done_by_a_thread():
    """Never more calls at once than the provider takes, wherever they are made."""
    gate, threads = Gate(), []
    async with hands(1) as one:
        first = one.submit(gate)
        assert await asyncio.to_thread(gate.begun.acquire, timeout=10)
        turn = one.submit_here(lambda: threads.append(threading.current_thread()))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not turn.done()
        gate.opened.set()
        await asyncio.gather(first, turn)
    assert threads[0] is not threading.main_thread()


async def test_a_turn_that_nobody_waits_for_any_more_is_not_taken():
    """It costs nothing, and the next one is."""
    done = []
    async with hands(1) as one:
        given_up, other = (one.submit_here(lambda n=n: done.append(n)) for n in range(2))
        given_up.cancel()
        await other
    assert done == [1]


async def test_after_the_end_no_turn_is_taken():
    """Neither one that waits nor one that comes; a provider that is closed is not called."""
    done = []
    one = Hands(1)
    waiting = one.submit_here(lambda: done.append(1))
    one.close()
    with pytest.raises(HandsClosedError, match="ended"):
        await waiting
    with pytest.raises(HandsClosedError, match="ended"):
        one.submit_here(lambda: done.append(2))
    assert done == []
