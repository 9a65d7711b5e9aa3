"""Names that no service has had before: how many of them one agent may bring.

The store remembers for ever when a name was last changed, so that no index runs backwards; an agent
that went on inventing names would fill it.
"""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta

from ca_core.authority.limiter import Bucket
from ca_core.catalog.bounds import MOST_SERVICES
from ca_core.catalog.rows import connect_name, connect_topic, service_topic
from ca_core.clock import Clock
from ca_core.errors import RateLimitedError
from ca_core.state.protocol import TOPICS
from ca_core.state.view import View
from ca_core.wire.registered import Registered

AT_ONCE = 2.0 * MOST_SERVICES
"""A node may be filled with services nobody has heard of, twice."""
PER_SECOND = 0.1
"""Then a few hundred an hour."""
MOST_NODES = 10_000
"""Nodes whose names are counted; the one that brought some longest ago is forgotten first."""


class NewNames:
    """What each agent may still bring; this process's memory only. Used from one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left: OrderedDict[str, Bucket] = OrderedDict()

    def spend(self, node: str, count: int) -> None:
        """Note that an agent brings so many new names.

        Raises:
            RateLimitedError: too many; nothing is noted.
        """
        if not count:
            return
        now = self._clock.monotonic()
        bucket = self._left.get(node, Bucket(AT_ONCE, now))
        bucket = bucket.refilled(now, rate=PER_SECOND, burst=AT_ONCE)
        if bucket.tokens < count:
            pause = timedelta(seconds=(count - bucket.tokens) / PER_SECOND)
            raise RateLimitedError(
                f"too many services of new names came from node {node!r}", retry_after=pause
            )
        self._left[node] = Bucket(bucket.tokens - count, now)
        self._left.move_to_end(node)
        while len(self._left) > MOST_NODES:
            self._left.popitem(last=False)


def new_names(view: View, brought: Sequence[Registered]) -> int:
    """Return how many names of these instances no service has had before."""
    topics = {service_topic(one.service.service) for one in brought}
    topics |= {connect_topic(name) for one in brought if (name := connect_name(one.service))}
    return sum(view.get(TOPICS, topic) is None for topic in topics)
