"""Watching a folder: something is done at once, and again after every change of its files."""

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

POLL = timedelta(milliseconds=400)
"""How often the files are looked at."""

WATCHED = frozenset({".py", ".toml", ".md"})
_SKIPPED = frozenset({"__pycache__", "build", "dist", "node_modules", "venv"})

Snapshot = Mapping[str, tuple[int, int]]
"""Path → (time of change in ns, size in bytes)."""


def snapshot(folder: Path) -> Snapshot:
    """Return how the files that matter look now: sources, settings and pages, nothing hidden."""
    return dict(_looks(folder))


def watch(folder: Path, act: Callable[[], None], *, pause: Callable[[float], None]) -> None:
    """Call ``act`` now and whenever a file has changed, until ``pause`` or ``act`` raises.

    What changes while ``act`` runs is seen afterwards.

    Args:
        folder: what is watched.
        act: blocks.
        pause: waits that many seconds.
    """
    seen: Snapshot | None = None
    while True:
        found = snapshot(folder)
        if found != seen:
            seen = found
            act()
        pause(POLL.total_seconds())


def _looks(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    for home, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED and name[0] != "."]
        for path in (Path(home, name) for name in files if name[0] != "."):
            if path.suffix not in WATCHED:
                continue
            try:
                found = path.stat()
            except FileNotFoundError:  # an editor replaces it just now
                continue
            yield str(path), (found.st_mtime_ns, found.st_size)
