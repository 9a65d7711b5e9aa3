"""The token: taken, logged in for, renewed in time, replaced when it dies, never shown.

``TokenKeeper.step`` does at most one thing and is told the time; ``TokenRenewal`` is the thread that
calls it when something is due. The first failure is logged at once, later ones once a minute.
"""

import logging
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ca_core.contract import (
    Clock,
    ConfigError,
    Error,
    PermissionDeniedError,
    ProviderError,
    UnavailableError,
)
from ca_provider_vault.client import PooledAdapter, RefusedError, client_of
from ca_provider_vault.config import WHERE, VaultConfig
from ca_provider_vault.lease import TokenLease, due, pause
from ca_provider_vault.logins import login_of

_CALL = 10.0
"""Seconds for one login, look-up or renewal."""

_LOG_EVERY = timedelta(minutes=1)
_FILE_EVERY = timedelta(seconds=30)
"""A token file is looked at so often."""

Ask = Callable[[str, float], PooledAdapter]
"""``(token, seconds)`` → an adapter for one call in the namespace of logins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the token stands, for health, metrics and doctor; no secret.

    Attributes:
        method: ``token``, ``token_file`` or the auth method.
        ends: aware UTC; None if it never expires, or none was taken yet.
        runway: what is left; None likewise.
        failures: renewals or logins that failed in a row.
        last_error: of the last one; '' if it went well.
    """

    method: str
    ends: datetime | None
    runway: timedelta | None
    failures: int
    last_error: str


