"""The lane and the framework: two ways in, one answer."""

import asyncio
import dataclasses
import logging
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.acl.principal import Node, Peer
from ca_core.api.authentication import Link
from ca_core.api.framework import framework_app
from ca_core.api.http import MAX_BODY, json_response
from ca_core.api.lane import Answering, BoundRoute, Lane, read_body
from ca_core.api.routes import Room, Route
from ca_core.clock import SystemClock
from ca_core.errors import NotFoundError, RequestError, UnavailableError
from ca_core.identity.spiffe import AgentId, TrustDomain
from ca_core.telemetry.metrics import Metrics

SECRET = "hvs.CAESIJlUeW91IGZvdW5kIG1lIG91dA"


async def echo(request):
    """Answer with what the handler saw."""
    return json_response(
        {
            "method": request.method,
            "params": dict(request.params),
            "arguments": request.arguments(),
            "principal": str(request.principal),
        },
        headers={"x-consul-index": "7"},
    )


async def missing(_request):
    """Refuse."""
    raise NotFoundError("nothing of that name", field="name")


async def later(_request):
    """Put off."""
    raise UnavailableError("later")


async def broken(_request):
    """Have a bug, with a secret in it."""
    raise ZeroDivisionError(SECRET)


HANDLERS = {"/exact": echo, "/leaf/{name}": echo, "/no": missing, "/503": later, "/bug": broken}


def application(metrics=None, *, hot):
    """Return the application with every route on the lane, or none of them."""
    routes = [
        BoundRoute(
            Route(method="GET", path=path, room=Room.PROCESS, handler=handler, hot=hot), handler
        )
        for path, handler in HANDLERS.items()
    ]
    answering = Answering(lambda: None, metrics or Metrics(), SystemClock())
    return Lane(routes if hot else (), answering, framework_app(routes, answering))


def linked(app):
    """Put what our protocol class knows into the scope, as a unix socket's peer."""

    async def inner(scope, receive, send):
        await app({**scope, "ca_core.link": Link(peer=(7, 7, 7))}, receive, send)

    return inner


