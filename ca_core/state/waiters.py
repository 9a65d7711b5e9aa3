"""Where blocking queries park: futures on one event loop, found by topic."""

import asyncio
from collections.abc import Iterable

_NOWHERE = frozenset({""})
"""Where a wait on no topic parks: only the end of the store wakes it."""


class Waiters:
    """Futures parked by topic. Every method belongs to the loop's thread; there are no locks."""

    def __init__(self) -> None:
        self._by_topic: dict[str, set[asyncio.Future[None]]] = {}

    def __len__(self) -> int:
        """Return how many futures are parked, counted once per topic."""
        return sum(len(parked) for parked in self._by_topic.values())

    async def touched(self, topics: frozenset[str]) -> None:
        """Wait until one of the topics is touched; cancelling it leaves nothing behind."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        places = topics or _NOWHERE
        for place in places:
            self._by_topic.setdefault(place, set()).add(future)
        try:
            await future
        finally:
            self._leave(places, future)

    def wake(self, topics: Iterable[str]) -> None:
        """Wake everybody who waits on one of the topics."""
        for topic in topics:
            for future in self._by_topic.get(topic, ()):
                if not future.done():
                    future.set_result(None)

    def wake_all(self) -> None:
        """Wake everybody; the store ends."""
        self.wake(tuple(self._by_topic))

    def _leave(self, places: frozenset[str], future: asyncio.Future[None]) -> None:
        for place in places:
            parked = self._by_topic[place]
            parked.discard(future)
            if not parked:
                del self._by_topic[place]
