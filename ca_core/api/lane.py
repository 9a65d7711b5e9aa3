"""The raw ASGI lane: hot routes answered without a framework, everything else handed to it.

Starlette costs 16 KB for a parked connection and half the throughput; the lane costs neither. Both
call ``Answering.answer``, so a handler cannot tell which way a request came.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from ca_core.acl.principal import Anonymous, Principal
from ca_core.api.authentication import Link, header_map, link_of, principal_of, refuse_rebinding
from ca_core.api.http import MAX_BODY, Request, Response, raw_headers
from ca_core.api.problems import problem_response
from ca_core.api.requesttokens import NO_TOKENS, TokenLookup, given_token, refuse_two_tokens
from ca_core.api.routes import Route
from ca_core.clock import Clock
from ca_core.errors import DeniedError, Error, RequestError, UnavailableError
from ca_core.identity.spiffe import TrustDomain
from ca_core.telemetry.metrics import Metrics

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]
Handler = Callable[[Request], Awaitable[Response]]

FIRST_RETURN = 1
"""Seconds after which the first of those come back whose queries a stop has ended."""
RETURNS = 5
"""In so many whole seconds they come back: the next process is not asked by all at once."""

_READS = frozenset({"GET", "HEAD"})
_BODYLESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})

_UNRESOLVED = "Could not resolve token to authorizer"

_log = logging.getLogger("ca_core.api")


@dataclass(frozen=True, slots=True)
class BoundRoute:
    """A route and its handler, bound to the room it works in."""

    route: Route
    handler: Handler


class Answering:
    """Turns one ASGI request into one answer; the same for both ways in.

    Args:
        trust_domain: the mesh's, once it is known.
        metrics: counts answers.
        clock: says whether a caller's certificate is still valid.
        tokens: knows whose a token is.
        draw: spreads those who come back to a process that stops; 0 to 1.
    """

    def __init__(
        self,
        trust_domain: Callable[[], TrustDomain | None],
        metrics: Metrics,
        clock: Clock,
        tokens: TokenLookup = NO_TOKENS,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._trust_domain = trust_domain
        self._metrics = metrics
        self._clock = clock
        self._tokens = tokens
        self._draw = draw

    async def answer(
        self, bound: BoundRoute, scope: Scope, receive: Receive, send: Send, params: dict[str, str]
    ) -> None:
        """Read, authenticate, handle, and send; errors become problem documents."""
        headers = header_map(scope["headers"])
        reads, task = _given_up_with(scope, bound.route), asyncio.current_task()
        reads[task] = bound.route.reads or _waits(scope["query_string"])
        try:
            response = await self._response(bound, scope, receive, headers, params)
        finally:
            del reads[task]
        if not bound.route.hot or response.status >= 400:  # noqa: PLR2004 - client and server errors
            self._metrics.requests.labels(bound.route.path, response.status).inc()
        await send_response(send, response)

    async def _response(
        self,
        bound: BoundRoute,
        scope: Scope,
        receive: Receive,
        headers: dict[str, str],
        params: dict[str, str],
    ) -> Response:
        accept = headers.get("accept", "")
        try:
            request = await self._request(bound.route, scope, receive, headers, params)
            return await bound.handler(request)
        except Error as error:
            return problem_response(error, accept)
        except asyncio.CancelledError:  # nobody waits any more, or the process stops: the task ends
            return self._farewell(accept)
        except Exception:  # noqa: BLE001 - the last net: a bug is logged, never shown
            _log.exception("bug while answering %s", bound.route.path)
            return problem_response(Error("internal error; the log says more"), accept)

    def _farewell(self, accept: str) -> Response:
        """Return the answer of a process that stops: to all of them another moment to come back."""
        pause = timedelta(seconds=FIRST_RETURN + int(self._draw() * RETURNS))
        error = UnavailableError("this process is stopping", retry_after=pause)
        response = problem_response(error, accept)
        return replace(response, headers={**response.headers, "connection": "close"}, raw=None)

    async def _request(
        self,
        route: Route,
        scope: Scope,
        receive: Receive,
        headers: dict[str, str],
        params: dict[str, str],
    ) -> Request:
        link = link_of(scope)
        refuse_rebinding(headers, link.hosts)
        query = scope["query_string"].decode("latin-1")
        bare = scope["method"] in _BODYLESS
        body = b"" if bare else await read_body(receive, headers, _most(route, link))
        caller, refusal = self._connected(link), None
        if len(headers) != len(scope["headers"]) and not route.open:
            refuse_two_tokens(scope["headers"])
        secret = "" if route.open else self._secret(caller, headers, query)
        if secret:
            caller, refusal = await self._holder(route, secret)
        return Request(
            method=scope["method"],
            path=scope["path"],
            query=query,
            headers=headers,
            body=body,
            principal=caller,
            params=params,
            remote=_remote(scope),
            refusal=refusal,
        )

    def _connected(self, link: Link) -> Principal:
        domain = self._trust_domain() if link.certificate is not None else None
        return principal_of(link, domain, self._clock.now())

    def _secret(self, caller: Principal, headers: dict[str, str], query: str) -> str:
        """Return the token that counts, or '': the one that was sent, else the default one."""
        given = given_token(headers, query)
        if given or not isinstance(caller, Anonymous):
            return given
        return self._tokens.default

    async def _holder(self, route: Route, secret: str) -> tuple[Principal, DeniedError | None]:
        known = self._tokens.known(secret)
        if known is not None:
            return known, None
        try:
            return await self._tokens.asked(secret), None
        except DeniedError as error:
            if not route.late:
                raise
            return Anonymous(), DeniedError(f"{_UNRESOLVED}: {error}", hint=error.hint)


def _most(route: Route, link: Link) -> int:
    """Return how many bytes a body may have; who has shown no certificate sends no large ones."""
    return min(route.most, MAX_BODY) if link.certificate is None else route.most


def _remote(scope: Scope) -> str:
    client = scope.get("client")
    return f"{client[0]}:{client[1]}" if client else ""


def _given_up_with(scope: Scope, route: Route) -> dict[Any, bool]:
    """Return where a read puts its task, so that it ends with its client; a change is finished."""
    empty: dict[Any, bool] = {}
    reads = route.reads or scope["method"] in _READS
    found: dict[Any, bool] = scope.get("ca_core.reads", empty) if reads else empty
    return found


def _waits(query: bytes) -> bool:
    """Say whether a read may wait for a change: it names what its caller has."""
    return b"index=" in query or b"hash=" in query


class Lane:
    """The application that uvicorn calls.

    Args:
        hot: routes to answer here; a path has at most one variable part, its last.
        rest: the framework's application for everything else.
    """

    def __init__(self, hot: Iterable[BoundRoute], answering: Answering, rest: Application) -> None:
        self._answering = answering
        self._rest = rest
        self._exact: dict[tuple[str, str], BoundRoute] = {}
        self._prefixes: list[tuple[str, str, str, BoundRoute]] = []
        for bound in hot:
            self._add(bound)

    def _add(self, bound: BoundRoute) -> None:
        prefix, brace, name = bound.route.path.partition("{")
        if brace:
            self._prefixes.append((bound.route.method, prefix, name.rstrip("}"), bound))
        else:
            self._exact[bound.route.method, bound.route.path] = bound

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        found = self._find(method, scope["path"])
        if found is None:
            await self._rest(scope, receive, send)
            return
        bound, params = found
        await self._answering.answer(bound, scope, receive, send, params)

    def _find(self, method: str, path: str) -> tuple[BoundRoute, dict[str, str]] | None:
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact, {}
        for wanted, prefix, name, bound in self._prefixes:
            if method == wanted and path.startswith(prefix):
                return bound, {name: path[len(prefix) :]}
        return None


async def read_body(receive: Receive, headers: Mapping[str, str], most: int = MAX_BODY) -> bytes:
    """Return the whole request body.

    Raises:
        RequestError: more than ``most`` bytes, announced or sent, or the client went away.
    """
    announced = headers.get("content-length", "0")
    if announced.isdigit() and (len(announced) > 12 or int(announced) > most):  # noqa: PLR2004 - a terabyte
        raise RequestError(f"larger than {most} bytes", field="body")
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestError("the connection ended before the body did", field="body")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise RequestError(f"larger than {most} bytes", field="body")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def send_response(send: Send, response: Response) -> None:
    """Send an answer in one go."""
    headers = raw_headers(response)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
