"""Vault's API with our errors: the one module that imports hvac, and the one table of statuses."""

import base64
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import hvac
from hvac.adapters import Adapter
from hvac.aws_utils import SigV4Auth, generate_sigv4_auth_request

from ca_core.contract import (
    Error,
    OutcomeUnknownError,
    PermissionDeniedError,
    ProviderError,
    RateLimitedError,
    RequestError,
    Secret,
    UnavailableError,
)
from ca_provider_vault.scrubbing import scrubbed
from ca_provider_vault.transport import READS, Answer, Headers, Transport

_OK = range(200, 300)
_REDIRECTS = range(300, 400)
_STANDBY = frozenset({472, 473})
_NO_CONTENT = 204
_BAD_REQUEST, _FORBIDDEN, _NOT_FOUND, _PRECONDITION, _TOO_MANY = 400, 403, 404, 412, 429
_ENDED = "past the max TTL"
"""Of a renewal that cannot be; the server says 500, but nothing is wrong with it."""

_WHY_FORBIDDEN = "a policy lacks it, or the token has ended or was revoked"
"""The server says the same of both."""

_NO_MOUNT = "no handler for route"
_ABSENT = (
    "unable to find PKI issuer",
    "unable to find PKI key",
    "unable to verify signature on presented cert from any present issuer",
)
"""Of what is not there; the server says 400 or 500, but repeating the request is in vain."""

_CAPABILITY = {"GET": "read", "LIST": "list", "POST": "update", "PUT": "update", "DELETE": "delete"}


class RefusedError(RequestError):
    """The server refused what was asked (400); ``reasons`` are its own sentences."""

    def __init__(self, path: str, reasons: tuple[str, ...]) -> None:
        super().__init__(f"the server refused {path}: {'; '.join(reasons) or 'no reason given'}")
        self.reasons = reasons


class AbsentError(ProviderError):
    """There is nothing at that path (404, or an issuer or key that the server does not find)."""


class UnmountedError(AbsentError):
    """There is no mount at the beginning of that path."""


def raise_for(method: str, path: str, answer: Answer) -> None:
    """Raise the error of the contract that an answer stands for; return if it is a good one.

    Raises:
        RefusedError: 400, or 500 about a token that is too old to be renewed.
        PermissionDeniedError: 403; names path and capability.
        UnmountedError: 404, and the server says that no mount begins there.
        AbsentError: another 404, or 400 or 500 about an issuer or key that is not there.
        RateLimitedError: 429, with Retry-After.
        UnavailableError: 412 (not replicated yet), sealed, standby (a redirect, 472, 473, or 429
            of the health path), any other 5xx.
        OutcomeUnknownError: a status in between that proxies make (502, 504) after a write.
        ProviderError: anything else.
    """
    status, reasons = answer.status, _reasons(answer)
    if status in _OK:
        return
    if any(absent in reason for absent in _ABSENT for reason in reasons):
        raise AbsentError(f"there is nothing at {path}: {'; '.join(reasons)}")
    if status == _BAD_REQUEST or any(_ENDED in reason for reason in reasons):
        raise RefusedError(path, reasons)
    if status == _FORBIDDEN:
        needed = f"{path.removeprefix('/v1/')}: {_CAPABILITY.get(method, method.lower())}"
        raise PermissionDeniedError(
            f"{method} {path} is forbidden", needed=(needed,), hint=_WHY_FORBIDDEN
        )
    if status == _NOT_FOUND and any(_NO_MOUNT in reason for reason in reasons):
        raise UnmountedError(f"there is no mount at {path}")
    if status == _NOT_FOUND:
        raise AbsentError(f"there is nothing at {path}")
    if status == _TOO_MANY and not _is_health(path):
        raise RateLimitedError("the server limits requests", retry_after=_retry_after(answer))
    raise _broken(method, path, status, reasons)


def _broken(method: str, path: str, status: int, reasons: tuple[str, ...]) -> Error:
    said = f": {'; '.join(reasons)[:300]}" if reasons else ""
    text = f"{method} {path} answered {status}{said}"
    if status in {502, 504} and method not in READS:
        return OutcomeUnknownError(text)
    if status in _REDIRECTS or status in _STANDBY or status == _TOO_MANY:
        return UnavailableError(f"{text} (a standby, which does not serve this)")
    if status == _PRECONDITION or status >= 500:  # noqa: PLR2004 - every status of a server's fault
        return UnavailableError(text)
    return ProviderError(text)


def _is_health(path: str) -> bool:
    return path.partition("?")[0].endswith("/sys/health")


def _reasons(answer: Answer) -> tuple[str, ...]:
    """Return the server's own sentences; a body that is not its JSON has none."""
    found = _parsed(answer.body)
    errors = found.get("errors") if isinstance(found, dict) else None
    if not isinstance(errors, list):
        return ()
    return tuple(" ".join(str(error).split())[:300] for error in errors)


