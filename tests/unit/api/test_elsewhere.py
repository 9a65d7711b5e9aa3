"""What a client finds that asks an agent for what servers serve, and the reverse."""

import httpx
import pytest

from ca_core.acl.access import AllowAll
from ca_core.api.app import process_app
from ca_core.api.authentication import Link
from ca_core.api.http import text_response
from ca_core.api.lane import BoundRoute
from ca_core.api.rooms import ProcessRoom
from ca_core.api.routes import AGENT_ROUTES, SERVER_ROUTES
from ca_core.clock import SystemClock
from ca_core.telemetry.metrics import Metrics


async def here(_request):
    """Answer."""
    return text_response("here")


async def ask(routes, method, path, *, knowing=None, **headers):
    """Ask a process that serves ``routes``, and may know more of itself."""
    about = ProcessRoom(metrics=Metrics(), may=AllowAll(), why_not_ready=str, **(knowing or {}))
    bound = [BoundRoute(route, here) for route in routes]
    app = process_app(bound, about, lambda: None, SystemClock())

    async def linked(scope, receive, send):
        await app({**scope, "ca_core.link": Link(peer=(7, 7, 7))}, receive, send)

    transport = httpx.ASGITransport(app=linked)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(method, path, headers=headers)


def asked(route):
    """Return a path of a route."""
    return route.path.replace("{", "").replace("}", "")


def only(routes, others):
    """Return the routes whose paths the others do not have."""
    taken = {route.path for route in others}
    return [route for route in routes if route.path not in taken]


async def test_an_agent_says_that_servers_answer_that():
    """Every route of servers alone, with its own method and another one: 404, and where to ask."""
    for route in only(SERVER_ROUTES, AGENT_ROUTES):
        for method in (route.method, "PATCH"):
            answer = await ask(AGENT_ROUTES, method, asked(route))
            assert answer.status_code == 404, route.path
            assert "ask a server, with --http-addr https://HOST:8501" in answer.text, route.path


async def test_a_server_says_that_agents_answer_that():
    """The reverse."""
    for route in only(AGENT_ROUTES, SERVER_ROUTES):
        answer = await ask(SERVER_ROUTES, route.method, asked(route))
        assert answer.status_code == 404, route.path
        assert "ask the agent on the host of the service" in answer.text, route.path


@pytest.mark.parametrize("accept", ["application/json", "*/*"])
async def test_what_is_served_in_one_process_is_not_elsewhere(accept):
    """A process that is both answers everything; what is nowhere is told as before."""
    both = (*SERVER_ROUTES, *AGENT_ROUTES)
    for route in both:
        assert (await ask(both, route.method, asked(route), accept=accept)).text == "here"
    answer = await ask(both, "GET", "/v1/kv/a", accept=accept)
    assert answer.status_code == 404
    assert "docs/consul.md" in answer.text


async def test_programs_get_the_hint_as_a_field():
    """As with every other error."""
    answer = await ask(AGENT_ROUTES, "GET", "/v1/acl/tokens", accept="application/json")
    assert answer.json()["status"] == 404
    assert "8501" in answer.json()["hint"]
    assert "/v1/acl/tokens" in answer.json()["detail"]


async def test_an_agent_names_the_server_that_it_asks_now():
    """What it says can be typed: the address, and what the server is verified with."""
    urls = ["https://ca-1:8501", "https://ca-2:8501"]
    for url in tuple(urls):
        knowing = {"server": lambda: urls[0]}
        answer = await ask(AGENT_ROUTES, "GET", "/v1/acl/tokens", knowing=knowing)
        assert f"--http-addr {url} and CA_CORE_CACERT=roots.pem" in answer.text
        urls.pop(0)
