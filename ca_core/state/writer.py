"""The one thread that calls an engine: jobs in order, and ledger groups when they are due."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from ca_core.errors import UnavailableError
from ca_core.state.ledgers import PendingRecords
from ca_core.state.protocol import Engine

Answer = TypeVar("Answer")
Job = Callable[[], None]
Done = Callable[[Answer, Future[Answer]], None]


class Writer:
    """Owns the engine after ``load``. Every method may be called from any thread but its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pending = PendingRecords()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._open = True
        self._thread = threading.Thread(target=self._run, name="state-writer", daemon=True)
        self._thread.start()

    @property
    def ledger_error(self) -> Exception | None:
        """Why ledger records could not be written last time, or None; they are kept and retried."""
        return self._pending.error

    def submit(self, act: Callable[[], Answer], done: Done[Answer]) -> Future[Answer]:
        """Run ``act`` on the writer thread; ``done`` decides when its answer completes the future.

        Raises:
            UnavailableError: the store is closed.
        """
        outcome: Future[Answer] = Future()
        self._put(lambda: _perform(act, done, outcome))
        return outcome

    def call(self, act: Callable[[], Answer]) -> Answer:
        """Run ``act`` on the writer thread and return its answer, or raise what it raised."""
        return self.submit(act, lambda answer, outcome: outcome.set_result(answer)).result()

    def append(self, ledger: str, value: bytes) -> None:
        """Collect a record for the next group; return at once."""
        with self._gate:
            self._require_open()
            if self._pending.add(ledger, value, now=time.monotonic()):
                self._jobs.put(_look_again)

    def flush(self) -> None:
        """Return once every record appended before is durable; raise what the engine raised."""
        self.call(self._write_ledgers)

    def close(self) -> None:
        """Finish what was submitted, write the ledgers, end the thread; safe to repeat.

        Raises:
            UnavailableError: records could not be written and are lost now; says how many.
        """
        with self._gate:
            if self._open:
                self._open = False
                self._jobs.put(None)
        self._thread.join()
        lost = len(self._pending)
        if lost:
            message = f"{lost} ledger records were lost: the engine refused them until the end"
            raise UnavailableError(message) from self._pending.error

    def _put(self, job: Job) -> None:
        with self._gate:
            self._require_open()
            self._jobs.put(job)

    def _require_open(self) -> None:
        if not self._open:
            raise UnavailableError("the store is closed")

    def _run(self) -> None:
        while (job := self._next()) is not None:
            job()
            if self._pending.seconds_left(time.monotonic()) == 0:
                self._try_ledgers()
        self._try_ledgers()

    def _next(self) -> Job | None:
        try:
            return self._jobs.get(timeout=self._pending.seconds_left(time.monotonic()))
        except queue.Empty:
            return _look_again

    def _write_ledgers(self) -> None:
        self._pending.write(self._engine.append, now=time.monotonic())

    def _try_ledgers(self) -> None:
        with suppress(Exception):
            self._write_ledgers()


def _look_again() -> None:
    """Do nothing: the writer wakes and sees that a ledger group is waiting."""


def _perform(act: Callable[[], Answer], done: Done[Answer], outcome: Future[Answer]) -> None:
    if not outcome.set_running_or_notify_cancel():
        return
    try:
        answer = act()
    except Exception as error:  # noqa: BLE001 - whoever submitted the job gets it; the thread lives on
        outcome.set_exception(error)
        return
    done(answer, outcome)
