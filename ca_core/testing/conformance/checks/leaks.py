"""Counters of what must not grow in this process: threads, files, sockets."""

from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.disturbing import disturbed
from ca_core.testing.conformance.leaking import CYCLES, files, growth, threads
from ca_core.testing.conformance.verdict import raised_by, require
from ca_core.testing.conformance.words import Level
from ca_core.testing.faultystore import Moment

CHECKS = Catalogue()


@CHECKS.check(
    "leak.threads",
    Level.L3,
    why="A provider is opened again at every change of its configuration, for years.",
    sources=("S11", "Consul GH-12607", "Consul GH-14908"),
    fix="End in `close` every thread that you start, and wait for it.",
)
def leak_threads(arena: Arena) -> None:
    """Objects that were opened, used and closed leave no thread behind."""
    grown = growth(threads, lambda: _used_and_closed(arena))
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
    grown = growth(files, lambda: _used_and_closed(arena))
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
    grown = growth(lambda: threads() | files(), lambda: _failed_and_closed(arena))
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