def _retry_after(answer: Answer) -> timedelta:
    found = re.fullmatch("[0-9]{1,9}", answer.headers.get("retry-after", ""))
    return timedelta(seconds=min(int(found[0]), 3600) if found else 1)


class PooledAdapter(Adapter):  # type: ignore[misc] # hvac has no types
    """hvac's way to the server, over our transport: keep-alive, deadlines, our errors.

    One is made for each call: it holds that call's token, namespace and time.
    """

    def __init__(
        self, transport: Transport, *, token: Secret, namespace: str, seconds: float
    ) -> None:
        self.base_uri = ""
        self.token = token
        self.namespace = namespace
        self.session = None
        self._transport = transport
        self._seconds = seconds

    def __repr__(self) -> str:
        return f"PooledAdapter(namespace={self.namespace!r}, token=<hidden>)"

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

        Args:
            method: of HTTP, in either case.
            url: with or without ``/v1/``.
            headers: beside token and namespace.
            raise_exception: hvac's; errors are always raised.
            arguments: ``json``: the body, or a Secret that holds its text; ``repeatable``: whether
                a write may arrive twice.

        Raises:
            Error: see ``raise_for`` and ``Transport.send``.
        """
        body, repeatable = arguments.get("json"), arguments.get("repeatable") is True
        answer = self.raw(method, url, body, headers or {}, repeatable=repeatable)
        try:
            return decoded(url, answer)
        except ProviderError as error:
            if method.upper() in READS:
                raise
            raise OutcomeUnknownError(str(error)) from error  # it was done; what it said is lost

    def raw(
        self,
        method: str,
        url: str,
        body: object = None,
        headers: Mapping[str, str] = {},
        *,
        repeatable: bool = False,
    ) -> Answer:
        """Return the answer as it came, once its status is good."""
        method, path = method.upper(), "/v1/" + url.removeprefix("/v1/").strip("/")
        content = None if body is None else _content(body)
        answer = self._transport.send(
            method,
            path,
            headers=self._headers(headers),
            body=content,
            seconds=self._seconds,
            repeatable=repeatable,
        )
        if answer.status not in _OK:
            login = content if path.startswith("/v1/auth/") else None
            raise_for(method, path, scrubbed(answer, self.token, login))
        return answer

    def _headers(self, more: Mapping[str, str]) -> Headers:
        sent: dict[str, str | Secret] = {"X-Vault-Request": "true", **more}
        if self.token.reveal():
            sent["X-Vault-Token"] = self.token
        if self.namespace:
            sent["X-Vault-Namespace"] = self.namespace
        return sent


def _content(body: object) -> Secret:
    return body if isinstance(body, Secret) else Secret(json.dumps(body))


def decoded(path: str, answer: Answer) -> dict[str, Any]:
    """Return an answer's JSON object; {} for an empty body.

    Raises:
        ProviderError: it is cut short, or something else than an object.
    """
    if answer.status == _NO_CONTENT or not answer.body:
        return {}
    found = _parsed(answer.body)
    if not isinstance(found, dict):
        raise ProviderError(f"the answer of {path} is not whole, or no JSON object")
    return found


def _parsed(body: bytes) -> object:
    """Return what a body says; None if it is no JSON: that error would hold the body itself."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def client_of(adapter: PooledAdapter) -> hvac.Client:
    """Return hvac's client over an adapter; it opens nothing itself."""
    return hvac.Client(url="", token="", verify=False, adapter=lambda **_: adapter)


def aws_fields(params: Mapping[str, Secret]) -> dict[str, Secret]:
    """Return the login fields of AWS's IAM method: a signed question to STS who we are.

    The server sends it on and believes the answer; the secret key itself is never sent.

    Args:
        params: ``access_key``, ``secret_key``, ``session_token``, ``region``, ``header_value``.

    Raises:
        RequestError: one of them holds what cannot be signed.
    """
    asked = _signed(params)
    if asked is None:  # unchained: the frames that sign hold keys
        raise RequestError("the login's parameters hold characters that cannot be signed")
    return {
        "iam_http_request_method": Secret(str(asked.method)),
        "iam_request_url": _base64(str(asked.url)),
        "iam_request_body": _base64(str(asked.body)),
        "iam_request_headers": _base64(json.dumps(dict(asked.headers))),
    }


def _signed(params: Mapping[str, Secret]) -> Any:
    """Return the signed question; None if it cannot be made."""
    try:
        asked = generate_sigv4_auth_request(header_value=params["header_value"].reveal() or None)
        SigV4Auth(
            params["access_key"].reveal(),
            params["secret_key"].reveal(),
            params["session_token"].reveal() or None,
            params["region"].reveal() or "us-east-1",
        ).add_auth(asked)
    except (ValueError, TypeError):
        return None
    return asked


def _base64(text: str) -> Secret:
    return Secret(base64.b64encode(text.encode()).decode())
