"""Something that changes while one looks: redrawn on a terminal, a line per change elsewhere."""

import json
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Group
from rich.live import Live
from rich.text import Text

from ca_core.cli.output import console, printable

Styled = tuple[str, str]
"""(style, line)"""


class Shown(Protocol):
    """One state of what is looked at, in every form that somebody may want."""

    def lines(self) -> Iterable[Styled]:
        """Return the whole of it, for a terminal."""
        ...

    def change(self) -> str:
        """Return what matters of it in one line, the same as long as nothing changes."""
        ...

    def as_json(self) -> Any:
        """Return it for programs."""
        ...


class Screen(AbstractContextManager["Screen"]):
    """Where states are shown one after the other. A context manager; not thread-safe."""

    def show(self, state: Shown) -> None:
        """Show one state; what is the same as before is not said again."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave what was shown last."""


class Redrawn(Screen):
    """A terminal: the state as it is now, redrawn in its place."""

    def __init__(self) -> None:
        self._live = Live(console=console(sys.stdout), refresh_per_second=8)

    def show(self, state: Shown) -> None:
        """Redraw."""
        texts = (Text(printable(line), style=style) for style, line in state.lines())
        self._live.update(Group(*texts), refresh=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()


class Listed(Screen):
    """An output that keeps its lines: one for every change."""

    def __init__(self, line: Callable[[Shown], str]) -> None:
        self._line = line
        self._last = ""

    def show(self, state: Shown) -> None:
        """Write a line if it differs from the last one."""
        line = self._line(state)
        if line != self._last:
            self._last = line
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()


class Unseen(Screen):
    """Nobody looks: only the end matters."""

    def show(self, state: Shown) -> None:
        """Show nothing."""


def screen_for_people() -> Screen:
    """Return the screen that fits standard output."""
    return Redrawn() if sys.stdout.isatty() else Listed(lambda state: printable(state.change()))


def screen_for_programs() -> Screen:
    """Return what writes one JSON document a line."""
    return Listed(lambda state: json.dumps(state.as_json()))
