"""The HTTP client of the command line: one place that turns answers into values or errors."""

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from ca_core.cli.absence import UNKNOWN
from ca_core.cli.address import Address
from ca_core.cli.failures import AnsweredError, UnreachableError
from ca_core.cli.schemes import CA_VARIABLES, other_scheme
from ca_core.errors import ConfigError

ValueT = TypeVar("ValueT")

TIMEOUT = httpx.Timeout(30.0, connect=5.0)

PATIENT = httpx.Timeout(600.0, connect=5.0)
"""For what grows with the cluster: a backup, a new key-encryption key."""

MAX_ERROR_TEXT = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer; ``index`` is its ``X-Consul-Index``, 0 without one."""

    body: bytes
    headers: Mapping[str, str]

    @property
    def index(self) -> int:
        """Return what to wait on next."""
        text = self.headers.get("x-consul-index", "0")
        return int(text) if text.isdigit() else 0

    def json(self) -> Any:
        """Return the body's value as it came.

        Raises:
            AnsweredError: it is not JSON: something else listens there.
        """
        return self.decoded(Any)

    def decoded(self, kind: type[ValueT]) -> ValueT:
        """Return the body as a value of the wire.

        Raises:
            AnsweredError: it is something else: another program listens there.
        """
        try:
            return msgspec.json.decode(self.body, type=kind)
        except msgspec.MsgspecError:
            raise AnsweredError(
                "the answer is not what ca-core's API gives",
                status=502,
                hint="is something else listening there? Check --http-addr",
            ) from None


class Client:
    """Speaks to one agent or server. A context manager; not thread-safe.

    Args:
        address: where.
        token: sent with each request.
        absence: what to do if nobody is there; '' where nothing is known of it.

    Raises:
        ConfigError: the file of roots for ``https://`` cannot be read.
    """

    def __init__(self, address: Address, token: str | None = None, *, absence: str = "") -> None:
        self.address = address
        self._absence = absence
        socket = None if address.socket is None else str(address.socket)
        headers = {"accept": "application/json"} | ({"x-consul-token": token} if token else {})
        self._http = httpx.Client(
            base_url=address.url,
            headers=headers,
            timeout=TIMEOUT,
            transport=httpx.HTTPTransport(uds=socket, verify=verification(address)),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """Return what stands at ``path``.

        Raises:
            UnreachableError: nobody answers.
            AnsweredError: an error answer; carries the server's words and hint.
        """
        return self._asked("GET", path, params=dict(params) if params else None)

    def put(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> Answer:
        """Send ``body`` as JSON. Raises as ``get``."""
        return self._asked("PUT", path, json=dict(body or {}), timeout=timeout)

    def post(
        self, path: str, body: Mapping[str, Any], *, timeout: httpx.Timeout = TIMEOUT
    ) -> Answer:
        """Send ``body`` as JSON to something that changes nothing. Raises as ``get``."""
        return self._asked("POST", path, json=dict(body), timeout=timeout)

    def delete(self, path: str) -> Answer:
        """Delete what stands at ``path``. Raises as ``get``."""
        return self._asked("DELETE", path)

    @contextmanager
    def stream(self, path: str) -> Iterator[Iterator[bytes]]:
        """Yield the body of a large answer piece by piece. Raises as ``get``."""
        with self._translated(), self._http.stream("GET", path, timeout=PATIENT) as response:
            if response.is_error:
                response.read()
            _refuse_error(response)
            yield response.iter_bytes()

    def _asked(self, method: str, path: str, **arguments: Any) -> Answer:
        with self._translated():
            response = self._http.request(method, path, **arguments)
        _refuse_error(response)
        return Answer(response.content, response.headers)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn httpx's errors into ours; nothing else knows them."""
        try:
            yield
        except httpx.TransportError as error:
            reason = _reason(error)
            hint = other_scheme(self.address, error) or self._hint(reason)
            raise UnreachableError(str(self.address), reason, hint=hint) from None
        except httpx.InvalidURL as error:
            raise ConfigError(str(error), where="--http-addr") from None

    def _hint(self, reason: str) -> str:
        if "certificate" in reason:
            return f"name the cluster's roots: {CA_VARIABLES[0]}=FILE (`ca-core ca roots --pem`)"
        if self._absence and "refused" in reason:
            return self._absence
        if self.address.socket is not None:
            return "is the process running, and may this user use its socket?"
        return UNKNOWN


def verification(address: Address) -> ssl.SSLContext | bool:
    """Return how ``https://`` is verified: against the named roots, else the system's.

    Raises:
        ConfigError: the file of roots cannot be read.
    """
    if not address.url.startswith("https"):
        return True
    file = next((os.environ[name] for name in CA_VARIABLES if os.environ.get(name)), None)
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:
        raise ConfigError(
            f"cannot be read as PEM roots ({error.strerror or error})", where=str(file)
        ) from None


def _reason(error: httpx.TransportError) -> str:
    """Return the cause in a few words; httpx wraps the operating system's."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error).removeprefix("[Errno ").lower() or type(error).__name__


def _refuse_error(response: httpx.Response) -> None:
    if not response.is_error:
        return
    status = response.status_code
    detail, hint = _problem(response)
    raise AnsweredError(
        detail or f"HTTP {status} {response.reason_phrase}",
        status=status,
        hint=hint or _next_step(response),
    )


def _problem(response: httpx.Response) -> tuple[str, str]:
    """Return (detail, hint) of a problem document, or the plain text that Consul answers."""
    try:
        document = response.json()
    except ValueError:
        return response.text[:MAX_ERROR_TEXT].strip(), ""
    if not isinstance(document, dict):
        return "", ""
    return str(document.get("detail", ""))[:MAX_ERROR_TEXT], str(document.get("hint", ""))


def _next_step(response: httpx.Response) -> str:
    if response.status_code in {401, 403}:
        local = "ask over the local socket (--http-addr unix:PATH) as a user with that right"
        sent = "x-consul-token" in response.request.headers
        other = "send a token that has it" if sent else "send a token"
        return f"{local}, or {other}"
    retry_after = response.headers.get("retry-after", "")
    return f"try again in {retry_after} s" if retry_after else ""
