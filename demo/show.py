"""The live line: redrawn on a terminal, a line a second elsewhere."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from demo.pairs import Tally

_BACK = "\r\x1b[2K"


def line_of(tally: Tally, seconds: float) -> str:
    """Return ``00:23  1,482 handshakes, 0 failed``."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:02}:{rest:02}  {tally.done:,} handshakes, {tally.failed:,} failed"


class Show:
    """What people see: sentences that stay, and below them the live line. A context manager."""

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        self._terminal = write is None and sys.stdout.isatty()
        self._write = write or sys.stdout.write
        self._began = time.monotonic()
        self._line = ""

    @property
    def pause(self) -> float:
        """Return the seconds between two live lines."""
        return 0.1 if self._terminal else 1.0

    def say(self, text: str) -> None:
        """Write a sentence that stays."""
        if self._terminal:
            self._write(f"{_BACK}{text}\n{self._line}")
        else:
            self._write(f"{text}\n")
        sys.stdout.flush()

    def count(self, tally: Tally) -> None:
        """Write the live line."""
        self._line = line_of(tally, time.monotonic() - self._began)
        self._write(f"{_BACK}{self._line}" if self._terminal else f"{self._line}\n")
        sys.stdout.flush()

    def settle(self) -> None:
        """Let the live line go: nothing is counted any more."""
        self._line = ""
        if self._terminal:
            self._write(_BACK)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal at the beginning of a line."""
        if self._terminal and self._line:
            self._write("\n")
        sys.stdout.flush()
