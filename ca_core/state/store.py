"""The one object through which the program reads, changes and watches its state."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from types import TracebackType
from typing import Self

from ca_core.errors import ConflictError, OutcomeUnknownError, UnavailableError
from ca_core.state.protocol import ABSENT, Change, Engine, LedgerRow, Transaction
from ca_core.state.published import Follow, Published
from ca_core.state.tables import fence_holds, with_topic_rows
from ca_core.state.view import View
from ca_core.state.waiters import Waiters
from ca_core.state.writer import Writer

CATCH_UP_SECONDS = 5.0
"""A commit that somebody else made reaches us in milliseconds; after this long the link is down."""

UNKNOWN_RETRIES = 3
"""Times ``create`` asks again when it is not known whether it wrote; each is harmless."""

Decide = Callable[[View], Transaction | None]
"""Says what to write, given everything; None for nothing."""


class Store:
    """State with readers that never wait, one writer thread, and waiters on one event loop.

    Constructed means loaded and watching. It owns ``engine`` and closes it. Methods are
    thread-safe; ``commit``, ``create``, ``update``, ``flush``, ``read``, ``ledgers`` and ``close``
    block and do not belong on the loop.

    Args:
        engine: where the rows live.
        loop: the only loop whose coroutines may ``wait``; by default the first that does.
    """

    def __init__(self, engine: Engine, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._engine = engine
        self._loop = loop
        self._waiters = Waiters()
        self._closed = False
        try:
            self._published = Published(View.of(engine.load()), self._wake)
            engine.watch(self.snapshot.index, self._published.deliver)
        except BaseException:
            engine.close()
            raise
        self._writer = Writer(engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def snapshot(self) -> View:
        """Everything stored, as of the newest commit that reached this process."""
        return self._published.view

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called: nobody waits here any more."""
        return self._closed

    @property
    def ledger_error(self) -> Exception | None:
        """Why ledger records could not be written last time, or None; they are kept and retried."""
        return self._writer.ledger_error

    def commit(self, transaction: Transaction) -> int:
        """Write durably and return the index, once ``snapshot`` contains it.

        Raises:
            ConflictError: a row in ``expect`` has another version, or the fence no longer holds.
            UnavailableError: the disk is full, the backend is away, or the store is closed.
            OutcomeUnknownError: the backend did not answer; it may have been written.
            RequestError: no changes, more than ``MAX_CHANGES`` with the topics, or a row twice.
        """
        return self._submit(transaction).result()

    async def commit_async(self, transaction: Transaction) -> int:
        """Do what ``commit`` does without blocking; if cancelled midway, it still commits."""
        return await asyncio.wrap_future(self._submit(transaction))

    def create(self, table: str, key: str, value: bytes, *, topics: Iterable[str] = ()) -> bytes:
        """Write the row if there is none; return the value that stands.

        Raises:
            UnavailableError: the store cannot be written now.
            OutcomeUnknownError: the backend does not answer; call again, that is safe.
        """
        standing = value

        def absent(view: View) -> Transaction | None:
            nonlocal standing
            row = view.get(table, key)
            standing = value if row is None else row.value
            return _creation(table, key, value, topics) if row is None else None

        self._until_known(absent)
        return standing

    def update(self, decide: Decide) -> int | None:
        """Commit what ``decide`` says, asking again with a newer view when a race was lost.

        Followers have been told of every view that it is asked with.

        Returns the index, or None if there was nothing to write.

        Raises:
            ConflictError: the fence does not hold.
            UnavailableError: as ``commit``, or what won the race does not reach this process.
            OutcomeUnknownError: as ``commit``.
        """
        while True:
            view = self._published.told()
            transaction = decide(view)
            if transaction is None:
                return None
            try:
                return self.commit(transaction)
            except ConflictError as lost:
                self._catch_up(view, transaction, lost)

    async def until_nothing(self, decide: Decide) -> int:
        """Commit what ``decide`` says, one commit after the other, until it says nothing.

        Returns how many commits that took. Does not block.

        Raises:
            Error: as ``update``.
        """
        count = 0
        while await asyncio.to_thread(self.update, decide) is not None:
            count += 1
        return count

    async def wait(
        self,
        topics: Iterable[str],
        index: int,
        timeout: float,  # noqa: ASYNC109 - a wait that ends without news is an answer, not an error
    ) -> bool:
        """Return True once a commit above ``index`` touched a topic; False after ``timeout`` s.

        True at once if that has already happened; False at once when the store closes. Cancelling
        it leaves nothing behind.

        Raises:
            RuntimeError: called on another loop than the store's.
        """
        names = frozenset(topics)
        self._bind(asyncio.get_running_loop())
        try:
            async with asyncio.timeout(timeout):
                while not self._closed and self.snapshot.topic_index(*names) <= index:
                    await self._waiters.touched(names)
        except TimeoutError:
            return False
        return self.snapshot.topic_index(*names) > index

    def follow(self, follower: Follow) -> View:
        """Return the snapshot, and tell ``follower`` of every commit after it, in order.

        It is told on whatever thread delivers, before whoever made the commit goes on and before
        waiters are woken; it must be quick, and must not call the store.
        """
        return self._published.follow(follower)

    def append(self, ledger: str, value: bytes) -> None:
        """Hand a record to the ledger and return at once; it is durable within milliseconds.

        What cannot be written is kept, retried and visible in ``ledger_error``.

        Raises:
            UnavailableError: too many records wait already, or the store is closed; not taken.
        """
        self._writer.append(ledger, value)

    def flush(self) -> None:
        """Return once every record appended before is durable.

        Raises:
            UnavailableError: the engine refused them; they are kept and retried.
        """
        self._writer.flush()

    def read(self, ledger: str, *, after: int = 0, limit: int = 1000) -> Sequence[LedgerRow]:
        """Return up to ``limit`` durable records with a position above ``after``, oldest first."""
        return self._writer.call(lambda: self._engine.read(ledger, after=after, limit=limit))

    def ledgers(self) -> Sequence[str]:
        """Return the names of the ledgers that hold records, sorted."""
        return self._writer.call(self._engine.ledgers)

    def close(self) -> None:
        """Finish commits begun, write the ledgers, wake the waiters, close the engine; repeatable.

        Raises:
            UnavailableError: ledger records are lost, the engine refused them; says how many.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self._writer.close()
        finally:
            self._engine.close()
            self._published.abandon()
            self._on_loop(self._waiters.wake_all)

    def _submit(self, transaction: Transaction) -> Future[int]:
        ready = with_topic_rows(transaction)
        return self._writer.submit(lambda: self._engine.commit(ready), self._published.settle)

    def _until_known(self, decide: Decide) -> None:
        for _ in range(UNKNOWN_RETRIES):
            with suppress(OutcomeUnknownError):
                self.update(decide)
                return
        self.update(decide)

    def _catch_up(self, view: View, transaction: Transaction, lost: ConflictError) -> None:
        if not fence_holds(transaction, view.get):
            raise lost
        if self._published.later(view.index, CATCH_UP_SECONDS) is None:
            raise UnavailableError("a change made elsewhere does not reach this process") from lost

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is None or self._loop.is_closed():
            self._loop, self._waiters = loop, Waiters()  # what parked on a dead loop is dead
        if self._loop is not loop:
            raise RuntimeError("a store is waited on from one event loop only")

    def _wake(self, topics: frozenset[str]) -> None:
        if topics:
            self._on_loop(lambda: self._waiters.wake(topics))

    def _on_loop(self, act: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            with suppress(RuntimeError):  # the loop closed just now, and its waiters with it
                self._loop.call_soon_threadsafe(act)


def _creation(table: str, key: str, value: bytes, topics: Iterable[str]) -> Transaction:
    change = Change(table, key, value)
    expect = {(table, key): ABSENT}
    return Transaction(changes=(change,), expect=expect, topics=frozenset(topics))
