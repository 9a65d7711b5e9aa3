"""What the other kind of process serves: whoever asks for it here is told where it is.

Clients of Consul are used to an agent that passes everything on to a server; this one does not.
"""

from starlette.types import Receive, Scope, Send

from ca_core.api.authentication import header_map
from ca_core.api.lane import send_response
from ca_core.api.problems import problem_response
from ca_core.api.rooms import SomeServer, server_somewhere
from ca_core.api.route import Room, Route
from ca_core.errors import NotFoundError

_SAID = {
    Room.SERVER: "a server answers this, and this is an agent, which passes nothing on",
    Room.AGENT: "an agent answers this, and this is a server",
}
_AGENT = "ask the agent on the host of the service: 127.0.0.1:8500, or its unix socket"


class Elsewhere:
    """Answers 404 for one route of the other kind of process, with every method. An ASGI app.

    ``server`` gives the URL that is named where servers answer.
    """

    def __init__(self, route: Route, server: SomeServer = server_somewhere) -> None:
        self._route = route
        self._server = server

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        accept = header_map(scope["headers"]).get("accept", "")
        await send_response(send, problem_response(self._error(), accept))

    def _error(self) -> NotFoundError:
        said = f"{self._route.path}: {_SAID[self._route.room]}"
        return NotFoundError(said, hint=self._next_step())

    def _next_step(self) -> str:
        if self._route.room is Room.AGENT:
            return _AGENT
        return (
            f"ask a server, with --http-addr {self._server()} and CA_CORE_CACERT=roots.pem"
            " (`ca-core ca roots --pem > roots.pem` asks this agent); or on its own machine, over"
            " its unix socket"
        )
