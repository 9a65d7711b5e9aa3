"""The Starlette application: every route that is not hot, 404 and 405, OPTIONS."""

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse
from starlette.responses import Response as StarletteResponse
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from ca_core.api.elsewhere import Elsewhere
from ca_core.api.lane import Answering, BoundRoute
from ca_core.api.rooms import SomeServer, server_somewhere
from ca_core.api.route import Route

NOT_FOUND = (
    "no such endpoint here; what Consul has and this does not is listed in docs/consul.md, what"
    " exists in /v1/openapi.json"
)


def framework_app(
    routes: Iterable[BoundRoute],
    answering: Answering,
    elsewhere: Iterable[Route] = (),
    server: SomeServer = server_somewhere,
) -> ASGIApp:
    """Return the application for ``routes``; unknown paths name the page that lists them.

    Paths of ``elsewhere`` alone are answered with where they are served: for one, at ``server``.
    """
    by_path: dict[str, dict[str, BoundRoute]] = {}
    for bound in routes:
        by_path.setdefault(bound.route.path, {})[bound.route.method] = bound
    listed = [_starlette_route(path, by_method, answering) for path, by_method in by_path.items()]
    others = {route.path: route for route in elsewhere if route.path not in by_path}
    listed += [StarletteRoute(path, Elsewhere(route, server)) for path, route in others.items()]
    app = Starlette(routes=listed, exception_handlers={404: _not_found, 405: _wrong_method})
    app.router.redirect_slashes = False  # a redirect would repeat the caller's Host header
    return app


class _Endpoint:
    """The handlers of one path behind Starlette's routing, called as a plain ASGI application."""

    def __init__(self, by_method: dict[str, BoundRoute], answering: Answering) -> None:
        self._by_method = by_method
        self._answering = answering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            allow = ",".join(["OPTIONS", *self._by_method])
            await StarletteResponse(headers={"allow": allow})(scope, receive, send)
            return
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        params = {name: str(value) for name, value in scope["path_params"].items()}
        await self._answering.answer(self._by_method[method], scope, receive, send, params)


def _starlette_route(
    path: str, by_method: dict[str, BoundRoute], answering: Answering
) -> StarletteRoute:
    methods = [*by_method, "OPTIONS"]
    return StarletteRoute(path, _Endpoint(by_method, answering), methods=methods)


async def _not_found(_request: StarletteRequest, _error: Exception) -> StarletteResponse:
    return PlainTextResponse(NOT_FOUND, 404)


async def _wrong_method(request: StarletteRequest, error: Exception) -> StarletteResponse:
    headers = error.headers or {} if isinstance(error, HTTPException) else {}
    allowed = ", ".join(sorted(headers.get("Allow", "").split(", ")))
    said = f"method {request.method} not allowed; allowed here: {allowed}"
    return PlainTextResponse(said, 405, headers={"allow": allowed})
