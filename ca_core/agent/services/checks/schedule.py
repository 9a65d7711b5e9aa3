"""What is due when: one heap for all checks."""

import heapq
import itertools
from collections.abc import Iterator


class Schedule:
    """Keys by the moment they are due, each at most once; moments are monotonic seconds."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str]] = []
        self._due: dict[str, float] = {}
        self._order = itertools.count()

    def __len__(self) -> int:
        """Return how many keys are entered."""
        return len(self._due)

    def enter(self, key: str, due: float) -> None:
        """Enter a key, in place of its entry, if it has one."""
        self._due[key] = due
        heapq.heappush(self._heap, (due, next(self._order), key))

    def drop(self, key: str) -> None:
        """Forget a key; nothing happens if it is not entered."""
        self._due.pop(key, None)

    def taken(self, now: float) -> Iterator[str]:
        """Take out, one by one, the keys that are due."""
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                yield key

    def next_due(self) -> float | None:
        """Return the earliest moment for which a key is entered, or None."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
