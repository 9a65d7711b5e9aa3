"""Calls whose failure is a part of the trial: several at once, beside one another, cut off."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from ca_core.contract import Error
from ca_core.testing.conformance.verdict import Violation, require

AnswerT = TypeVar("AnswerT")

HANGS = timedelta(seconds=10)
"""A call that takes longer without a reason hangs."""

LETS_PASS = timedelta(seconds=1)
"""How long a call is held while another one runs beside it; that one may wait for a lock of it."""


@dataclass(frozen=True, slots=True)
class Attempt(Generic[AnswerT]):
    """What a call came to: an answer, or an error of the contract."""

    answer: AnswerT | None = None
    error: Error | None = None

    def is_one_of(self, *kinds: type[Error]) -> bool:
        """Say whether it failed with one of ``kinds``."""
        return isinstance(self.error, kinds)

    def __str__(self) -> str:
        return "an answer" if self.error is None else f"{type(self.error).__name__} ({self.error})"


def attempt(call: Callable[[], AnswerT], what: str) -> Attempt[AnswerT]:
    """Call, and return what it came to.

    Raises:
        Violation: anything outside the tree of errors escaped.
    """
    try:
        return Attempt(answer=call())
    except Error as error:
        return Attempt(error=error)
    except Violation:
        raise
    except Exception as error:
        name = type(error).__name__
        raise Violation(f"{what} raised {name}, which is no error of the contract") from error


def at_once(
    calls: Sequence[Callable[[], AnswerT]], what: str, *, limit: timedelta = HANGS
) -> tuple[Attempt[AnswerT], ...]:
    """Start every call at the same moment, each in its thread; return what they came to, in order.

    Raises:
        Violation: one hangs, or something foreign escaped.
    """
    together = threading.Barrier(len(calls))

    def started(call: Callable[[], AnswerT]) -> AnswerT:
        together.wait(limit.total_seconds())
        return call()

    running = [Running(lambda call=call: started(call), what) for call in calls]  # type: ignore[misc] # bound now
    return tuple(one.result(limit) for one in running)


class Running(Generic[AnswerT]):
    """A call that runs beside this thread from now on."""

    def __init__(self, call: Callable[[], AnswerT], what: str) -> None:
        self._what = what
        self._call = call
        self._found: Attempt[AnswerT] | None = None
        self._raised: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="conformance-beside", daemon=True)
        self._thread.start()

    def is_done_within(self, limit: timedelta) -> bool:
        """Wait at most so long; say whether it is done."""
        self._thread.join(limit.total_seconds())
        return not self._thread.is_alive()

    def result(self, limit: timedelta = HANGS) -> Attempt[AnswerT]:
        """Return what it came to.

        Raises:
            Violation: it is not done after ``limit``, or something foreign escaped.
        """
        done = self.is_done_within(limit)
        require(done, f"{self._what} is not done after {limit.total_seconds():g} s")
        if self._raised is not None:
            raise self._raised
        return self._found or Attempt()

    def _run(self) -> None:
        try:
            self._found = attempt(self._call, self._what)
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            self._raised = error
