"""The token: taken, logged in for, renewed in time, replaced when it dies, never shown.

``TokenKeeper.step`` does at most one thing and is told the time; ``TokenRenewal`` is the thread
that calls it when something is due. The first failure is logged at once, later ones once a minute.
"""

import logging
import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from ca_core.contract import Clock, Error, PermissionDeniedError, Secret, UnavailableError
from ca_provider_vault.config import VaultConfig
from ca_provider_vault.lease import CALLERS_PAUSE, TokenLease, Trouble, due
from ca_provider_vault.standing import Standing, standing_of
from ca_provider_vault.tokens import CALL, Ask, TokenSource

__all__ = ["Ask", "Standing", "TokenKeeper", "TokenRenewal"]

_FILE_EVERY = timedelta(seconds=30)
"""A token file is looked at so often."""

_SETTLED = timedelta(minutes=1)
"""A token of this age is replaced on any refusal; a younger one only if the server disowns it."""


class TokenKeeper:
    """One token for all calls of a provider. Thread-safe; asks for nothing before it is used.

    One attempt (login, look-up, renewal) runs at a time, under a lock of its own; what is known
    of the token has another lock, which is never held while the server is asked.
    """

    def __init__(
        self,
        config: VaultConfig,
        ask: Ask,
        clock: Clock,
        logger: logging.Logger,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._source = TokenSource(config, ask)
        self._clock = clock
        self._logger = logger
        self._jitter = jitter
        self._attempt = threading.Lock()
        self._state = threading.Lock()
        self._changed = threading.Event()
        self._lease: TokenLease | None = None
        self._trouble = Trouble()
        self._looked = clock.now()
        self._asked: datetime | None = None  # whether the server still knows the token
        self._disowned: datetime | None = None
        self._replaced = clock.now() - _SETTLED  # because it was refused

    @property
    def method(self) -> str:
        """Return how the token comes: ``token``, ``token_file`` or the auth method."""
        return self._source.method

    def token(self, seconds: float = CALL) -> Secret:
        """Return a token that lives, logging in first if there is none.

        Args:
            seconds: how long a login may take, another thread's or our own.

        Raises:
            UnavailableError: no time is left, or a login failed a moment ago; says when to come.
            PermissionDeniedError: likewise, where the server refused a given token.
            Error: the login failed now.
        """
        lease = self._living()
        if lease is not None:
            return lease.token
        give_up = self._clock.monotonic() + seconds
        if not self._attempt.acquire(timeout=max(seconds, 0)):
            raise UnavailableError("no token: a login is still under way")
        try:
            lease = self._living()
            left = give_up - self._clock.monotonic()
            return lease.token if lease is not None else self._called_for(left).token
        finally:
            self._attempt.release()

    def refused(self, token: Secret, seconds: float = CALL) -> bool:
        """Note that the server refused ``token`` (403); say whether another may be tried.

        A token that is still good lacks a permission: logging in again for every refusal would
        be a login for every call. It is done once a minute, since its policies may have changed.

        Args:
            token: the one that was refused.
            seconds: how long the server may take to say whether it knows it.
        """
        with self._state:
            lease, now = self._lease, self._clock.now()
        if lease is None or lease.token != token:
            return True  # somebody else has replaced it meanwhile
        if not self._source.can_replace(token):
            self._note_if_disowned(token, now, seconds)
            return False
        if self._source.logs_in and now - lease.since < _SETTLED:
            lately = abs(now - self._replaced) < CALLERS_PAUSE  # which changed nothing
            if lately or self._is_good(token, seconds):
                return False
        self._replaced = now
        self._forget(token)
        return True

    @property
    def is_disowned(self) -> bool:
        """Say whether the server did not know the token that we have, when last asked."""
        with self._state:
            return self._disowned is not None

    def next_due(self) -> datetime | None:
        """Return when ``step`` has something to do, aware UTC; None if never."""
        with self._state:
            if self._lease is None:
                return None  # the next call takes one
            found = self._trouble.try_again or due(self._lease)
            if self._source.reads_file:
                look = self._looked + _FILE_EVERY
                return look if found is None else min(look, found)
            return found

    def wait(self, seconds: float) -> None:
        """Wait until what is due may have changed, or for ``seconds``."""
        self._changed.wait(seconds)
        self._changed.clear()

    def wake(self) -> None:
        """End a ``wait`` of another thread."""
        self._changed.set()

    def step(self, now: datetime) -> None:
        """Renew or replace the token if that is due; failures are counted and logged, not raised.

        Does nothing while another thread makes an attempt.
        """
        if not self._attempt.acquire(blocking=False):
            return
        try:
            self._stepped(now)
        except Error:
            pass  # counted and logged
        finally:
            self._attempt.release()

    def standing(self) -> Standing:
        """Return how the token stands; never waits for the server."""
        with self._state:
            lease, trouble, now = self._lease, self._trouble, self._clock.now()
            disowned = self._disowned
        return standing_of(self.method, lease, trouble, now, disowned=disowned)

    def _living(self) -> TokenLease | None:
        with self._state:
            lease = self._lease
        return None if lease is None or lease.is_dead(self._clock.now()) else lease

    def _called_for(self, seconds: float) -> TokenLease:
        """Take a token because a call needs it, unless that failed a moment ago."""
        now = self._clock.now()
        with self._state:
            trouble = self._trouble
        wait = trouble.wait_of_a_call(now)
        if wait > timedelta() and not self._source.has_news():
            raise trouble.error_of_a_call(wait)
        if seconds <= 0:
            raise UnavailableError("no token: no time is left to log in")
        return self._attempted(lambda: self._source.taken(now, min(seconds, CALL)), now)

    def _stepped(self, now: datetime) -> None:
        with self._state:
            lease, trouble = self._lease, self._trouble
        if lease is None:
            return
        with self._state:
            self._looked = now
        is_due = trouble.is_due(lease, now)
        if self._source.has_news() or (is_due and self._source.has_other(lease.token)):
            self._attempted(lambda: self._source.taken(now), now)
        elif is_due:
            self._attempted(lambda: self._source.renewed(lease, now), now)

    def _attempted(self, attempt: Callable[[], TokenLease], now: datetime) -> TokenLease:
        try:
            lease = attempt()
        except Error as error:
            self._failed(error, now)
            raise
        with self._state:
            failures = self._trouble.failures
            self._lease, self._trouble, self._disowned = lease, Trouble(), None
        self._changed.set()
        if failures:
            self._logger.info("Vault: the token is good again after %d failures", failures)
        return lease

    def _failed(self, error: Error, now: datetime) -> None:
        with self._state:
            lease, before = self._lease, self._trouble
            refused = self._source.logs_in and isinstance(error, PermissionDeniedError)
            self._trouble = before.worse(error, now, self._jitter(), was_refused=refused)
            failures = self._trouble.failures
        self._changed.set()
        if self._trouble.logged == before.logged:
            return
        left = lease.runway(now) if lease else None
        hours = "unknown" if left is None else f"{left.total_seconds() / 3600:.1f} h"
        self._logger.warning(
            "Vault: taking or renewing the token (%s) failed %d times, runway %s: %s",
            self.method,
            failures,
            hours,
            error,
        )

    def _is_good(self, token: Secret, seconds: float) -> bool:
        """Ask the server whether it knows a token; if it does not say, the token is kept."""
        try:
            self._source.described(token, self._clock.now(), min(seconds, CALL))
        except PermissionDeniedError:
            return False
        except Error:
            return True
        return True

    def _note_if_disowned(self, token: Secret, now: datetime, seconds: float) -> None:
        """Count it as a failure if a token that nothing replaces is unknown to the server.

        Else nobody would hear of it before two thirds of its life are over, or ever. Asked once a
        minute, and not while its renewal fails anyway.
        """
        with self._state:
            lately = self._asked is not None and abs(now - self._asked) < _SETTLED
            if self._trouble.failures or lately:
                return
            self._asked = now
        try:
            self._source.described(token, now, min(seconds, CALL))
        except PermissionDeniedError as error:
            with self._state:
                self._disowned = now
            self._failed(error, now)
        except Error:
            pass  # it does not say, so the token is kept

    def _forget(self, token: Secret) -> None:
        with self._state:
            if self._lease is not None and self._lease.token == token:
                self._lease = None


class TokenRenewal:
    """The thread that keeps a token alive while nobody calls. Started by the first call."""

    _LONGEST = 30.0

    def __init__(self, keeper: TokenKeeper, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the thread, once."""
        if self._thread is not None:  # the usual case, on every call's way
            return
        with self._lock:
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(target=self._run, name="vault-token", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread and wait for it; close the transport first, so that no call holds it."""
        with self._lock:
            self._ended.set()
            thread = self._thread
        self._keeper.wake()
        if thread is not None:
            thread.join(CALL)

    def _run(self) -> None:
        while not self._ended.is_set():
            self._keeper.wait(self._seconds())
            if not self._ended.is_set():
                self._keeper.step(self._clock.now())

    def _seconds(self) -> float:
        when = self._keeper.next_due()
        if when is None:
            return self._LONGEST
        left = (when - self._clock.now()).total_seconds()
        return min(max(left, 0.05), self._LONGEST)
