"""Blocking queries: one rule for every endpoint that has an index.

``index`` ≥ 1, never backwards without a reset; ``wait`` defaults to 5 min, is capped at 10 min and
gets up to 1/16 of jitter; the first answer is immediate; unrelated changes do not wake.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from ca_core.api.http import Request
from ca_core.durations import parse_duration
from ca_core.errors import RequestError

DEFAULT_WAIT = timedelta(seconds=300)
MAX_WAIT = timedelta(seconds=600)
JITTER = 16

_INDEX = re.compile(r"[0-9]{1,20}\Z")
_MAX_INDEX = 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocking:
    """What a client asked for: answer once the index exceeds ``index``, or after ``wait``.

    ``index`` 0 means "at once".
    """

    index: int = 0
    wait: timedelta = DEFAULT_WAIT


_AT_ONCE = Blocking()


def blocking_of(request: Request) -> Blocking:
    """Return the blocking part of a query.

    Raises:
        RequestError: ``Invalid index`` or ``Invalid wait time``.
    """
    if not request.query:
        return _AT_ONCE
    arguments = request.arguments()
    return Blocking(index=_index(arguments.get("index", "")), wait=_wait(arguments.get("wait", "")))


def _index(text: str) -> int:
    if not text:
        return 0
    if not _INDEX.match(text) or int(text) > _MAX_INDEX:
        raise RequestError(f"Invalid index {text[:40]!r}", field="index")
    return int(text)


def _wait(text: str) -> timedelta:
    if not text:
        return DEFAULT_WAIT
    try:
        span = parse_duration(text, field="wait")
    except RequestError as error:
        raise RequestError(f"Invalid wait time: {error.fault}", field="wait") from None
    return min(span, MAX_WAIT) if span else DEFAULT_WAIT


def with_jitter(wait: timedelta, fraction: float) -> timedelta:
    """Return ``wait`` plus ``fraction`` (0..1) of a sixteenth of it, so that a herd spreads."""
    return wait + wait / JITTER * fraction
