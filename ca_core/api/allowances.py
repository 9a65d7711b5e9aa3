"""What each agent may cause a server: so much at once, then so much in a second."""

from collections import OrderedDict
from datetime import timedelta

from ca_core.authority.limiter import Bucket
from ca_core.clock import Clock
from ca_core.errors import RateLimitedError

MOST_NODES = 10_000
"""Nodes that are counted; the one that caused something longest ago is forgotten first."""


class Allowances:
    """What is left to each node; this process's memory only. Used from one event loop.

    Args:
        at_once: what a node may cause without a pause.
        per_second: what comes back to it.
        said: begins the message of whoever has none left; the node follows.
    """

    def __init__(self, clock: Clock, *, at_once: float, per_second: float, said: str) -> None:
        self._clock = clock
        self._at_once = at_once
        self._per_second = per_second
        self._said = said
        self._left: OrderedDict[str, Bucket] = OrderedDict()

    def spend(self, node: str, cost: float) -> None:
        """Note that a node causes something.

        Raises:
            RateLimitedError: it has not so much left; nothing is noted.
        """
        left = self._now(node).tokens
        if left < cost:
            pause = timedelta(seconds=(cost - left) / self._per_second)
            raise RateLimitedError(f"{self._said} node {node!r}", retry_after=pause)
        self.charge(node, cost)

    def charge(self, node: str, cost: float) -> None:
        """Note what a node has caused, more than it had left or not."""
        bucket = self._now(node)
        self._left[node] = Bucket(bucket.tokens - cost, bucket.at)
        self._left.move_to_end(node)
        while len(self._left) > MOST_NODES:
            self._left.popitem(last=False)

    def _now(self, node: str) -> Bucket:
        now = self._clock.monotonic()
        bucket = self._left.get(node, Bucket(self._at_once, now))
        return bucket.refilled(now, rate=self._per_second, burst=self._at_once)
