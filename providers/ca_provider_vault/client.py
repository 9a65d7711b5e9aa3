"""Vault's API with our errors: the one module that imports hvac, and the one table of statuses."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import hvac
from hvac.adapters import Adapter

from ca_core.contract import (
    Error,
    OutcomeUnknownError,
    PermissionDeniedError,
    ProviderError,
    RateLimitedError,
    RequestError,
    UnavailableError,
)
from ca_provider_vault.transport import Answer, Transport

_OK = range(200, 300)
_NO_CONTENT = 204
_BAD_REQUEST, _FORBIDDEN, _NOT_FOUND, _PRECONDITION, _TOO_MANY = 400, 403, 404, 412, 429
_SEALED = 503
_NO_ISSUER = "unable to find PKI issuer"
_READS = frozenset({"GET", "LIST", "HEAD"})
_CAPABILITY = {"GET": "read", "LIST": "list", "POST": "update", "PUT": "update", "DELETE": "delete"}


class RefusedError(RequestError):
    """The server refused what was asked (400); ``reasons`` are its own sentences."""

    def __init__(self, path: str, reasons: tuple[str, ...]) -> None:
        super().__init__(f"the server refused {path}: {'; '.join(reasons) or 'no reason given'}")
        self.reasons = reasons


class AbsentError(ProviderError):
    """There is nothing at that path (404, or an issuer that the server does not find)."""


def raise_for(method: str, path: str, answer: Answer) -> None:
    """Raise the error of the contract that an answer stands for; return if it is a good one.

    Raises:
        RefusedError: 400.
        PermissionDeniedError: 403; names path and capability.
        AbsentError: 404, or 500 about an issuer that is not there.
        RateLimitedError: 429, with Retry-After.
        UnavailableError: 412 (not replicated yet), sealed, standby, any other 5xx.
        OutcomeUnknownError: a status in between that proxies make (502, 504) after a write.
        ProviderError: anything else.
    """
    status, reasons = answer.status, _reasons(answer)
    if status in _OK:
        return
    if status == _BAD_REQUEST:
        raise RefusedError(path, reasons)
    if status == _FORBIDDEN:
        needed = f"{path.removeprefix('/v1/')}: {_CAPABILITY.get(method, method.lower())}"
        raise PermissionDeniedError(f"{method} {path} is forbidden", needed=(needed,))
    if status == _NOT_FOUND or any(_NO_ISSUER in reason for reason in reasons):
        raise AbsentError(f"there is nothing at {path}")
    if status == _TOO_MANY:
        raise RateLimitedError("the server limits requests", retry_after=_retry_after(answer))
    raise _broken(method, path, status, reasons)


def _broken(method: str, path: str, status: int, reasons: tuple[str, ...]) -> Error:
    said = f": {'; '.join(reasons)[:300]}" if reasons else ""
    text = f"{method} {path} answered {status}{said}"
    if status in {502, 504} and method not in _READS:
        return OutcomeUnknownError(text)
    if status == _PRECONDITION or status >= 500:  # noqa: PLR2004 - every status of a server's fault
        return UnavailableError(text)
    return ProviderError(text)


def _reasons(answer: Answer) -> tuple[str, ...]:
    """Return the server's own sentences; a body that is not its JSON has none."""
    try:
        errors = json.loads(answer.body).get("errors")
    except (ValueError, AttributeError):
        return ()
    if not isinstance(errors, list):
        return ()
    return tuple(" ".join(str(error).split())[:300] for error in errors)


def _retry_after(answer: Answer) -> timedelta:
    text = answer.headers.get("retry-after", "")
    return timedelta(seconds=min(int(text), 3600)) if text.isdigit() else timedelta(seconds=1)


class PooledAdapter(Adapter):  # type: ignore[misc] # hvac has no types
    """hvac's way to the server, over our transport: keep-alive, deadlines, our errors.

    One is made for each call: it holds that call's token, namespace and time.
    """

    def __init__(self, transport: Transport, *, token: str, namespace: str, seconds: float) -> None:
        self.base_uri = ""
        self.token = token
        self.namespace = namespace
        self.session = None
        self._transport = transport
        self._seconds = seconds

    def get_login_token(self, response: Mapping[str, Any]) -> str:
        """Return the token of a login's answer."""
        return str(response["auth"]["client_token"])

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        raise_exception: bool = True,  # noqa: FBT001, FBT002 - hvac's signature
        **arguments: Any,
    ) -> Any:
        """Return the decoded answer; {} where there is none.

        Raises:
            Error: see ``raise_for`` and ``Transport.send``.
        """
        answer = self.raw(method, url, arguments.get("json"), headers or {})
        return decoded(url, answer)

    def raw(
        self,
        method: str,
        url: str,
        body: object,
        headers: Mapping[str, str] = {},
    ) -> Answer:
        """Return the answer as it came, once its status is good."""
        sent = {"X-Vault-Request": "true", **headers}
        if self.token:
            sent["X-Vault-Token"] = self.token
        if self.namespace:
            sent["X-Vault-Namespace"] = self.namespace
        path = "/v1/" + url.removeprefix("/v1/").strip("/")
        content = None if body is None else json.dumps(body).encode()
        answer = self._transport.send(
            method.upper(), path, headers=sent, body=content, seconds=self._seconds
        )
        raise_for(method.upper(), path, answer)
        return answer


def decoded(path: str, answer: Answer) -> dict[str, Any]:
    """Return an answer's JSON object; {} for an empty body.

    Raises:
        ProviderError: truncated, or something else than an object.
    """
    if answer.status == _NO_CONTENT or not answer.body:
        return {}
    try:
        found = json.loads(answer.body)
    except ValueError as error:
        raise ProviderError(f"the answer of {path} is not whole, or no JSON") from error
    if not isinstance(found, dict):
        raise ProviderError(f"the answer of {path} is no JSON object")
    return found


def client_of(adapter: PooledAdapter) -> hvac.Client:
    """Return hvac's client over an adapter, for its auth methods."""
    made = hvac.Client(url="http://unused", token="", verify=False)
    made.adapter = adapter
    return made


Call = Callable[[PooledAdapter], Any]
"""One piece of work on an adapter that carries token, namespace and time."""
