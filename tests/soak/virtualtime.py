"""An event loop whose time passes only while everybody waits: weeks in seconds.

Timers are the loop's own (``call_later``, ``asyncio.sleep``, ``asyncio.timeout``). When nothing is
ready its time jumps to the next timer. Work for a thread is done on the loop itself, so one seed
gives the same month again; nothing here may need a thread of its own.
"""

import asyncio
import gc
import heapq
import logging
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from unittest import mock

from ca_core.authority import hands
from ca_core.state import store
from ca_core.state.writer import Writer

START = datetime(2030, 1, 1, tzinfo=UTC)
"""When the loop's time is 0."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop. It looks at no socket; what is given to its executor is done at once."""

    def __init__(self):
        self._now = 0.0
        super().__init__()

    def time(self):
        """Return the virtual seconds since the loop was made."""
        return self._now

    def _run_once(self):
        """Take one turn; if nothing is ready, move the time to the next timer before."""
        if not self._ready:
            self._pass_time()
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _pass_time(self):
        timers = self._scheduled
        while timers and timers[0]._cancelled:
            heapq.heappop(timers)._scheduled = False
            self._timer_cancelled_count -= 1
        if not timers:
            raise RuntimeError("everybody waits, and for nothing that time could bring")
        self._now = max(self._now, timers[0]._when)
        while timers and timers[0]._when <= self._now:
            handle = heapq.heappop(timers)
            handle._scheduled = False
            self._timer_cancelled_count -= handle._cancelled
            self._ready.append(handle)

    def _write_to_self(self):
        """Wake nobody: there is no other thread that would have to."""

    def run_in_executor(self, executor, func, *args):
        """Do the work here and now."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            done.set_exception(error)
        return done


class LoopExecutor:
    """The threads of a provider, played by the loop."""

    def __init__(self, **_):
        self._loop = asyncio.get_running_loop()

    def submit(self, work):
        """Do the work in the loop's next turn."""
        self._loop.call_soon(work)

    def shutdown(self, *, wait):
        """Forget nothing: what was submitted is done in the loop's next turn."""


class LoopWriter(Writer):
    """The thread of a store, played by whoever calls."""

    def __init__(self, engine):
        with mock.patch("threading.Thread.start"):
            super().__init__(engine)
        self._thread = mock.Mock()

    def _put(self, job):
        with self._gate:
            self._require_open()
        job()

    def append(self, ledger, value):
        """Write a record at once."""
        super().append(ledger, value)
        self._try_ledgers()


class LoopClock:
    """A ``Clock`` that shows a loop's time.

    Attributes:
        skew: how far this host's wall clock is ahead.
    """

    def __init__(self, loop):
        self._loop = loop
        self.skew = timedelta()
        self._at = None
        self._shown = START

    def now(self):
        """Return the wall-clock time, aware UTC."""
        if self._at != (self._loop.time(), self.skew):
            self._at = (self._loop.time(), self.skew)
            self._shown = START + self.skew + timedelta(seconds=self._loop.time())
        return self._shown

    def monotonic(self):
        """Return the loop's time."""
        return self._loop.time()

    async def sleep(self, seconds):
        """Wait so many virtual seconds."""
        await asyncio.sleep(seconds)


def run_virtually(main):
    """Run ``main(clock)`` to its end on a loop of its own, and return what it returns."""
    with ExitStack() as stack:
        stack.callback(logging.disable, logging.NOTSET)
        logging.disable(logging.WARNING)  # pytest would keep every line of a month
        stack.callback(gc.set_threshold, *gc.get_threshold())
        gc.set_threshold(100_000)  # a thousand parked programs are looked through each time
        stack.enter_context(mock.patch.object(hands, "ThreadPoolExecutor", LoopExecutor))
        stack.enter_context(mock.patch.object(store, "Writer", LoopWriter))
        runner = stack.enter_context(asyncio.Runner(loop_factory=VirtualLoop))
        return runner.run(main(LoopClock(runner.get_loop())))
