"""Leaves of one service with other names than its own: how many of them one caller may begin.

Each is a signature at the servers, of which a cluster has so many in a second. The plain leaf of a
service is not counted, nor is one that is there already.
"""

from collections import OrderedDict
from datetime import timedelta

from ca_core.agent.leafrecord import LeafName
from ca_core.clock import Clock
from ca_core.errors import RateLimitedError

AT_ONCE = 64.0
"""A service with names that come and go with its hosts, or a program that was written wrong."""
PER_SECOND = 0.1
MOST_COUNTED = 4096
"""Pairs of caller and service; the one that began a variant longest ago is forgotten first."""


class LeafVariants:
    """What each caller may still begin of each service. Used from one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def spend(self, name: LeafName) -> None:
        """Note that a leaf is begun.

        Raises:
            RateLimitedError: too many of this service with other names.
        """
        if not (name.dns_names or name.ip_addresses):
            return
        key, now = (name.partition, name.service), self._clock.monotonic()
        before, at = self._left.get(key, (AT_ONCE, now))
        left = min(AT_ONCE, before + (now - at) * PER_SECOND)
        if left < 1:
            raise RateLimitedError(
                f"too many leaves of {name.service!r} with other names",
                retry_after=timedelta(seconds=(1 - left) / PER_SECOND),
            )
        self._left[key] = (left - 1, now)
        self._left.move_to_end(key)
        while len(self._left) > MOST_COUNTED:
            self._left.popitem(last=False)
