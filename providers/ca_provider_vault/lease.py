"""How long a token lives, and when to do something about it or try again; pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ca_core.contract import (
    Error,
    PermissionDeniedError,
    RateLimitedError,
    Secret,
    UnavailableError,
)

RENEW_AT = 2 / 3
"""Of its life: a third is left for trying again."""

FIRST_PAUSE = timedelta(seconds=1)
LAST_PAUSE = timedelta(seconds=30)
"""After a long outage service is back within half a minute, however long it lasted."""

CALLERS_PAUSE = timedelta(seconds=1.5)
"""A call that needs a token tries again so soon, whatever the pause, where that does no harm.

Service is to be back within two seconds of a recovery."""

LOG_EVERY = timedelta(minutes=1)

LEAST_PAUSE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLease:
    """A token as the server describes it.

    Attributes:
        token: hidden.
        since: aware UTC, when it was issued or last renewed.
        ttl: what is left of it from ``since``; None if it never expires.
        renewable: whether renewal may be tried.
    """

    token: Secret
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The attempts that failed in a row; one that succeeds ends it.

    Attributes:
        failures: how many.
        last_error: of the last one; '' if there was none.
        last: when that was, aware UTC.
        try_again: when the next attempt is due.
        logged: when one was last logged.
        patient: calls wait for the whole pause, too: trying sooner does harm.
        needed: permissions that the server said the token lacks.
    """

    failures: int = 0
    last_error: str = ""
    last: datetime | None = None
    try_again: datetime | None = None
    logged: datetime | None = None
    patient: bool = False
    needed: tuple[str, ...] = ()

    def is_due(self, lease: TokenLease, now: datetime) -> bool:
        """Say whether to renew or replace a token now: it is time, or the clock was set back."""
        when = self.try_again or due(lease)
        return when is not None and (when <= now or now < (self.last or lease.since))

    def worse(
        self, error: Error, now: datetime, jitter: float, *, was_refused: bool = False
    ) -> "Trouble":
        """Return it after one more failure; ``logged`` is ``now`` if that one is to be logged.

        Args:
            error: of the attempt.
            now: aware UTC.
            jitter: see ``pause``.
            was_refused: the server knew a login and did not accept it: repeating locks accounts.
        """
        due_to_log = self.logged is None or abs(now - self.logged) >= LOG_EVERY
        return Trouble(
            failures=self.failures + 1,
            last_error=str(error),
            last=now,
            try_again=now + pause(self.failures + 1, jitter),
            logged=now if due_to_log else self.logged,
            patient=was_refused or isinstance(error, RateLimitedError),
            needed=error.needed if isinstance(error, PermissionDeniedError) else (),
        )

    def wait_of_a_call(self, now: datetime) -> timedelta:
        """Return how long a call that needs a token must wait for the next attempt."""
        if self.try_again is None or self.last is None:
            return timedelta()
        soon = min(self.try_again, self.last + CALLERS_PAUSE)
        when = self.try_again if self.patient else soon
        if now < self.last:  # the clock was set back: the pause is over
            return timedelta()
        return max(when - now, timedelta())

    def error_of_a_call(self, wait: timedelta) -> Error:
        """Return the error of a call that needs a token during a pause: it tells the last one."""
        text = f"no token: {self.last_error}"
        if not self.needed:
            return UnavailableError(text, retry_after=wait)
        refused = PermissionDeniedError(text)
        refused.needed = self.needed  # the text has them already
        return refused
