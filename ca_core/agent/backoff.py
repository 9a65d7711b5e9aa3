"""How long a loop waits after failures; pure."""

from datetime import timedelta

FIRST = 0.25
"""Seconds after the first failure: a server that restarts is back within a second."""
LONGEST = 4.0
"""Seconds at most: within this time an agent notices that its server returned, so that what was
changed there is in force within five.

A thousand agents then knock about 340 times a second, with each of their parts that asks."""


def backoff(failures: int, fraction: float, *, at_least: timedelta = timedelta()) -> float:
    """Return the seconds to wait after ``failures`` in a row (1 or more).

    Doubles from ``FIRST`` to ``LONGEST``; ``fraction`` (0 to 1) picks within the upper half, so
    that those who failed together do not return together. ``at_least`` is the server's Retry-After.
    """
    ceiling = min(FIRST * 2.0 ** min(failures - 1, 16), LONGEST)
    return max(ceiling * (0.5 + fraction / 2), at_least.total_seconds())


FORGIVEN = 3
"""Failures in a row after which a record is asked for again at once."""
LONGEST_OF_RECORD = 60.0
"""Seconds from which no wait of a record grows; what is drawn on top at most doubles it."""


def record_backoff(failures: int, fraction: float) -> float:
    """Return the seconds until one record of the cache is fetched again.

    Zero up to the third failure in a row; then 2, 4, 8, 16, 32 and from then on 60 seconds, plus
    ``fraction`` (0 to 1) of the same.

    Source: the backoff of Consul's agent cache, as it can be observed.
    """
    if failures <= FORGIVEN:
        return 0.0
    seconds = min(2.0 ** min(failures - FORGIVEN, 16), LONGEST_OF_RECORD)
    return seconds * (1 + fraction)
