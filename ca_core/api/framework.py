"""The Starlette application: every route that is not hot, 404 and 405, OPTIONS."""

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse
from starlette.responses import Response as StarletteResponse
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from ca_core.api.lane import Answering, BoundRoute

NOT_FOUND = (
    "no such endpoint here; what Consul has and this does not is listed in docs/consul.md, what"
    " exists in /v1/openapi.json"
)


def framework_app(routes: Iterable[BoundRoute], answering: Answering) -> ASGIApp:
    """Return the application for ``routes``; unknown paths name the page that lists them."""
    listed = [_starlette_route(bound, answering) for bound in routes]
    app = Starlette(routes=listed, exception_handlers={404: _not_found, 405: _wrong_method})
    app.router.redirect_slashes = False  # a redirect would repeat the caller's Host header
    return app


class _Endpoint:
    """A handler behind Starlette's routing, called as a plain ASGI application."""

    def __init__(self, bound: BoundRoute, answering: Answering) -> None:
        self._bound = bound
        self._answering = answering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            allow = f"OPTIONS,{self._bound.route.method}"
            await StarletteResponse(headers={"allow": allow})(scope, receive, send)
            return
        params = {name: str(value) for name, value in scope["path_params"].items()}
        await self._answering.answer(self._bound, scope, receive, send, params)


def _starlette_route(bound: BoundRoute, answering: Answering) -> StarletteRoute:
    methods = [bound.route.method, "OPTIONS"]
    return StarletteRoute(bound.route.path, _Endpoint(bound, answering), methods=methods)


async def _not_found(_request: StarletteRequest, _error: Exception) -> StarletteResponse:
    return PlainTextResponse(NOT_FOUND, 404)


async def _wrong_method(request: StarletteRequest, error: Exception) -> StarletteResponse:
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return PlainTextResponse(f"method {request.method} not allowed", 405, headers=headers)
