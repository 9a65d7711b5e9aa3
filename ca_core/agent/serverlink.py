"""One server over HTTPS: requests out, wire values or typed errors back."""

import asyncio
import socket
import ssl
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import httpcore
import msgspec

from ca_core.agent.answers import Headers, error_of, index_of
from ca_core.agent.tls import PeerCheck, VerifyingBackend
from ca_core.agent.unreached import BrokenOffError, UnreachedError
from ca_core.config.serverurl import checked_url
from ca_core.errors import ProviderError

WireT = TypeVar("WireT")

CONNECT_SECONDS = 5.0
"""A server that takes longer to accept a connection is treated as away."""
ANSWER_SECONDS = 20.0
"""A server waits 500 ms for admission and signs in milliseconds; a slow provider takes seconds."""
MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""Roots of a mesh take kilobytes; more is not an answer of ours."""
KEEP_SECONDS = 65.0
"""An idle connection is kept for the next request about as long as the server keeps it, 75 s."""
CONNECTIONS = 48
"""To one server: 32 for signatures, 8 for exchanges of tokens, 3 for questions; and the rest for
what there is one of, and for a server that is slow to take them."""


_PROBES = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}
"""A connection on which nothing comes is probed after 15 s, and ended 15 s later; so is one on
which what was sent is not confirmed (milliseconds). Systems that lack a knob use their own."""

_KEEPALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in _PROBES.items()
        if hasattr(socket, name)
    ),
]


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Headers
    body: bytes


class ServerLink:
    """Requests to one server under one TLS context. Used from one event loop.

    ``retire`` closes it once the last request under way has ended; ``close`` at once.
    """

    def __init__(self, server_url: str, context: ssl.SSLContext, peer: PeerCheck | None) -> None:
        self.server_url = checked_url(server_url)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=CONNECTIONS,
            max_keepalive_connections=2,
            keepalive_expiry=KEEP_SECONDS,
            network_backend=VerifyingBackend(peer),
            socket_options=_KEEPALIVE,
        )
        self._busy = 0
        self._retired = False

    async def get(
        self, target: str, answer: type[WireT], *, wait: timedelta = timedelta()
    ) -> tuple[WireT, int]:
        """Return the decoded answer and its ``X-Consul-Index`` (0 without one).

        ``wait`` is what a blocking query asked for; the answer may take a sixteenth longer, and
        7 s (a server that is choosing its leader holds a request that long).

        Raises:
            Error: what the server answered, or ``UnavailableError`` if it did not.
        """
        found = await self._exchange("GET", target, None, _seconds(wait))
        return self._decoded(found.body, answer), index_of(found.headers)

    async def get_text(self, target: str) -> str:
        """Return the body of a plain answer.

        Raises:
            Error: as ``get``.
        """
        found = await self._exchange("GET", target, None, ANSWER_SECONDS)
        return found.body.decode(errors="replace")

    async def post(
        self,
        target: str,
        body: msgspec.Struct,
        answer: type[WireT],
        *,
        wait: timedelta = timedelta(),
        most: int = MAX_ANSWER_BYTES,
    ) -> WireT:
        """Send ``body`` as JSON and return the decoded answer; ``wait`` as for ``get``.

        ``most`` is how many bytes the answer may have.

        Raises:
            Error: what the server answered; ``OutcomeUnknownError`` if it took the request and was
                not heard of again, ``UnavailableError`` if it was never reached.
        """
        seconds = _seconds(wait)
        found = await self._exchange("POST", target, msgspec.json.encode(body), seconds, most)
        return self._decoded(found.body, answer)

    async def put(self, target: str, body: msgspec.Struct, answer: type[WireT]) -> WireT:
        """Do what ``post`` does, for what may be said again without harm.

        Raises:
            Error: as ``post``.
        """
        found = await self._exchange("PUT", target, msgspec.json.encode(body), ANSWER_SECONDS)
        return self._decoded(found.body, answer)

    async def retire(self) -> None:
        """Close as soon as nothing is under way."""
        self._retired = True
        if not self._busy:
            await self.close()

    async def close(self) -> None:
        """Close every connection at once."""
        await self._pool.aclose()

    async def _exchange(
        self,
        method: str,
        target: str,
        body: bytes | None,
        seconds: float,
        most: int = MAX_ANSWER_BYTES,
    ) -> _Answer:
        self._busy += 1
        try:
            found = await self._translated(method, target, body, seconds, most)
        finally:
            self._busy -= 1
            if self._retired and not self._busy:
                await asyncio.shield(self.close())
        if found.status >= 300:  # noqa: PLR2004 - nothing of ours redirects
            raise error_of(found.status, found.headers, found.body)
        return found

    async def _translated(
        self, method: str, target: str, body: bytes | None, seconds: float, most: int
    ) -> _Answer:
        """Send, and turn every exception of httpcore and ssl into one of ours."""
        try:
            return await self._sent(method, target, body, seconds, most)
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as error:
            raise self._away(error) from error
        except ssl.SSLError as error:
            raise self._refused(error) from error
        except (
            httpcore.TimeoutException,
            httpcore.NetworkError,
            httpcore.ProtocolError,
            OSError,
        ) as error:
            raise self._lost(method, error) from error

    async def _sent(
        self, method: str, target: str, body: bytes | None, seconds: float, most: int
    ) -> _Answer:
        limits = {"connect": CONNECT_SECONDS, "pool": seconds, "write": seconds, "read": seconds}
        async with self._pool.stream(
            method,
            self.server_url + target,
            headers=_headers(body),
            content=body,
            extensions={"timeout": limits},
        ) as response:
            return _Answer(response.status, response.headers, await self._bounded(response, most))

    async def _bounded(self, response: httpcore.Response, most: int) -> bytes:
        found = bytearray()
        async for part in response.aiter_stream():
            found += part
            if len(found) > most:
                raise ProviderError(f"{self.server_url} sent more than {most} bytes")
        return bytes(found)

    def _away(self, error: Exception) -> UnreachedError:
        if _is_tls_failure(error):
            return UnreachedError(
                f"{self.server_url} is not trusted: {error}",
                hint="its certificate does not lead to a root that this agent trusts",
            )
        return UnreachedError(
            f"no server at {self.server_url}: {str(error) or type(error).__name__}",
            hint=f"is `ca-core server` running there? try: curl -k {self.server_url}/healthz",
        )

    def _refused(self, error: ssl.SSLError) -> UnreachedError:
        """The server looked at our certificate after the handshake (TLS 1.3) and hung up."""
        return UnreachedError(
            f"{self.server_url} refused this agent's certificate: {error.reason or error}",
            hint="if the agent was forgotten, join it again with a new token",
        )

    def _lost(self, method: str, error: Exception) -> ProviderError:
        reason = str(error) or type(error).__name__
        if method == "GET":
            return UnreachedError(f"{self.server_url} broke off: {reason}")
        return BrokenOffError(f"{self.server_url} broke off after the request: {reason}")

    def _decoded(self, body: bytes, answer: type[WireT]) -> WireT:
        try:
            return msgspec.json.decode(body, type=answer)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ProviderError(
                f"{self.server_url} answered something else than expected: {error}",
                hint="is this the API of a ca-core server of the same version?",
            ) from error


def _seconds(wait: timedelta) -> float:
    return (wait + wait / 16).total_seconds() + 7.0 if wait else ANSWER_SECONDS


def _is_tls_failure(error: BaseException | None) -> bool:
    """Say whether a failed handshake lies under a connection error; httpcore wraps it twice."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _headers(body: bytes | None) -> list[tuple[bytes | str, bytes | str]]:
    found: list[tuple[bytes | str, bytes | str]] = [
        ("Accept", "application/json"),
        ("User-Agent", "ca-core-agent"),
    ]
    return found if body is None else [*found, ("Content-Type", "application/json")]
