"""What people see (tables, facts, progress) and what programs get (JSON). rich loads when used."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

GAP = 2
"""Blanks between two columns."""

LEAST_LAST = 24
"""Characters of a last column, whatever the terminal: enough for a status and a name."""

PIPE_WIDTH = 240
"""Columns when the output is no terminal: no fingerprint is ever cut there."""


def console(stream: IO[str]) -> "Console":
    """Return a console for ``stream``: colours on a terminal only, none with ``NO_COLOR``."""
    from rich.console import Console  # noqa: PLC0415 - 50 ms that JSON and help do not need

    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False)


def print_json(value: Any) -> None:
    """Write ``value`` as indented JSON, keys in the order given; no text steers a terminal."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    plain = (c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
    sys.stdout.write("".join(plain) + "\n")


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str, cut: bool = False
) -> None:
    """Write rows under headings, or the sentence ``empty`` if there are none.

    Args:
        columns: the headings.
        rows: the cells of each row, under the headings.
        empty: what is written where there is no row.
        cut: the last column ends where the line does; others, and without it all, are folded.
    """
    if not rows:
        sys.stdout.write(f"{empty}\n")
        return
    from rich.table import Table  # noqa: PLC0415 - see console()
    from rich.text import Text  # noqa: PLC0415 - help needs none

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    out = console(sys.stdout)
    for row in last_cut(columns, rows, out.width) if cut else rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    with out.capture() as captured:
        out.print(table)
    sys.stdout.writelines(line.rstrip() + "\n" for line in captured.get().splitlines())


def last_cut(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int
) -> list[tuple[str, ...]]:
    """Return the rows with a last cell that fits beside the others, ``…`` for what is left out.

    It keeps ``LEAST_LAST`` characters in the narrowest of terminals.
    """
    lines = (columns, *rows)
    others = sum(max(len(line[at]) for line in lines) + GAP for at in range(len(columns) - 1))
    most = max(width - others, LEAST_LAST)
    return [(*row[:-1], _cut(row[-1], most)) for row in rows]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def print_facts(facts: Sequence[tuple[str, str]], *, title: str = "") -> None:
    """Write one fact a line, the values aligned; a value may have several lines."""
    from rich.text import Text  # noqa: PLC0415 - see console()

    out = console(sys.stdout)
    if title:
        out.print(Text(title, style="bold"))
    width = max((len(name) for name, _ in facts), default=0) + 2
    for name, value in facts:
        first, *more = value.splitlines() or [""]
        lines = [Text(name.ljust(width), style="dim") + Text(printable(first))]
        lines += [Text(" " * width + printable(line)) for line in more]
        for line in lines:
            out.print(line, soft_wrap=True)


def print_lines(text: str, *, style: str = "") -> None:
    """Write lines as they are, in one style; no text steers a terminal."""
    from rich.text import Text  # noqa: PLC0415 - see console()

    plain = "\n".join(map(printable, text.split("\n")))
    console(sys.stdout).print(Text(plain, style=style), soft_wrap=True)


def printable(text: str) -> str:
    """Return ``text`` with every control character replaced: a name must not steer a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


@contextmanager
def progress(doing: str) -> Iterator[None]:
    """Show on a terminal that something is going on, for as long as the block runs."""
    if not sys.stderr.isatty():
        yield
        return
    with console(sys.stderr).status(doing):
        yield
