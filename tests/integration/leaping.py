"""``ca-core`` with a clock that leaps: 65 hours behind until SIGUSR1, then on time.

    python tests/integration/leaping.py dev --listen 127.0.0.1:PORT

A leaf of 72 hours that was issued before the leap is past 90 % of its life after it, so the agent
must renew it at once, and to everybody else's clock both leaves are valid. Everything but the clock
is the real program.
"""

import asyncio
import signal
import sys
import time
from datetime import UTC, datetime, timedelta

import ca_core.api.running
from ca_core.cli.main import main

LEAP = timedelta(hours=65)


class LeapingClock:
    """The machine's clock, late until ``leap``; whoever sleeps then has slept that much more."""

    def __init__(self):
        self._late = LEAP
        self._sleeping = set()

    def now(self):
        """Return the wall-clock time, aware, UTC."""
        return datetime.now(UTC) - self._late

    def monotonic(self):
        """Return seconds that never run backwards."""
        return time.monotonic() - self._late.total_seconds()

    async def sleep(self, seconds):
        """Wait for ``seconds``, the leap included."""
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:
            leapt = asyncio.get_running_loop().create_future()
            self._sleeping.add(leapt)
            try:
                await asyncio.wait({leapt}, timeout=left)
            finally:
                self._sleeping.discard(leapt)

    def leap(self, *_):
        """Be on time from now on."""
        self._late = timedelta()
        for leapt in self._sleeping:
            leapt.get_loop().call_soon_threadsafe(leapt.cancel)


if __name__ == "__main__":
    clock = LeapingClock()
    signal.signal(signal.SIGUSR1, clock.leap)
    ca_core.api.running.SystemClock = lambda: clock
    sys.argv[0] = "ca-core"
    main()
