"""Seconds that the machine gave to this process: nobody is quick while a machine pauses."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TICK = 0.02
PAUSE = 0.2
"""Seconds; a gap between two ticks that is longer was a pause.

What holds the interpreter lock for so long looks the same: that nothing does is measured
elsewhere, as the longest gap of the event loop.
"""


class Stopwatch:
    """Counts from when it was made, without pauses; ticks in a thread until it is stopped.

    Attributes:
        lost: seconds of pauses so far.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._began = self._last = monotonic()
        self.lost = 0.0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """Return the seconds until now, without pauses."""
        with self._lock:
            return self._tick() - self._began - self.lost

    def stop(self) -> None:
        """End the ticking."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(TICK):
            with self._lock:
                self._tick()

    def _tick(self) -> float:
        now = self._monotonic()
        gap, self._last = now - self._last, now
        if gap > PAUSE:
            self.lost += gap - TICK
        return now


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Give a stopwatch that began now."""
    made = Stopwatch()
    try:
        yield made
    finally:
        made.stop()
