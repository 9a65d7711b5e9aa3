"""What readers of one store see: the newest delivered view, and those who wait for a newer one."""

import heapq
import itertools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

from ca_core.errors import OutcomeUnknownError
from ca_core.state.protocol import TOPICS, Commit
from ca_core.state.view import View

Announce = Callable[[frozenset[str]], None]
"""Told the topics of every commit, after it is published."""

Follow = Callable[[View, Commit], None]
"""Told every commit with the view after it, one at a time, in order; must be quick."""

_log = logging.getLogger("ca_core.state")


class Published:
    """The view, moved forward by deliveries. Thread-safe; reading ``view`` takes no lock."""

    def __init__(self, view: View, announce: Announce) -> None:
        self.view = view
        self._announce = announce
        self._followers: tuple[Follow, ...] = ()
        self._moved = threading.Condition()
        self._unseen: list[tuple[int, int, Future[int]]] = []
        self._order = itertools.count()

    def deliver(self, commit: Commit) -> None:
        """Publish the commit, then wake those who wait; one delivered twice changes nothing."""
        with self._moved:
            if commit.index <= self.view.index:
                return
            self.view = self.view.after(commit)
            self._tell(commit)
            self._moved.notify_all()
            seen = self._take_seen()
        self._announce(frozenset(c.key for c in commit.changes if c.table == TOPICS))
        for index, outcome in seen:
            outcome.set_result(index)

    def follow(self, follower: Follow) -> View:
        """Return the view, and tell ``follower`` of every commit after it.

        It is told before whoever made the commit goes on, and before waiters are woken; it must not
        call back.
        """
        with self._moved:
            self._followers += (follower,)
            return self.view

    def told(self) -> View:
        """Return the view, once every follower has been told of it."""
        with self._moved:
            return self.view

    def settle(self, index: int, outcome: Future[int]) -> None:
        """Complete ``outcome`` with ``index`` once the view contains that commit."""
        with self._moved:
            if index > self.view.index:
                heapq.heappush(self._unseen, (index, next(self._order), outcome))
                return
        outcome.set_result(index)

    def later(self, than: int, timeout: float) -> View | None:
        """Block until the view is above ``than`` and return it; None after ``timeout`` seconds."""
        with self._moved:
            moved = self._moved.wait_for(lambda: self.view.index > than, timeout)
        return self.view if moved else None

    def abandon(self) -> None:
        """Fail those whose commit was written and will not be seen here any more."""
        with self._moved:
            unseen, self._unseen = self._unseen, []
        for index, _, outcome in unseen:
            message = f"commit {index} was written, but the store closed before it came back"
            outcome.set_exception(OutcomeUnknownError(message))

    def _tell(self, commit: Commit) -> None:
        for follower in self._followers:
            try:
                follower(self.view, commit)
            except Exception:  # noqa: BLE001 - a bug in one follower must not stop the others
                _log.exception("bug in a follower of commits, at index %d", commit.index)

    def _take_seen(self) -> list[tuple[int, Future[int]]]:
        seen = []
        while self._unseen and self._unseen[0][0] <= self.view.index:
            index, _, outcome = heapq.heappop(self._unseen)
            seen.append((index, outcome))
        return seen
