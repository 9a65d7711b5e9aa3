"""A shared backend in memory with the manners of etcd: several servers, gaps, delays, failures.

Nothing here sleeps or draws at random: a test decides what is held back, when it arrives, and
what fails.
"""

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import TypeVar

from ca_core.errors import Error
from ca_core.state.memory import MemoryDisk
from ca_core.state.protocol import Commit, LedgerRow, Snapshot, Transaction

Answer = TypeVar("Answer")
Deliver = Callable[[Commit], None]


class FakeBackend:
    """The cluster behind several ``FakeEngine`` objects. Thread-safe.

    Args:
        gaps: how many indexes each commit skips, repeated for ever; ``(0, 3)`` skips three every
            second time.
        epoch: name of the line of indexes; drawn if None.
    """

    def __init__(self, *, gaps: Sequence[int] = (0,), epoch: str | None = None) -> None:
        self._lock = threading.Lock()
        self._disk = MemoryDisk(epoch)
        self._gaps = cycle(gaps)
        self._log: list[Commit] = []
        self._engines: list[FakeEngine] = []

    @property
    def index(self) -> int:
        """Index of the newest commit, delivered anywhere or not."""
        return self._disk.index

    def snapshot(self) -> Snapshot:
        """Return the truth as of now."""
        with self._lock:
            return self._disk.snapshot()

    def commits_after(self, index: int) -> list[Commit]:
        """Return the commits above ``index``, oldest first."""
        with self._lock:
            return self._log[bisect_right(self._log, index, key=lambda commit: commit.index) :]

    def write(self, transaction: Transaction) -> int:
        """Commit under row-level compare-and-set; raises as ``Engine.commit`` does."""
        with self._lock:
            commit = self._disk.commit(transaction, step=1 + next(self._gaps))
            self._log.append(commit)
            return commit.index

    def append(self, ledger: str, values: Sequence[bytes]) -> None:
        """Append records to a ledger of the whole cluster."""
        with self._lock:
            self._disk.append(ledger, values)

    def read(self, ledger: str, *, after: int, limit: int) -> Sequence[LedgerRow]:
        """Return records of every server, oldest first."""
        with self._lock:
            return self._disk.read(ledger, after=after, limit=limit)

    def ledgers(self) -> Sequence[str]:
        """Return the names of the ledgers, sorted."""
        with self._lock:
            return self._disk.ledgers()

    def join(self, engine: "FakeEngine") -> None:
        """Let the engine hear of commits."""
        with self._lock:
            self._engines.append(engine)

    def leave(self, engine: "FakeEngine") -> None:
        """Forget the engine; safe to repeat."""
        with self._lock:
            self._engines = [other for other in self._engines if other is not engine]

    def announce(self) -> None:
        """Offer new commits to every engine, outside the lock; those that hold keep them back."""
        with self._lock:
            engines = tuple(self._engines)
        for engine in engines:
            engine.pump()


class FakeEngine:
    """One server's connection to a ``FakeBackend``; commits arrive at once unless held back."""

    def __init__(self, backend: FakeBackend) -> None:
        self._backend = backend
        self._delivery = threading.Lock()
        self._deliver: Deliver | None = None
        self._delivered = 0
        self._held = False
        self._failures: deque[tuple[Error, bool]] = deque()

    def hold(self) -> None:
        """Deliver nothing to this engine until ``release``."""
        self._held = True

    def release(self) -> None:
        """Deliver everything held back, and everything from now on at once."""
        self._held = False
        self.pump()

    def release_one(self) -> bool:
        """Deliver the oldest commit held back; return whether there was one."""
        return self._advance(1) == 1

    def fail(self, error: Error, *, after_writing: bool = False) -> None:
        """Make the next commit or append raise ``error``, before or after it took effect."""
        self._failures.append((error, after_writing))

    def load(self) -> Snapshot:
        """Return the truth as of now."""
        return self._backend.snapshot()

    def commit(self, transaction: Transaction) -> int:
        """Write; the commit reaches this engine's watcher now or when it is released."""
        index = self._attempt(lambda: self._backend.write(transaction))
        self._backend.announce()
        return index

    def append(self, ledger: str, values: Sequence[bytes]) -> None:
        """Append records to a ledger of the whole cluster."""
        self._attempt(lambda: self._backend.append(ledger, values))

    def read(self, ledger: str, *, after: int = 0, limit: int = 1000) -> Sequence[LedgerRow]:
        """Return up to ``limit`` records with a position above ``after``, of every server."""
        return self._backend.read(ledger, after=after, limit=limit)

    def ledgers(self) -> Sequence[str]:
        """Return the names of the ledgers that hold records, sorted."""
        return self._backend.ledgers()

    def watch(self, from_index: int, deliver: Deliver) -> None:
        """Deliver every commit above ``from_index``, those already made included."""
        self._delivered = from_index
        self._deliver = deliver
        self._backend.join(self)
        self.pump()

    def close(self) -> None:
        """Leave the cluster; nothing is delivered any more."""
        self._backend.leave(self)
        with self._delivery:
            self._deliver = None

    def pump(self) -> None:
        """Deliver what is not held back."""
        if not self._held:
            self._advance(None)

    def _advance(self, limit: int | None) -> int:
        with self._delivery:
            if self._deliver is None:
                return 0
            commits = self._backend.commits_after(self._delivered)[:limit]
            for commit in commits:
                self._delivered = commit.index
                self._deliver(commit)
            return len(commits)

    def _attempt(self, act: Callable[[], Answer]) -> Answer:
        if not self._failures:
            return act()
        error, after_writing = self._failures.popleft()
        if after_writing:
            act()
            self._backend.announce()
        raise error
