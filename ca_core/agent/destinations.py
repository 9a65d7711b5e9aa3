"""The services that an agent decides for: when each was asked for last, and who waits for it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from ca_core.clock import Clock
from ca_core.intentions.model import Name

IDLE = timedelta(hours=72)
"""A destination that nobody asked for this long is forgotten."""
MOST_DESTINATIONS = 3_000
"""Services decided for; with their wildcards fewer than a server takes in one question."""
MOST_CHARACTERS = 900_000
"""Of their names: one question must fit into the body that a server takes, a mebibyte."""
_AROUND_A_NAME = 40
"""Characters of namespace, signs and index beside a name in a question."""


class Destinations:
    """Destinations by when they were used. Used from one event loop.

    Attributes:
        used: when each was asked for last, ``Clock.monotonic``.
        awaited: how many callers wait for what is known first of each.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.used: dict[Name, float] = {}
        self.awaited: Counter[Name] = Counter()

    def __contains__(self, destination: object) -> bool:
        """Say whether it is decided for here."""
        return destination in self.used

    def __iter__(self) -> Iterator[Name]:
        """Yield every destination."""
        return iter(self.used)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.used)

    def touch(self, destination: Name) -> None:
        """Note that it is used now."""
        self.used[destination] = self._clock.monotonic()

    def drop(self, destination: Name) -> None:
        """Decide for it no more."""
        del self.used[destination]

    @contextmanager
    def waiting_for(self, destination: Name) -> Iterator[None]:
        """Note, for as long as the block runs, that one caller more waits."""
        self.awaited[destination] += 1
        try:
            yield
        finally:
            self.awaited[destination] -= 1
            if not self.awaited[destination]:
                del self.awaited[destination]

    @property
    def is_full(self) -> bool:
        """Say whether there are more than one question can name."""
        characters = sum(len(name.name) + _AROUND_A_NAME for name in self.used)
        return len(self.used) > MOST_DESTINATIONS or characters > MOST_CHARACTERS

    def oldest(self) -> Name:
        """Return the one that was used longest ago."""
        return min(self.used, key=self.used.__getitem__)

    def idle(self) -> list[Name]:
        """Return those that nobody asked for in ``IDLE``."""
        oldest = self._clock.monotonic() - IDLE.total_seconds()
        return [name for name, used in self.used.items() if used < oldest]
