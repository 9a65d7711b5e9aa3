"""How long a token lives, and when to do something about it; pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

RENEW_AT = 2 / 3
"""Of its life: a third is left for trying again."""

FIRST_PAUSE = timedelta(seconds=1)
LAST_PAUSE = timedelta(seconds=30)
"""After a long outage service is back within half a minute, however long it lasted."""

LEAST_PAUSE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLease:
    """A token as the server describes it.

    Attributes:
        token: the secret itself.
        since: aware UTC, when it was issued or last renewed.
        ttl: what is left of it from ``since``; None if it never expires.
        renewable: whether renewal may be tried.
    """

    token: str = field(repr=False)
    since: datetime
    ttl: timedelta | None
    renewable: bool

    @property
    def ends(self) -> datetime | None:
        """Return when it expires, aware UTC; None if never."""
        return None if self.ttl is None else self.since + self.ttl

    def runway(self, now: datetime) -> timedelta | None:
        """Return how long it still lives; zero if it has expired, None if it never does."""
        return None if self.ends is None else max(self.ends - now, timedelta())

    def is_dead(self, now: datetime) -> bool:
        """Say whether it has expired."""
        return self.ends is not None and self.ends <= now


def due(lease: TokenLease) -> datetime | None:
    """Return when a token is to be renewed or replaced, aware UTC; None if never."""
    if lease.ttl is None:
        return None
    return lease.since + max(lease.ttl * RENEW_AT, LEAST_PAUSE)


def pause(failures: int, jitter: float) -> timedelta:
    """Return how long to wait after the n-th failure in a row: 1, 2, 4 … 30 s, less by jitter.

    Args:
        failures: at least 1.
        jitter: 0 to 1; takes up to a fifth away, so that a fleet does not come at once.
    """
    full = min(LAST_PAUSE, FIRST_PAUSE * (1 << min(failures - 1, 10)))
    return full * (1 - jitter / 5)
