"""The raw ASGI lane: hot routes answered without a framework, everything else handed to it.

Starlette costs 16 KB for a parked connection and half the throughput; the lane costs neither. Both
call ``Answering.answer``, so a handler cannot tell which way a request came.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ca_core.api.authentication import header_map, link_of, principal_of, refuse_rebinding
from ca_core.api.http import MAX_BODY, Request, Response
from ca_core.api.problems import problem_response
from ca_core.api.routes import Route
from ca_core.errors import Error, RequestError
from ca_core.identity.spiffe import TrustDomain
from ca_core.telemetry.metrics import Metrics

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]
Handler = Callable[[Request], Awaitable[Response]]

_BODYLESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})

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
    """

    def __init__(self, trust_domain: Callable[[], TrustDomain | None], metrics: Metrics) -> None:
        self._trust_domain = trust_domain
        self._metrics = metrics

    async def answer(
        self, bound: BoundRoute, scope: Scope, receive: Receive, send: Send, params: dict[str, str]
    ) -> None:
        """Read, authenticate, handle, and send; errors become problem documents."""
        headers = header_map(scope["headers"])
        response = await self._response(bound, scope, receive, headers, params)
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
        try:
            request = await self._request(scope, receive, headers, params)
            return await bound.handler(request)
        except Error as error:
            return problem_response(error, headers.get("accept", ""))
        except Exception:  # noqa: BLE001 - the last net: a bug is logged, never shown
            _log.exception("bug while answering %s", bound.route.path)
            return problem_response(Error("internal error; the log says more"), "json")

    async def _request(
        self, scope: Scope, receive: Receive, headers: dict[str, str], params: dict[str, str]
    ) -> Request:
        link = link_of(scope)
        refuse_rebinding(headers, link.hosts)
        body = b"" if scope["method"] in _BODYLESS else await read_body(receive, headers)
        return Request(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=body,
            principal=principal_of(link, self._trust_domain()),
            params=params,
        )


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
        found = self._find(scope["method"], scope["path"], scope["raw_path"])
        if found is None:
            await self._rest(scope, receive, send)
            return
        bound, params = found
        await self._answering.answer(bound, scope, receive, send, params)

    def _find(
        self, method: str, path: str, raw_path: bytes
    ) -> tuple[BoundRoute, dict[str, str]] | None:
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact, {}
        for wanted, prefix, name, bound in self._prefixes:
            if method == wanted and path.startswith(prefix):
                rest = raw_path.decode("latin-1").partition(prefix)[2]
                return bound, {name: unquote(rest)}
        return None


async def read_body(receive: Receive, headers: Mapping[str, str]) -> bytes:
    """Return the whole request body.

    Raises:
        RequestError: more than ``MAX_BODY`` bytes, announced or sent.
    """
    announced = headers.get("content-length", "0")
    if announced.isdigit() and int(announced[:12]) > MAX_BODY:
        raise RequestError(f"larger than {MAX_BODY} bytes", field="body")
    chunks, size = [], 0
    while True:
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY:
            raise RequestError(f"larger than {MAX_BODY} bytes", field="body")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def send_response(send: Send, response: Response) -> None:
    """Send an answer in one go."""
    headers = [
        (b"content-type", response.content_type.encode()),
        (b"content-length", str(len(response.body)).encode()),
    ]
    headers.extend(
        (name.encode(), value.encode("latin-1", "replace"))
        for name, value in response.headers.items()
    )
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