async def ask(method, target, *, hot, metrics=None, **headers):
    """Ask one of the two ways in."""
    transport = httpx.ASGITransport(app=linked(application(metrics, hot=hot)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(method, target, headers=headers)


def seen(answer):
    """Return what a client can see of an answer."""
    return answer.status_code, dict(answer.headers), answer.content


@pytest.mark.parametrize(
    "target",
    [
        *("/exact", "/exact?a=1&b", "/leaf/web", "/leaf/web?x=%2F", "/leaf/w%65b", "/leaf/%C3%A9"),
        *("/no", "/503", "/bug", "/nope", "/exact/", "/leaf", "/exact?" + "a=1&" * 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
@pytest.mark.parametrize("accept", ["*/*", "application/json"])
async def test_lane_and_framework_give_the_same_answer(method, target, accept):
    """Status, headers and body: a client cannot tell which way its request went."""
    lane = await ask(method, target, hot=True, accept=accept)
    framework = await ask(method, target, hot=False, accept=accept)
    assert seen(lane) == seen(framework)


@pytest.mark.parametrize("hot", [True, False])
@pytest.mark.parametrize("target", ["/exact", "/leaf/web"])
async def test_a_wrong_method_is_told_the_right_ones(target, hot):
    """In ``Allow`` (RFC 9110 §15.5.6), and for people."""
    answer = await ask("DELETE", target, hot=hot)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert answer.text == "method DELETE not allowed; allowed here: GET, HEAD, OPTIONS"


@given(st.text("abcXYZ019._-~ %é", min_size=1, max_size=12).filter(lambda t: t not in {".", ".."}))
def test_lane_and_framework_read_the_same_name(name):
    """The variable part of a path is decoded once, the same way."""

    async def both():
        return [await ask("GET", f"/leaf/{quote(name, safe='')}", hot=hot) for hot in (True, False)]

    lane, framework = asyncio.run(both())
    assert lane.json()["params"] == framework.json()["params"] == {"name": name}


async def test_a_handler_learns_who_calls():
    """The principal is made from the connection, whichever way the request came."""
    for hot in (True, False):
        answer = await ask("GET", "/exact", hot=hot)
        assert answer.json()["principal"] == str(Peer(uid=7, gid=7, pid=7))


@pytest.mark.parametrize("hot", [True, False])
async def test_a_bug_is_logged_and_not_shown(hot, caplog):
    """500 says nothing of the exception; the log has it."""
    with caplog.at_level(logging.ERROR, "ca_core.api"):
        answer = await ask("GET", "/bug", hot=hot)
    assert answer.status_code == 500
    assert SECRET not in answer.text
    assert "ZeroDivisionError" not in answer.text
    assert "bug while answering /bug" in caplog.text


@pytest.mark.parametrize("hot", [True, False])
async def test_labels_are_route_names_whatever_is_asked(hot):
    """A thousand service names, and a thousand paths that do not exist, make no new series."""
    metrics = Metrics()
    for number in range(30):
        await ask("GET", f"/leaf/web{number}", hot=hot, metrics=metrics)
        await ask("GET", f"/nope/{number}", hot=hot, metrics=metrics)
        await ask("GET", "/no", hot=hot, metrics=metrics)
    labels = {
        sample.labels["route"] for family in metrics.requests.collect() for sample in family.samples
    }
    assert "/no" in labels
    assert labels <= set(HANDLERS)


def receiving(*messages):
    """Return an ASGI ``receive`` of these messages."""
    waiting = iter(messages)

    async def receive():
        return next(waiting)

    return receive


def part(body, *, more):
    """Return one piece of a body."""
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_is_read_to_its_end():
    """Pieces are joined in order."""
    receive = receiving(part(b"a", more=True), part(b"b", more=True), part(b"", more=False))
    assert await read_body(receive, {}) == b"ab"


async def test_a_body_that_is_cut_off_is_not_taken_for_a_whole_one():
    """A client that goes away in the middle has sent nothing that counts."""
    receive = receiving(part(b'{"a":1}', more=True), {"type": "http.disconnect"})
    with pytest.raises(RequestError, match="ended before"):
        await read_body(receive, {})


@pytest.mark.parametrize("length", [MAX_BODY + 1, 10**12, 10**30])
async def test_an_announced_giant_is_refused_unread(length):
    """Not a byte is waited for."""
    with pytest.raises(RequestError, match=str(MAX_BODY)):
        await read_body(receiving(), {"content-length": str(length)})


async def test_the_limit_itself_passes_and_one_more_does_not():
    """The limit is what it says, announced or not."""
    exactly = part(b"x" * MAX_BODY, more=False)
    assert len(await read_body(receiving(exactly), {"content-length": str(MAX_BODY)})) == MAX_BODY
    with pytest.raises(RequestError):
        await read_body(receiving(part(b"x" * MAX_BODY, more=True), part(b"y", more=False)), {})


@pytest.mark.parametrize(("certificate", "status"), [(None, 400), (b"der", 200)])
async def test_only_who_shows_a_certificate_sends_a_large_body(monkeypatch, certificate, status):
    """It is read before it is known who calls: strangers fill no memory."""
    agent = AgentId(trust_domain=TrustDomain("a"), datacenter="d", node="n")
    node = Node(identity=agent, key_digest="")
    monkeypatch.setattr("ca_core.api.lane.principal_of", lambda *_: node)
    route = Route(method="PUT", path="/x", room=Room.PROCESS, handler=echo, most=3 * MAX_BODY)
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"method": "PUT", "path": "/x", "query_string": b"", "headers": []}
    scope |= {"ca_core.link": Link(certificate=certificate)}
    body = receiving(*(part(b"x" * MAX_BODY, more=more) for more in (True, False)))
    answering = Answering(lambda: None, Metrics(), SystemClock())
    await answering.answer(BoundRoute(route, echo), scope, body, send, {})
    assert sent[0]["status"] == status


async def test_a_read_is_known_to_its_connection_while_it_runs():
    """Reads are registered, with whether they may park, to end with their client; changes not."""
    reads, during = {}, []

    async def handler(_request):
        during.append(list(reads.values()))
        return json_response({})

    route = Route(method="GET", path="/x", room=Room.PROCESS, handler=handler)
    answering = Answering(lambda: None, Metrics(), SystemClock())
    sent = []

    async def send(message):
        sent.append(message)

    for method, query in (
        ("GET", b""),
        ("GET", b"wait=1s&index=7"),
        ("GET", b"hash=a"),
        ("POST", b""),
    ):
        scope = {"method": method, "path": "/x", "query_string": query, "headers": []}
        scope |= {"ca_core.link": Link(), "ca_core.reads": reads}
        bound = BoundRoute(dataclasses.replace(route, method=method), handler)
        await answering.answer(bound, scope, receiving(part(b"", more=False)), send, {})
    assert (during, reads) == ([[False], [True], [True], []], {})
    assert [message["type"] for message in sent] == [
        "http.response.start",
        "http.response.body",
    ] * 4


async def test_those_whose_query_a_stop_ends_come_back_at_moments_of_their_own():
    """503, a whole number of seconds from 1 to 5 that is drawn, and no further request here."""

    async def handler(_request):
        raise asyncio.CancelledError

    draws = [0.0, 0.5, 0.99]
    answering = Answering(lambda: None, Metrics(), SystemClock(), draw=lambda: draws.pop(0))
    route = Route(method="GET", path="/x", room=Room.PROCESS, handler=handler)
    told = []

    async def send(message):
        told.extend([dict(message["headers"])] if "headers" in message else [])

    for _ in range(3):
        scope = {"method": "GET", "path": "/x", "query_string": b"", "headers": []}
        scope |= {"ca_core.link": Link()}
        nothing = receiving(part(b"", more=False))
        await answering.answer(BoundRoute(route, handler), scope, nothing, send, {})
    assert [headers[b"retry-after"] for headers in told] == [b"1", b"3", b"5"]
    assert all(headers[b"connection"] == b"close" for headers in told)
