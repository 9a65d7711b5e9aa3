"""Where blocking queries park: futures on one event loop, found by topic."""

import asyncio
from collections.abc import Iterable


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
        for topic in topics:
            self._by_topic.setdefault(topic, set()).add(future)
        try:
            await future
        finally:
            self._leave(topics, future)

    def wake(self, topics: Iterable[str]) -> None:
        """Wake everybody who waits on one of the topics."""
        for topic in topics:
            for future in self._by_topic.get(topic, ()):
                if not future.done():
                    future.set_result(None)

    def wake_all(self) -> None:
        """Wake everybody; the store ends."""
        self.wake(tuple(self._by_topic))

    def _leave(self, topics: frozenset[str], future: asyncio.Future[None]) -> None:
        for topic in topics:
            parked = self._by_topic[topic]
            parked.discard(future)
            if not parked:
                del self._by_topic[topic]
