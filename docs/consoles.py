"""Console blocks of our documents: what was typed, what was shown, and whether it is still true.

A block is fenced as ``console``; its commands begin with ``$ ``, what follows is their output.
The comment ``<!-- session: NAME -->`` on the line before names where it runs
(``docs/sessions.py``); the blocks of one session on one page run in order, in one folder. A line
``…`` stands for any lines. ``<!-- session: NAME, file: PATH -->`` before a block of another kind
writes that file.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

_BLOCK = re.compile(
    r"<!-- session: (?P<session>[a-z-]+) -->\n```console\n(?P<body>.*?)```\n", re.DOTALL
)
_FILE = re.compile(
    r"<!-- session: (?P<session>[a-z-]+), file: (?P<file>\S+) -->\n```\w+\n(?P<body>.*?)```\n",
    re.DOTALL,
)
_ANY_CONSOLE = re.compile(r"^```console$", re.MULTILINE)
_VARYING = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){3,}\b"), "<hex>"),
    (re.compile(r"\b[0-9a-f]{8,}\b…?"), "<hex>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|\+00:00| UTC)?"), "<time>"),
    (re.compile(r"\b[A-Za-z0-9+/_-]{40,}={0,2}"), "<base64>"),
    (re.compile(r"\b(?:\d+(?:\.\d+)? (?:ms|s|min|h|d|y)\b ?)+"), "<span> "),
    (re.compile(r"\breset index: \d+"), "<counts>"),
    (re.compile(r"\b\d+ rows, \d+ records, index \d+"), "<counts>"),  # leases write rows too
    (re.compile(r"\b\d+ passed, (\d+) failed, \d+ skipped"), r"<counts>, \1 failed"),
    (re.compile(r"(?<=\.py:)\d+"), "<line>"),
    (re.compile(r"[─━═]{2,}"), "──"),
    (re.compile(r" {2,}"), " "),
)


LEFT_OUT = "…"
"""A line that stands for any lines."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command and what it showed; ``shown`` ends with a newline or is empty."""

    command: str
    shown: str


@dataclass(frozen=True, slots=True)
class Block:
    """One console block; ``line`` is where its fence stands."""

    session: str
    line: int
    steps: tuple[Step, ...]


def blocks_of(text: str) -> tuple[Block, ...]:
    """Return what a page types, in order; a file that it shows is typed as well.

    Raises:
        ValueError: a console block has no session, or does not begin with a command.
    """
    found = [_parsed(match, text) for match in _BLOCK.finditer(text)]
    if len(found) != len(_ANY_CONSOLE.findall(text)):
        raise ValueError("a console block without '<!-- session: … -->' on the line before it")
    found += [_written(match, text) for match in _FILE.finditer(text)]
    return tuple(sorted(found, key=lambda block: block.line))


def refreshed(text: str, shown_by: Callable[[Block, Step], str]) -> str:
    """Return the page with every output that is no longer true replaced by the new one."""
    shown = {block.line: _fresh(block, shown_by) for block in blocks_of(text)}

    def fresh(match: re.Match[str]) -> str:
        return f"<!-- session: {match['session']} -->\n```console\n{shown[_line(match, text)]}```\n"

    return _BLOCK.sub(fresh, text)


def agrees(expected: str, shown: str) -> bool:
    """Say whether two outputs are the same but for ids, times, spans, line drawing and spacing."""
    return _lines_agree(_steady(expected), _steady(shown))


def elided(old: str, new: str) -> str:
    """Return the new output, with lines left out where the old one leaves lines out.

    As many lines stay at either end; a part between two ``…`` stays where its first line does.
    """
    first, *rest = _parts(old.splitlines())
    lines = new.splitlines()
    if not rest:
        return new
    *between, last = rest
    kept = lines[: len(first)]
    for part in between:
        kept += [LEFT_OUT, *_part_like(part, lines)]
    kept += [LEFT_OUT, *lines[len(lines) - len(last) :]]
    return "".join(f"{line}\n" for line in kept)


def _parts(lines: Sequence[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in lines:
        if line == LEFT_OUT:
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def _part_like(part: Sequence[str], lines: Sequence[str]) -> Sequence[str]:
    starts = (n for n, line in enumerate(lines) if part and agrees(part[0], line))
    start = next(starts, len(lines))
    return lines[start : start + len(part)]


def _fresh(block: Block, shown_by: Callable[[Block, Step], str]) -> str:
    parts = []
    for step in block.steps:
        shown = shown_by(block, step)
        kept = step.shown if agrees(step.shown, shown) else elided(step.shown, shown)
        parts.append(f"$ {step.command}\n{kept}")
    return "".join(parts)


def _parsed(match: re.Match[str], text: str) -> Block:
    body = match["body"]
    if not body.startswith("$ "):
        raise ValueError(f"a console block begins with '$ COMMAND', not {body[:40]!r}")
    return Block(match["session"], _line(match, text), tuple(_steps(body)))


def _written(match: re.Match[str], text: str) -> Block:
    command = f"cat > {match['file']} <<'END'\n{match['body']}END"
    return Block(match["session"], _line(match, text), (Step(command, ""),))


def _line(match: re.Match[str], text: str) -> int:
    return text.count("\n", 0, match.start()) + 2


def _steps(body: str) -> Iterator[Step]:
    starts = [found.start() for found in re.finditer(r"^\$ ", body, re.MULTILINE)]
    for start, end in pairwise([*starts, len(body)]):
        command, _, shown = body[start + 2 : end].partition("\n")
        while command.endswith("\\"):
            more, _, shown = shown.partition("\n")
            command = f"{command}\n{more}"
        yield Step(command, shown)


def _steady(text: str) -> list[str]:
    for pattern, name in _VARYING:
        text = pattern.sub(name, text)
    return [line.strip() for line in text.strip().splitlines()]


def _lines_agree(expected: Sequence[str], shown: Sequence[str]) -> bool:
    if not expected:
        return not shown
    if expected[0] == LEFT_OUT:
        return any(_lines_agree(expected[1:], shown[skip:]) for skip in range(len(shown) + 1))
    return bool(shown) and expected[0] == shown[0] and _lines_agree(expected[1:], shown[1:])
