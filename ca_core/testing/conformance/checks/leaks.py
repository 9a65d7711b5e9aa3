"""Counters of what must not grow in this process: threads, files, sockets."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.disturbing import disturbed
from ca_core.testing.conformance.verdict import raised_by, require
from ca_core.testing.conformance.words import Level
from ca_core.testing.faultystore import Moment

CHECKS = Catalogue()

CYCLES = 12
"""Something leaked each time shows among what comes and goes anyway."""

SETTLES = 2.0
"""Seconds within which threads and sockets that are being closed are gone."""

_OPEN_FILES = Path("/proc/self/fd")


@CHECKS.check(
    "leak.threads",
    Level.L3,
    why="A provider is opened again at every change of its configuration, for years.",
    sources=("S11", "Consul GH-12607", "Consul GH-14908"),
    fix="End in `close` every thread that you start, and wait for it.",
)
def leak_threads(arena: Arena) -> None:
    """Objects that were opened, used and closed leave no thread behind."""
    grown = _growth(_threads, lambda: _used_and_closed(arena))
    require(grown < CYCLES, f"{grown} threads more after {CYCLES} objects were closed")


@CHECKS.check(
    "leak.files",
    Level.L3,
    why="A socket kept by each object that was closed ends at the limit of open files.",
    sources=("S11", "Consul GH-12607"),
    fix="Close in `close` every connection and every file that you open.",
)
def leak_files(arena: Arena) -> None:
    """Objects that were opened, used and closed leave no file or socket open."""
    grown = _growth(_files, lambda: _used_and_closed(arena))
    require(grown < CYCLES, f"{grown} files more are open after {CYCLES} objects were closed")


@CHECKS.check(
    "leak.failures",
    Level.L3,
    why="A renewal loop that outlived each failed start hammered the backend, a loop for each.",
    sources=("S11", "Consul GH-19285", "Consul GH-12607"),
    fix="Start nothing in the background before the first success, and end it in `close`.",
)
def leak_failures(arena: Arena) -> None:
    """Objects whose authority could not be made leave nothing running or open when closed."""
    grown = _growth(lambda: _threads() | _files(), lambda: _failed_and_closed(arena))
    require(grown < CYCLES, f"{grown} threads and files more after {CYCLES} failed starts")


def _used_and_closed(arena: Arena) -> None:
    mesh = arena.mesh()
    mesh.leaf()
    mesh.retire()
    mesh.provider.close()


def _failed_and_closed(arena: Arena) -> None:
    world = disturbed(arena)
    victim = world.victim(world.calm.server())
    world.store.fail(Moment(1, reads=True))
    raised_by(victim.ensure)
    world.store.heal()
    victim.provider.close()


def _growth(found: Callable[[], set[object]], cycle: Callable[[], None]) -> int:
    """Return how many were not there before the cycles, once that has settled."""
    cycle()  # what is made once and kept does not count
    before = found()
    for _ in range(CYCLES):
        cycle()
    until = time.monotonic() + SETTLES
    while len(found() - before) >= CYCLES and time.monotonic() < until:
        time.sleep(0.02)
    return len(found() - before)


def _threads() -> set[object]:
    return set(threading.enumerate())


def _files() -> set[object]:
    """Return the numbers of the files and sockets that are open; none where nobody can say."""
    return {entry.name for entry in _OPEN_FILES.iterdir()} if _OPEN_FILES.is_dir() else set()
