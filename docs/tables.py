"""Markdown tables, and the sentences that documentation strings give to them."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping

_REGION = re.compile(
    r"(<!-- begin: (?P<name>[a-z-]+) -->\n)(?P<body>.*?)(<!-- end: (?P=name) -->)", re.DOTALL
)


def table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table; a ``|`` within a cell is escaped, and ``<`` outside code."""
    lines = [headings, ("---",) * len(headings), *rows]
    escaped = ([_escaped(cell) for cell in cells] for cells in lines)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in escaped)


def _escaped(cell: str) -> str:
    prose_and_code = cell.replace("|", "\\|").split("`")
    prose_and_code[::2] = [prose.replace("<", "&lt;") for prose in prose_and_code[::2]]
    return "`".join(prose_and_code)


def summary(documented: object) -> str:
    """Return the first paragraph of something's documentation, on one line, as Markdown."""
    return as_line((inspect.getdoc(documented) or "").partition("\n\n")[0])


def as_line(text: str) -> str:
    """Return reStructuredText of a docstring on one line, as Markdown."""
    return " ".join(text.split()).replace("``", "`")


def with_regions(page: str, regions: Mapping[str, Callable[[], str]]) -> str:
    """Return the page with each region between ``begin`` and ``end`` marks written anew.

    Raises:
        KeyError: a region of a name that nobody writes.
    """
    return _REGION.sub(lambda found: f"{found[1]}{regions[found['name']]()}{found[4]}", page)
