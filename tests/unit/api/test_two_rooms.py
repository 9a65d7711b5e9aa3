"""One process with two rooms: of two routes with one method and path the later one counts."""

import httpx
import pytest

from ca_core.acl.access import AllowAll
from ca_core.api.app import process_app
from ca_core.api.authentication import Link
from ca_core.api.http import text_response
from ca_core.api.lane import BoundRoute
from ca_core.api.rooms import ProcessRoom
from ca_core.api.routes import AGENT_ROUTES, SERVER_ROUTES, Room, Route
from ca_core.clock import SystemClock
from ca_core.telemetry.metrics import Metrics


def bound(room, path, *, hot):
    """Return a route that says whose it is."""

    async def handler(_request):
        return text_response(room)

    route = Route(method="GET", path=path, room=Room(room), handler=handler, hot=hot)
    return BoundRoute(route, handler)


@pytest.mark.parametrize("path", ["/exact", "/named/{name}"])
@pytest.mark.parametrize("first_is_hot", [True, False])
@pytest.mark.parametrize("second_is_hot", [True, False])
async def test_the_later_route_answers_whichever_way_it_is_served(
    path, first_is_hot, second_is_hot
):
    """``dev`` lists the agent's routes after the server's: there the agent answers."""
    about = ProcessRoom(metrics=Metrics(), may=AllowAll(), why_not_ready=str)
    routes = (bound("server", path, hot=first_is_hot), bound("agent", path, hot=second_is_hot))
    app = process_app(routes, about, lambda: None, SystemClock())

    async def linked(scope, receive, send):
        await app({**scope, "ca_core.link": Link(peer=(7, 7, 7))}, receive, send)

    transport = httpx.ASGITransport(app=linked)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get(path.replace("{name}", "web"))).text == "agent"
        (operation,) = (await client.get("/v1/openapi.json")).json()["paths"][path].values()
    assert operation["tags"] == ["agent"]


def test_what_both_serve_is_served_alike():
    """Handler, parameters and bodies are the same; only the room is another one."""
    of_servers = {(one.method, one.path): one for one in SERVER_ROUTES}
    both = [one for one in AGENT_ROUTES if (one.method, one.path) in of_servers]
    assert "/v1/health/service/{service}" in {one.path for one in both}
    for one in both:
        other = of_servers[one.method, one.path]
        assert (one.handler, one.hot, one.open) == (other.handler, other.hot, other.open)
        assert (one.parameters, one.answers) == (other.parameters, other.answers)
