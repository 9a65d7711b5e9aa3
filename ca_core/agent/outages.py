"""What the log of an agent says of its servers: once when one goes, once when it is back."""

import logging
from collections.abc import Sequence

from ca_core.agent.unreached import BrokenOffError, UnreachedError
from ca_core.clock import Clock
from ca_core.errors import Error

log = logging.getLogger(__name__)

REMINDED_AFTER = 60.0
"""Seconds between two lines at least which say that no server answers."""


class Outages:
    """Which servers the log knows to be away. Used from one event loop.

    Args:
        servers: their URLs.
    """

    def __init__(self, servers: Sequence[str], clock: Clock) -> None:
        self._servers = frozenset(servers)
        self._clock = clock
        self._away: dict[str, bool] = {}
        """Those that are away, and whether they were reached all the same."""
        self._none_since = self._told_at = 0.0

    def failed(self, server: str, error: Error, current: str) -> None:
        """Note that a server did not do its work, and that ``current`` is asked from now on."""
        if server in self._away:
            self._remind(error)
            return
        self._away[server] = not isinstance(error, BrokenOffError | UnreachedError)
        moved = "" if current in self._away else f"; asking {current}"
        log.warning("%s%s", _with_url(server, error), moved)
        if self._away.keys() == self._servers:
            self._none_since = self._told_at = self._clock.monotonic()
            log.warning("no server answers: this agent goes on with what it knows")

    def answered(self, server: str, *, followed: bool = False) -> None:
        """Note that a server did its work.

        One that was reached, and could not be followed, is back once it is ``followed``.
        """
        was_reached = self._away.get(server)
        if was_reached is None or (was_reached and not followed):
            return
        del self._away[server]
        log.info("%s answers again", server)

    def _remind(self, error: Error) -> None:
        now = self._clock.monotonic()
        if self._away.keys() == self._servers and now - self._told_at >= REMINDED_AFTER:
            self._told_at = now
            log.warning("no server has answered for %d s: %s", now - self._none_since, error)


def _with_url(server: str, error: Error) -> str:
    """Return what went wrong where, with the URL once."""
    text = str(error)
    return text if server in text else f"{server}: {text}"
