"""Where tokens come from, and how the server describes them."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ca_core.contract import (
    ConfigError,
    OutcomeUnknownError,
    PermissionDeniedError,
    ProviderError,
    Secret,
    UnavailableError,
)
from ca_provider_vault.client import AbsentError, PooledAdapter, RefusedError, client_of
from ca_provider_vault.config import WHERE, VaultConfig
from ca_provider_vault.lease import TokenLease
from ca_provider_vault.logins import Login, login_of

CALL = 10.0
"""Seconds for one login, look-up or renewal."""

LAST_SECOND = timedelta(seconds=1)
"""The server rounds down: in its last second a token has a ttl of 0, as one without end has."""

_LONGEST_LIFE = 100 * 366 * 24 * 3600
"""Seconds; whatever a server says, the end of a token is a date that there is."""

Ask = Callable[[Secret, float], PooledAdapter]
"""``(token, seconds)`` → an adapter for one call in the namespace of logins."""


class TokenSource:
    """Where tokens come from: the configuration, a file, or a login. Asks the server; keeps little.

    One thread at a time takes and renews; ``described`` and ``can_replace`` may be called by all.
    """

    def __init__(self, config: VaultConfig, ask: Ask) -> None:
        self._config = config
        self._ask = ask
        self._tried = Secret("")  # what the file held at the last attempt

    @property
    def method(self) -> str:
        """Return how the token comes: ``token``, ``token_file`` or the auth method."""
        if self._config.auth_method is not None:
            return self._config.auth_method.type
        return "token_file" if self._config.token_file else "token"

    @property
    def logs_in(self) -> bool:
        """Say whether a login brings a new token at any time."""
        return self._config.auth_method is not None

    @property
    def reads_file(self) -> bool:
        """Say whether the token stands in a file."""
        return bool(self._config.token_file)

    def has_news(self) -> bool:
        """Say whether the file holds another token than at the last attempt."""
        return self._in_file() not in {Secret(""), self._tried}

    def has_other(self, token: Secret) -> bool:
        """Say whether the file holds another token than this one."""
        return self._in_file() not in {Secret(""), token}

    def can_replace(self, token: Secret) -> bool:
        """Say whether there can be another token than this one."""
        return self.logs_in or self.has_other(token)

    def taken(self, now: datetime, seconds: float = CALL) -> TokenLease:
        """Return a token: logged in for, or the given one as the server describes it.

        Raises:
            ConfigError: a setting or a file of the login is wrong, or nothing is mounted there.
            PermissionDeniedError: the server knows neither token nor login.
            UnavailableError: it does not answer; the call that needs the token did nothing.
            Error: see ``client.raise_for`` and ``Transport.send``.
        """
        if self._config.auth_method is None:
            return self.described(self._given(), now, seconds)
        login = login_of(self._config.auth_method)
        return _known(_lease_in(self._logged_in(login, seconds).get("auth"), now), "login")

    def renewed(self, lease: TokenLease, now: datetime) -> TokenLease:
        """Return the token renewed; where that is not possible, a new one.

        Raises:
            ProviderError: a given token cannot live longer.
            Error: as ``taken``.
        """
        found = self._extended(lease, now) if lease.renewable else None
        if found is not None and not _nears_its_end(found, lease):
            return found
        found = self.taken(now) if self.logs_in or found is None else found
        if not self.logs_in and found.token == lease.token and not _is_longer(found, lease):
            raise ProviderError("the token cannot be renewed any more: give another one")
        return found

    def described(self, token: Secret, now: datetime, seconds: float = CALL) -> TokenLease:
        """Return a token as the server describes it.

        Raises:
            PermissionDeniedError: it does not know the token.
            ConfigError: there is no such namespace, or this is no Vault server.
            Error: see ``client.raise_for`` and ``Transport.send``.
        """
        try:
            asked = self._ask(token, seconds)
            found = _described_in(asked.get("auth/token/lookup-self").get("data"), token, now)
        except PermissionDeniedError as error:
            raise disowned(error.needed) from error
        except AbsentError as error:  # of the token, not of what it is wanted for
            where = f"{WHERE}.namespace"
            raise ConfigError("nothing answers at auth/token/lookup-self", where=where) from error
        return _known(found, "look-up")

    def _logged_in(self, login: Login, seconds: float) -> Mapping[str, Any]:
        """Return the answer of a login; its errors are about the login, not about the call."""
        client = client_of(self._ask(Secret(""), seconds))
        try:
            found = client.login(f"/v1/{login.path}", use_token=False, json=login.content)
        except OutcomeUnknownError as error:
            raise UnavailableError(f"the login got no answer: {error}") from error
        except RefusedError as error:
            raise PermissionDeniedError(f"the login was not accepted: {error}") from error
        except AbsentError as error:
            where = f"{WHERE}.auth_method.mount_path"
            raise ConfigError(f"nothing answers at {login.path}", where=where) from error
        return dict(found)

    def _extended(self, lease: TokenLease, now: datetime) -> TokenLease | None:
        """Return the token renewed; None if it cannot be."""
        try:
            asked = self._ask(lease.token, CALL)
            extended = _lease_in(
                asked.post("auth/token/renew-self", json={}, repeatable=True).get("auth"), now
            )
        except (PermissionDeniedError, RefusedError):
            return None
        found = _known(extended, "renewal")
        in_its_last_second = found.ttl is None and lease.ttl is not None
        return None if in_its_last_second else found

    def _given(self) -> Secret:
        if not self._config.token_file:
            return Secret(self._config.token.reveal().strip() if self._config.token else "")
        where = f"{WHERE}.token_file"
        try:
            found = _content(self._config.token_file)
        except OSError as error:
            reason = f"{self._config.token_file} cannot be read ({type(error).__name__})"
            raise ConfigError(reason, where=where) from error
        self._tried = found
        if not _is_token(found.reveal()):
            raise ConfigError(f"{self._config.token_file} holds no token", where=where)
        return found

    def _in_file(self) -> Secret:
        if not self._config.token_file:
            return Secret("")
        try:
            return _content(self._config.token_file)
        except OSError:
            return Secret("")  # it is being replaced; the token in hand may still be good


def disowned(needed: Sequence[str]) -> PermissionDeniedError:
    """Return the error about a token that was revoked or expired, or that lacks every policy.

    The server does not tell these apart; ``needed`` is what it refused.
    """
    return PermissionDeniedError(
        "the server does not know the token, or it may not look itself up",
        needed=needed,
        hint="a new token, or the policy lines of the documentation",
    )


def _content(path: str) -> Secret:
    """Return what a file holds; never an error that holds it, too."""
    text = Path(path).read_text(encoding="utf-8-sig", errors="replace")  # editors mark UTF-8
    return Secret(text.strip())


def _is_longer(new: TokenLease, old: TokenLease) -> bool:
    """Say whether a look-up or renewal moved the end by more than rounding does."""
    if new.ends is None or old.ends is None or old.ttl is None:
        return True
    if new.since < old.since:  # the clock was set back
        return True
    return new.ends > old.ends + old.ttl / 10


def _nears_its_end(new: TokenLease, old: TokenLease) -> bool:
    """Say whether a renewal gave much less than the last one: the maximum life is near."""
    return old.ttl is not None and new.ttl is not None and new.ttl <= old.ttl / 2


def _known(lease: TokenLease | None, what: str) -> TokenLease:
    """Return a lease that was found in an answer; the error has no frame that holds the answer."""
    if lease is None:
        raise ProviderError(f"the answer of the {what} has no token")
    return lease


def _is_token(found: object) -> bool:
    """Say whether it is one word that a header can carry."""
    return isinstance(found, str) and re.fullmatch("[!-~]+", found) is not None


def _lease_in(found: object, now: datetime) -> TokenLease | None:
    if not isinstance(found, Mapping) or not _is_token(found.get("client_token")):
        return None
    return TokenLease(
        token=Secret(found["client_token"]),
        since=now,
        ttl=span(found.get("lease_duration")),
        renewable=found.get("renewable") is True,
    )


def _described_in(found: object, token: Secret, now: datetime) -> TokenLease | None:
    if not isinstance(found, Mapping):
        return None
    return TokenLease(
        token=token,
        since=now,
        ttl=span(found.get("ttl")) or (LAST_SECOND if found.get("expire_time") else None),
        renewable=found.get("renewable") is True,
    )


def span(seconds: Any) -> timedelta | None:
    """Return a ttl; the server says 0 of a token that never expires."""
    if not isinstance(seconds, int) or seconds <= 0:
        return None
    return timedelta(seconds=min(seconds, _LONGEST_LIFE))
