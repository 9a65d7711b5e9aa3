"""What ``ca-core cache`` does, once it is known whom to ask."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import urlencode

import msgspec

from ca_core.cli.client import Client
from ca_core.cli.output import print_json, print_lines, print_table
from ca_core.cli.screen import Screen, Styled, screen_for_people
from ca_core.wire.agentcache import CacheAnswer, EntryAnswer, KindAnswer

EVERY = 2.0
"""Seconds between two looks."""

_KINDS = ("KIND", "ENTRIES", "SIZE", "HITS", "MISSES", "WAITERS", "AGE", "FORGOTTEN", "FAILURES")
_ENTRIES = ("KIND", "KEY", "WHOSE", "SIZE", "AGE", "UNUSED", "WAITERS", "INDEX", "ERROR")
_FILTERED = "x-consul-results-filtered-by-acls"
_NOT_FOR_ALL = "Entries name services and tokens: they are shown to whoever has operator:read."
_LONGEST_ERROR = 60
_KIBI = 1024


def place_of(kinds: Sequence[str], limit: int) -> str:
    """Return the path and query that ask for what is remembered."""
    query = [("kind", kind) for kind in kinds] + [("limit", str(limit))]
    return f"/v1/agent/cache?{urlencode(query)}"


def is_watched() -> bool:
    """Say whether standard output is a terminal."""
    return sys.stdout.isatty()


def print_once_as_json(client: Client, place: str) -> None:
    """Write the answer as it came. Raises as ``Client``."""
    print_json(client.get(place).json())


def print_once(client: Client, place: str) -> None:
    """Write what is remembered now. Raises as ``Client``."""
    answer = client.get(place)
    found = answer.decoded(CacheAnswer)
    print_lines(_summary(found))
    print_table(_KINDS, [_kind_row(each) for each in found.kinds], empty="nothing")
    print_lines("")
    empty = _NOT_FOR_ALL if _FILTERED in answer.headers else "no entry to show"
    print_table(_ENTRIES, [_entry_row(each) for each in found.entries], empty=empty)


def watch(
    client: Client,
    place: str,
    screen: Callable[[], Screen] = screen_for_people,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Show what is remembered every two seconds, until somebody ends it. Raises as ``Client``."""
    with screen() as shown:
        while True:
            shown.show(Remembered(client.get(place).decoded(CacheAnswer)))
            sleep(EVERY)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an agent remembers at one moment, for a screen."""

    answer: CacheAnswer

    def lines(self) -> Iterator[Styled]:
        """Yield figures by kind, then entries."""
        yield "", _summary(self.answer)
        yield from _aligned(_KINDS, [_kind_row(each) for each in self.answer.kinds])
        yield "", ""
        yield from _aligned(_ENTRIES, [_entry_row(each) for each in self.answer.entries])

    def change(self) -> str:
        """Return the figures in one line."""
        return _summary(self.answer)

    def as_json(self) -> Any:
        """Return it as the API gives it."""
        return msgspec.to_builtins(self.answer)


def _summary(found: CacheAnswer) -> str:
    entries = sum(each.entries for each in found.kinds)
    budget, used = size_text(found.budget), size_text(found.bytes)
    return f"{entries} entries, {used} of {budget}"


def _kind_row(each: KindAnswer) -> tuple[str, ...]:
    return (
        each.kind,
        str(each.entries),
        size_text(each.bytes),
        str(each.hits),
        str(each.misses),
        str(each.waiters),
        age_text(each.age),
        _counted(each.evictions),
        _counted(each.failures),
    )


def _entry_row(each: EntryAnswer) -> tuple[str, ...]:
    whose = ", ".join(each.partitions[:3]) + (" ..." if each.partitions[3:] else "")
    return (
        each.kind,
        each.key,
        whose or "-",
        size_text(each.bytes),
        age_text(each.age),
        age_text(each.unused),
        str(each.waiters),
        str(each.index),
        each.error[:_LONGEST_ERROR] or "-",
    )


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "-"


def _aligned(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Styled]:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for number, row in enumerate(chain([heads], rows)):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield ("bold" if number == 0 else ""), line.rstrip()


def size_text(size: int) -> str:
    """Return bytes for people: ``640 B``, ``1.5 KiB``, ``64 MiB``."""
    if size < _KIBI:
        return f"{size} B"
    in_kibi = size / _KIBI
    number, unit = (in_kibi, "KiB") if in_kibi < _KIBI else (in_kibi / _KIBI, "MiB")
    return f"{number:.1f}".removesuffix(".0") + f" {unit}"


def age_text(seconds: float) -> str:
    """Return a span for people: ``0s``, ``45s``, ``12m``, ``5h``, ``3d``."""
    for most, unit, span in ((60, "s", 1), (3_600, "m", 60), (86_400, "h", 3_600)):
        if seconds < most:
            return f"{int(seconds / span)}{unit}"
    return f"{int(seconds / 86_400)}d"
