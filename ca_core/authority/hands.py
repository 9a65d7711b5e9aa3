"""The threads of one provider: calls in order, never more at once than it declares.

A free thread takes call after call, and the event loop is woken once for all that ended meanwhile:
while many leaves are issued, neither is paid for each of them.

What only computes may be done on the loop itself while no thread is busy: there is one interpreter
lock, and two threads that pass it back and forth pay half as much again (decision 0020). The loop
listens between two such calls.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class HandsClosedError(Exception):
    """Nothing is done any more; the provider was closed."""

    def __init__(self) -> None:
        super().__init__("the provider's threads have ended")


class _Call(Generic[T]):
    """Work for a thread, and the future of the loop that has its answer afterwards."""

    __slots__ = ("_answer", "_error", "_work", "ended")

    def __init__(self, work: Callable[[], T], ended: asyncio.Future[T]) -> None:
        self._work = work
        self._answer: list[T] = []
        self._error: BaseException | None = None
        self.ended = ended

    def refuse(self, why: Exception) -> None:
        """Tell who waits that it is not done; on the loop."""
        if not self.ended.done():
            self.ended.set_exception(why)

    def run(self) -> None:
        """Do the work, unless nobody waits for it any more."""
        if self.ended.cancelled():
            return
        try:
            self._answer.append(self._work())
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it; the thread goes on
            self._error = error

    def settle(self) -> None:
        """Tell who waits; on the loop."""
        if self.ended.done():
            return
        if self._error is not None:
            self.ended.set_exception(self._error)
        else:
            self.ended.set_result(self._answer[0])


class Hands:
    """Made and used on one event loop; ``close`` may be called from any thread.

    Args:
        most: calls at once.
    """

    def __init__(self, most: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._most = most
        self._threads = ThreadPoolExecutor(max_workers=most, thread_name_prefix="ca-sign")
        self._gate = threading.Lock()
        self._busy = 0
        self._is_open = True
        self._waiting: deque[_Call[Any]] = deque()  # each knows its own kind of answer
        self._ended: list[_Call[Any]] = []
        self._turns: deque[_Call[Any]] = deque()
        self._turn = threading.Lock()

    def submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Have ``work`` done on a thread; cancelling the future skips it if it has not begun.

        Raises:
            HandsClosedError: closed.
        """
        ended: asyncio.Future[T] = self._loop.create_future()
        self._hand_over(_Call(work, ended))
        return ended

    def submit_here(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Have ``work`` done on the loop, in a turn of its own; on a thread if one is busy then.

        ``work`` must not wait for anything.

        Raises:
            HandsClosedError: closed.
        """
        if not self._is_open:
            raise HandsClosedError
        ended: asyncio.Future[T] = self._loop.create_future()
        self._turns.append(_Call(work, ended))
        if len(self._turns) == 1:
            self._loop.call_soon(self._take_turn)
        return ended

    def close(self) -> None:
        """Return once every call that had begun, or waited for a thread, is done.

        Blocks; safe to repeat. What waited for a turn on the loop is refused.
        """
        with self._turn, self._gate:
            self._is_open = False
        self._threads.shutdown(wait=True)

    def _hand_over(self, call: _Call[Any]) -> None:
        with self._gate:
            if not self._is_open:
                raise HandsClosedError
            if self._busy < self._most:
                self._threads.submit(self._run)
                self._busy += 1
            self._waiting.append(call)

    def _take_turn(self) -> None:
        """Do one call; the next one has to wait until the loop has listened again."""
        call = self._turns.popleft()
        if self._turns:
            self._loop.call_soon(self._take_turn)
        with self._turn:
            if self._is_open and not self._busy:
                call.run()
                call.settle()
                return
        try:
            self._hand_over(call)
        except HandsClosedError as closed:
            call.refuse(closed)

    def _run(self) -> None:
        """Take call after call until none waits."""
        while (call := self._next()) is not None:
            call.run()
            self._end(call)

    def _next(self) -> _Call[Any] | None:
        with self._gate:
            if self._waiting:
                return self._waiting.popleft()
            self._busy -= 1
            return None

    def _end(self, call: _Call[Any]) -> None:
        with self._gate:
            self._ended.append(call)
            is_awake = len(self._ended) > 1
        if not is_awake:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        with self._gate:
            ended, self._ended = self._ended, []
        for call in ended:
            call.settle()
