"""How long a loop waits after failures; pure."""

from datetime import timedelta

FIRST = 0.25
"""Seconds after the first failure: a server that restarts is back within a second."""
LONGEST = 8.0
"""Seconds at most: within this time an agent notices that its server returned.

A thousand agents then knock about 170 times a second."""


def backoff(failures: int, fraction: float, *, at_least: timedelta = timedelta()) -> float:
    """Return the seconds to wait after ``failures`` in a row (1 or more).

    Doubles from ``FIRST`` to ``LONGEST``; ``fraction`` (0 to 1) picks within the upper half, so
    that those who failed together do not return together. ``at_least`` is the server's Retry-After.
    """
    ceiling = min(FIRST * 2.0 ** min(failures - 1, 16), LONGEST)
    return max(ceiling * (0.5 + fraction / 2), at_least.total_seconds())
