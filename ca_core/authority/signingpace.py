"""How fast a provider signs, as measured: what a re-issue is sized by where nothing else limits."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

QUICK = 0.002
"""Seconds that others may be kept waiting by a signature: any EC or Ed25519 key, RSA up to 2,048
bits, and the guard behind it."""

_NEW = 0.1
"""Weight of the newest signature: a provider that became slow is known after a few dozen."""


class SigningPace:
    """A moving mean of the seconds that one signature takes; thread-safe enough to be told by all.

    Two threads that end together may lose one of two measurements; nothing depends on each.

    Args:
        seconds: ``Clock.monotonic``.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._mean: float | None = None

    def timed(self, sign: Callable[[], T]) -> T:
        """Return what ``sign`` returns; only signatures that were made are measured."""
        began = self._seconds()
        made = sign()
        took = max(self._seconds() - began, 1e-6)
        mean = self._mean
        self._mean = took if mean is None else mean + _NEW * (took - mean)
        return made

    @property
    def is_quick(self) -> bool:
        """Say whether a signature is known to take no longer than ``QUICK``."""
        return self._mean is not None and self._mean <= QUICK

    def rate(self, concurrency: int) -> float:
        """Return the signatures a second of that many at once; 0 before the first."""
        return 0.0 if self._mean is None else concurrency / self._mean
