"""Virtual time: what happens next, in order."""

import heapq
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta

from ca_core.errors import RequestError

Act = Callable[[], None]

MOST_ACTS = 10_000_000
"""What one simulation may take: some minutes of a processor."""


class Timeline:
    """Runs acts at their moments; those of one moment in the order in which they were entered."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._entries: list[tuple[datetime, int, Act]] = []
        self._order = itertools.count()
        self.now = start

    def at(self, moment: datetime, act: Act) -> None:
        """Do ``act`` at ``moment``, or now if that has passed."""
        heapq.heappush(self._entries, (max(moment, self.now), next(self._order), act))

    def after(self, span: timedelta, act: Act) -> None:
        """Do ``act`` once ``span`` has passed."""
        self.at(self.now + span, act)

    def monotonic(self) -> float:
        """Return the seconds since the start."""
        return (self.now - self._start).total_seconds()

    def run(self, until: datetime, is_over: Callable[[], bool]) -> None:
        """Let time pass until nothing happens any more, it is over, or ``until``.

        Raises:
            RequestError: more happens than anybody waits for.
        """
        for _ in range(MOST_ACTS):
            if not self._entries or is_over():
                return
            if self._entries[0][0] > until:
                self.now = until
                return
            self.now, _, act = heapq.heappop(self._entries)
            act()
        raise RequestError(
            f"more than {MOST_ACTS:,} things happen: simulate fewer agents, or not as long",
            field="longest",
        )
