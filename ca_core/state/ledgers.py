"""Records on their way to a ledger: collected, written in groups, kept until they are durable."""

import threading
from collections.abc import Callable, Iterator, Sequence

from ca_core.errors import UnavailableError

GROUP_ROWS = 64
"""A group is written when it has this many records…"""

GROUP_SECONDS = 0.005
"""…or when its oldest record has waited this long: the most that a request can feel of it."""

RETRY_SECONDS = 0.25
"""Pause after a failed write; a full disk is asked four times a second, which costs nothing."""

MAX_ROWS = 10_000
"""Records kept while the engine refuses them: at 50 signatures a second, over three minutes."""

MAX_BYTES = 32 * 1024 * 1024
"""And no more memory than this."""

Append = Callable[[str, Sequence[bytes]], None]
"""``Engine.append``."""


class PendingRecords:
    """Records not yet durable, in order per ledger. ``add`` from any thread, ``write`` from one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, list[bytes]] = {}
        self._rows = 0
        self._bytes = 0
        self._due: float | None = None
        self.error: Exception | None = None

    def __len__(self) -> int:
        """Return how many records are not durable yet."""
        return self._rows

    def add(self, ledger: str, value: bytes, *, now: float) -> bool:
        """Keep a record; return whether the writer must look again at ``seconds_left``.

        Raises:
            UnavailableError: too many are waiting already; this one was not taken.
        """
        with self._lock:
            if self._rows >= MAX_ROWS or self._bytes + len(value) > MAX_BYTES:
                raise UnavailableError(
                    f"{self._rows} ledger records wait for the disk; no more are taken"
                ) from self.error
            self._values.setdefault(ledger, []).append(value)
            self._count(1, len(value))
            if self._due is None:
                self._due = now + GROUP_SECONDS
                return True
            return self._hurry(now)

    def seconds_left(self, now: float) -> float | None:
        """Return how long the writer may sleep: 0 if a group is due, None if nothing waits."""
        due = self._due
        return None if due is None else max(0.0, due - now)

    def write(self, append: Append, *, now: float) -> None:
        """Write everything that waits; what fails stays, is tried again, and shows in ``error``.

        Raises:
            Exception: whatever ``append`` raised.
        """
        try:
            for ledger, group in self._groups():
                append(ledger, group)
                self._forget(ledger, group)
        except Exception as error:
            self._end_with(error, due=now + RETRY_SECONDS)
            raise
        self._end_with(None, due=now + GROUP_SECONDS)  # what came meanwhile came after ``now``

    def _hurry(self, now: float) -> bool:
        if self._rows != GROUP_ROWS or self.error is not None:
            return False
        self._due = now
        return True

    def _groups(self) -> Iterator[tuple[str, tuple[bytes, ...]]]:
        """Yield what waits now; records that come meanwhile are the next write's, so this ends."""
        with self._lock:
            taken = {ledger: tuple(values) for ledger, values in self._values.items()}
        for ledger, values in taken.items():
            for start in range(0, len(values), GROUP_ROWS):
                yield ledger, values[start : start + GROUP_ROWS]

    def _end_with(self, error: Exception | None, *, due: float) -> None:
        with self._lock:
            self.error = error
            self._due = due if self._rows else None
            if error is None and self._rows >= GROUP_ROWS:
                self._due = 0.0

    def _forget(self, ledger: str, values: Sequence[bytes]) -> None:
        with self._lock:
            remaining = self._values[ledger]
            del remaining[: len(values)]
            if not remaining:
                del self._values[ledger]
            self._count(-len(values), -sum(map(len, values)))

    def _count(self, rows: int, size: int) -> None:
        self._rows += rows
        self._bytes += size
