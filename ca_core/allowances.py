"""How much of something there may be: a token bucket as a value, and one for each of many."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from ca_core.clock import Clock
from ca_core.errors import RateLimitedError

Key = TypeVar("Key")

MOST_COUNTED = 10_000
"""Keys that are counted; the one that spent something longest ago is forgotten first."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket as a value.

    Attributes:
        tokens: what is left, at most ``burst``; negative for turns promised to waiters.
        at: ``Clock.monotonic()`` when ``tokens`` was right.
    """

    tokens: float
    at: float

    def refilled(self, now: float, *, rate: float, burst: float) -> "Bucket":
        """Return the bucket at ``now``, ``rate`` tokens per second later."""
        return Bucket(min(burst, self.tokens + max(0.0, now - self.at) * rate), max(now, self.at))

    def taken(self, cost: float = 1.0) -> "Bucket":
        """Return the bucket with that much less, even below 0."""
        return Bucket(self.tokens - cost, self.at)


class Allowances(Generic[Key]):
    """What is left to each key; this process's memory only. Used from one event loop.

    Args:
        at_once: what a key may spend without a pause.
        per_second: what comes back to it.
        said: the message for a key that has not enough left.
        most: keys that are counted at a time.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        at_once: float,
        per_second: float,
        said: Callable[[Key], str],
        most: int = MOST_COUNTED,
    ) -> None:
        self._clock = clock
        self._at_once = at_once
        self._per_second = per_second
        self._said = said
        self._most = most
        self._left: OrderedDict[Key, Bucket] = OrderedDict()

    def spend(self, key: Key, cost: float = 1.0) -> None:
        """Take something from what is left to a key.

        Raises:
            RateLimitedError: it has not so much left; nothing is taken.
        """
        self.check(key, cost)
        self.charge(key, cost)

    def check(self, key: Key, cost: float = 1.0) -> None:
        """Refuse a key that could not spend so much now; nothing is taken.

        Raises:
            RateLimitedError: it has not so much left; says when it will have.
        """
        left = self._now(key).tokens
        if left < cost:
            pause = timedelta(seconds=(cost - left) / self._per_second)
            raise RateLimitedError(self._said(key), retry_after=pause)

    def charge(self, key: Key, cost: float = 1.0) -> None:
        """Take what a key has caused already, whether it had so much left or not."""
        self._left[key] = self._now(key).taken(cost)
        self._left.move_to_end(key)
        while len(self._left) > self._most:
            self._left.popitem(last=False)

    def _now(self, key: Key) -> Bucket:
        now = self._clock.monotonic()
        bucket = self._left.get(key, Bucket(self._at_once, now))
        return bucket.refilled(now, rate=self._per_second, burst=self._at_once)
