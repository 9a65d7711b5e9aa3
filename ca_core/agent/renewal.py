"""When a leaf is renewed: windows, moments and states; pure, every draw is the caller's.

A moment is drawn once, when the leaf is issued, and kept. Drawing again at every look moves the
moment towards the end of the window, and everybody who started together renews together.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

EARLIEST = 0.6
"""Share of a leaf's life that passes before it may be renewed."""
LATEST = 0.9
"""Share of its life by which the renewal has been tried; the last tenth is for retries."""
RETRY_WINDOW = timedelta(seconds=30)
"""One retry in each: ten thousand agents then ask about 333 times a second, and not in step."""
ROOT_CHANGE_SPREAD = timedelta(seconds=30)
"""Leaves of a replaced signer are renewed within this span until a server has said another."""
Spread = Callable[[], timedelta]
"""Says over what time leaves are renewed when another signer signs."""
HURRY_BY_CHANCE = 0.5
"""Share of the spread that is drawn; the rest goes by what is left of the leaf's life.

However alike the lives are, no moment is then chosen more than twice as often as on average.
"""
_SHORTEST = timedelta(seconds=1)
"""Nothing is asked for again sooner than this."""
_RETRIES_OF_SHORT_LIVES = 2
"""The last tenth of any life holds at least this many retry windows, however short it is."""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time from which one moment is drawn; ``earliest`` is never after ``latest``."""

    earliest: datetime
    latest: datetime


class LeafState(StrEnum):
    """What a leaf is good for at a moment."""

    NOT_YET_VALID = "not yet valid"
    FRESH = "fresh"
    DUE = "due for renewal"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """A run of failed renewals, and when the next try is made.

    Attributes:
        windows_from: start of the first retry window: the first failure plus its Retry-After.
        width: length of one window.
        number: the window that holds ``retry_at``, counted from 0.
        retry_at: the one moment of that window at which a retry is made.
        not_before: nobody may ask before this moment (Retry-After of the latest failure).
    """

    windows_from: datetime
    width: timedelta
    number: int
    retry_at: datetime
    not_before: datetime


def renewal_window(issued_at: datetime, not_after: datetime) -> Window:
    """Return 60 to 90 % of the time from issue to NotAfter.

    ``issued_at`` is the moment of issue on the clock that gives ``now`` elsewhere: backdating
    (NotBefore lies 60 s in the past) does not count. The window begins a second after the issue
    at the earliest, also for a leaf that has ended by then: a signer at the end of its life gives
    leaves of seconds, and those must not be renewed in a hot loop.
    """
    life = max(not_after - issued_at, timedelta())
    earliest = issued_at + max(EARLIEST * life, _SHORTEST)
    return Window(earliest, max(issued_at + LATEST * life, earliest))


def drawn(window: Window, fraction: float) -> datetime:
    """Return the moment ``fraction`` (0 to 1, drawn once by the caller) into the window."""
    return window.earliest + fraction * (window.latest - window.earliest)


def life_left(now: datetime, *, issued_at: datetime, not_after: datetime) -> float:
    """Return the share of a leaf's life that is left, 0 to 1."""
    life = not_after - issued_at
    return min(max((not_after - now) / life, 0.0), 1.0) if life > timedelta() else 0.0


def hurried(
    now: datetime, fraction: float, *, left: float, spread: timedelta = ROOT_CHANGE_SPREAD
) -> datetime:
    """Return when a leaf of a replaced signer is renewed: those that end sooner come earlier.

    Args:
        now: when it became known that another one signs.
        fraction: drawn once per change, 0 to 1.
        left: share of the leaf's life that is left, 0 to 1.
        spread: over what time all leaves are renewed.
    """
    return now + ((1 - HURRY_BY_CHANCE) * left + HURRY_BY_CHANCE * fraction) * spread


def retry_width(issued_at: datetime, not_after: datetime) -> timedelta:
    """Return the retry window of a leaf: 30 s, less for leaves that live under ten minutes.

    A twentieth of the life: the last tenth then holds two windows, so that one failure at the end
    of the renewal window is not the end of the leaf.
    """
    last_tenth = (1 - LATEST) * max(not_after - issued_at, timedelta())
    return max(min(RETRY_WINDOW, last_tenth / _RETRIES_OF_SHORT_LIVES), _SHORTEST)


def retry_moment(
    failed_at: datetime,
    attempt: int,
    retry_after: timedelta,
    fraction: float,
    *,
    width: timedelta = RETRY_WINDOW,
) -> datetime:
    """Return the random moment of one fixed window.

    Args:
        failed_at: the first failure of the run.
        attempt: number of the window, from 0.
        retry_after: what the first failure asked for; no window begins before it has passed.
        fraction: where in the window, 0 to 1, drawn anew for each window.
        width: length of a window.
    """
    return failed_at + retry_after + (attempt + fraction) * width


def failed(
    before: Failures | None,
    *,
    at: datetime,
    retry_after: timedelta,
    fraction: float,
    width: timedelta = RETRY_WINDOW,
) -> Failures:
    """Return the run of failures after one more at ``at``.

    The windows stay where the first failure put them. The next try lies in the first window that
    was not used yet and begins no earlier than ``at + retry_after``.
    """
    not_before = at + retry_after
    if before is None:
        moment = retry_moment(at, 0, retry_after, fraction, width=width)
        return Failures(
            windows_from=not_before, width=width, number=0, retry_at=moment, not_before=not_before
        )
    reached = math.ceil((not_before - before.windows_from) / before.width)
    number = max(before.number + 1, reached)
    return Failures(
        windows_from=before.windows_from,
        width=before.width,
        number=number,
        retry_at=retry_moment(
            before.windows_from, number, timedelta(), fraction, width=before.width
        ),
        not_before=not_before,
    )


def state_of(
    now: datetime, *, not_before: datetime, renew_at: datetime, not_after: datetime
) -> LeafState:
    """Return what the leaf is good for at ``now``; it is valid up to and including NotAfter.

    Source: RFC 5280 §4.1.2.5 (both bounds inclusive).
    """
    if now < not_before:
        return LeafState.NOT_YET_VALID
    if now > not_after:
        return LeafState.EXPIRED
    return LeafState.DUE if now >= renew_at else LeafState.FRESH