class TokenKeeper:
    """One token for all calls of a provider. Thread-safe; asks for nothing before it is used."""

    def __init__(
        self,
        config: VaultConfig,
        ask: Ask,
        clock: Clock,
        logger: logging.Logger,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._config = config
        self._ask = ask
        self._clock = clock
        self._logger = logger
        self._jitter = jitter
        self._lock = threading.RLock()
        self._lease: TokenLease | None = None
        self._failures = 0
        self._last_error = ""
        self._try_again: datetime | None = None
        self._logged: datetime | None = None
        self._file_seen = clock.now()

    @property
    def method(self) -> str:
        """Return how the token comes: ``token``, ``token_file`` or the auth method."""
        if self._config.auth_method is not None:
            return self._config.auth_method.type
        return "token_file" if self._config.token_file else "token"

    def token(self) -> str:
        """Return a token that lives, logging in first if there is none.

        Raises:
            UnavailableError: a login failed a moment ago; says when the next is tried.
            Error: the login failed now.
        """
        with self._lock:
            lease, now = self._lease, self._clock.now()
            if lease is not None and not lease.is_dead(now):
                return lease.token
            if self._try_again is not None and now < self._try_again:
                raise UnavailableError(
                    f"no token: {self._last_error}", retry_after=self._try_again - now
                )
            return self._attempted(self._taken, now).token

    def refused(self, token: str) -> bool:
        """Note that the server refused ``token`` (403); say whether another may be tried."""
        with self._lock:
            if self._lease is None or self._lease.token != token:
                return True  # somebody else has replaced it meanwhile
            if self._config.auth_method is None and not self._file_changed(token):
                return False
            self._lease = None
            return True

    def next_due(self) -> datetime | None:
        """Return when ``step`` has something to do, aware UTC; None if never."""
        with self._lock:
            if self._lease is None:
                return None  # the next call takes one
            found = self._try_again or due(self._lease)
            if self._config.token_file:
                look = self._file_seen + _FILE_EVERY
                return look if found is None else min(look, found)
            return found

    def step(self, now: datetime) -> None:
        """Renew or replace the token if that is due; failures are counted and logged, not raised."""
        with self._lock:
            lease = self._lease
            if lease is None:
                return
            if self._file_changed(lease.token):
                self._lease = None
                self._quietly(self._taken, now)
                return
            when = self._try_again or due(lease)
            if when is not None and when <= now:
                self._quietly(self._renewed, now)

    def standing(self) -> Standing:
        """Return how the token stands."""
        with self._lock:
            lease, now = self._lease, self._clock.now()
            return Standing(
                method=self.method,
                ends=lease.ends if lease else None,
                runway=lease.runway(now) if lease else None,
                failures=self._failures,
                last_error=self._last_error,
            )

    def _quietly(self, attempt: Callable[[datetime], TokenLease], now: datetime) -> None:
        try:
            self._attempted(attempt, now)
        except Error:
            pass

    def _attempted(self, attempt: Callable[[datetime], TokenLease], now: datetime) -> TokenLease:
        try:
            self._lease = attempt(now)
        except Error as error:
            self._failed(error, now)
            raise
        if self._failures:
            self._logger.info("Vault: the token is good again after %d failures", self._failures)
        self._failures, self._last_error = 0, ""
        self._try_again = self._logged = None
        return self._lease

    def _failed(self, error: Error, now: datetime) -> None:
        self._failures += 1
        self._last_error = str(error)
        self._try_again = now + pause(self._failures, self._jitter())
        if self._logged is None or now - self._logged >= _LOG_EVERY:
            self._logged = now
            left = self._lease.runway(now) if self._lease else None
            hours = "unknown" if left is None else f"{left.total_seconds() / 3600:.1f} h"
            self._logger.warning(
                "Vault: renewing the token (%s) failed %d times, runway %s: %s",
                self.method,
                self._failures,
                hours,
                error,
            )

    def _taken(self, now: datetime) -> TokenLease:
        """Return a token: logged in for, or the given one as the server describes it."""
        if self._config.auth_method is None:
            return self._described(self._given(), now)
        login = login_of(self._config.auth_method)
        client = client_of(self._ask("", _CALL))
        answer = client.login(f"/v1/{login.path}", use_token=False, json=dict(login.fields))
        return _lease_of(answer.get("auth"), now, "login")

    def _renewed(self, now: datetime) -> TokenLease:
        """Return the token renewed; where that is not possible, a new one."""
        lease = self._lease
        if lease is None or not lease.renewable:
            return self._taken(now)
        try:
            answer = self._ask(lease.token, _CALL).post("auth/token/renew-self", json={})
            renewed = _lease_of(answer.get("auth"), now, "renewal")
        except (PermissionDeniedError, RefusedError):
            return self._taken(now)
        if renewed.ttl is not None and lease.ttl is not None and renewed.ttl < lease.ttl / 2:
            return self._taken(now) if self._config.auth_method else renewed  # its last life
        return renewed

    def _described(self, token: str, now: datetime) -> TokenLease:
        try:
            answer = self._ask(token, _CALL).get("auth/token/lookup-self")
        except PermissionDeniedError as error:
            raise PermissionDeniedError(
                "the server does not know the token, or it may not look itself up",
                needed=error.needed,
                hint="a new token, or the policy lines of the documentation",
            ) from error
        found = answer.get("data")
        if not isinstance(found, Mapping):
            raise ProviderError("the answer about the token has no data")
        return TokenLease(
            token=token,
            since=now,
            ttl=_span(found.get("ttl")),
            renewable=found.get("renewable") is True,
        )

    def _given(self) -> str:
        if not self._config.token_file:
            return self._config.token.reveal() if self._config.token else ""
        self._file_seen = self._clock.now()
        try:
            return Path(self._config.token_file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = f"{self._config.token_file} cannot be read ({type(error).__name__})"
            raise ConfigError(reason, where=f"{WHERE}.token_file") from error

    def _file_changed(self, token: str) -> bool:
        if not self._config.token_file:
            return False
        try:
            return self._given() not in {"", token}
        except ConfigError:
            return False  # it is being replaced; the token in hand may still be good


def _lease_of(found: object, now: datetime, what: str) -> TokenLease:
    if not isinstance(found, Mapping) or not isinstance(found.get("client_token"), str):
        raise ProviderError(f"the answer of the {what} has no token")
    return TokenLease(
        token=found["client_token"],
        since=now,
        ttl=_span(found.get("lease_duration")),
        renewable=found.get("renewable") is True,
    )


def _span(seconds: Any) -> timedelta | None:
    """Return a ttl; the server says 0 of a token that never expires."""
    if not isinstance(seconds, int) or seconds <= 0:
        return None
    return timedelta(seconds=seconds)


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
        with self._lock:
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(target=self._run, name="vault-token", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread and wait for it."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_CALL)

    def _run(self) -> None:
        while not self._ended.wait(self._seconds()):
            self._keeper.step(self._clock.now())

    def _seconds(self) -> float:
        when = self._keeper.next_due()
        if when is None:
            return self._LONGEST
        left = (when - self._clock.now()).total_seconds()
        return min(max(left, 0.05), self._LONGEST)
