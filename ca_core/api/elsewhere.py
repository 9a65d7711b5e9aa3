"""What the other kind of process serves: whoever asks for it here is told where it is.

Clients of Consul are used to an agent that passes everything on to a server; this one does not.
"""

from starlette.types import Receive, Scope, Send

from ca_core.api.authentication import header_map
from ca_core.api.lane import send_response
from ca_core.api.problems import problem_response
from ca_core.api.route import Room, Route
from ca_core.errors import NotFoundError

_WHERE = {
    Room.SERVER: (
        "a server answers this, and this is an agent, which passes nothing on",
        "ask a server: over TLS on its port 8501, or over its unix socket on its own machine",
    ),
    Room.AGENT: (
        "an agent answers this, and this is a server",
        "ask the agent on the host of the service: 127.0.0.1:8500, or its unix socket",
    ),
}


class Elsewhere:
    """Answers 404 for one route of the other kind of process, with every method. An ASGI app."""

    def __init__(self, route: Route) -> None:
        said, hint = _WHERE[route.room]
        self._error = NotFoundError(f"{route.path}: {said}", hint=hint)

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        accept = header_map(scope["headers"]).get("accept", "")
        await send_response(send, problem_response(self._error, accept))
