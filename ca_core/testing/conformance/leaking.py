"""Counting what must not grow in this process, over many cycles."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

CYCLES = 8
"""Something leaked each time shows among what comes and goes anyway."""

SETTLES = 2.0
"""Seconds within which threads and sockets that are being closed are gone."""

_OPEN_FILES = Path("/proc/self/fd")


def growth(found: Callable[[], set[object]], cycle: Callable[[], None]) -> int:
    """Return how many were not there before the cycles, once that has settled."""
    cycle()  # what is made once and kept does not count
    before = found()
    for _ in range(CYCLES):
        cycle()
    until = time.monotonic() + SETTLES
    while len(found() - before) >= CYCLES and time.monotonic() < until:
        time.sleep(0.02)
    return len(found() - before)


def threads() -> set[object]:
    """Return the threads that are alive."""
    return set(threading.enumerate())


def files() -> set[object]:
    """Return number and target of each open file and socket; none where nobody can say."""
    if not _OPEN_FILES.is_dir():
        return set()
    return {(entry.name, _target(entry)) for entry in _OPEN_FILES.iterdir()}


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:  # closed since it was listed, as the listing's own
        return ""
