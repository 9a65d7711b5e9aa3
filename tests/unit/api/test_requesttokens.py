"""Where a token stands in a request, and what becomes of one that is nobody's."""

import httpx
import pytest

from ca_core.acl.access import Action, AllowAll
from ca_core.acl.principal import Token
from ca_core.acl.tokens import ANONYMOUS_ACCESSOR
from ca_core.api.authentication import Link
from ca_core.api.framework import framework_app
from ca_core.api.http import json_response
from ca_core.api.lane import Answering, BoundRoute, Lane
from ca_core.api.requesttokens import NO_TOKENS, StoredTokens, given_token
from ca_core.api.rooms import require
from ca_core.api.route import Room, Route
from ca_core.clock import SystemClock
from ca_core.errors import DeniedError, RequestError
from ca_core.telemetry.metrics import Metrics
from ca_core.testing.clock import FakeClock
from tests.unit.acl.stored import token_row, view_of

GOOD = "secret of ab"
TOKENS = StoredTokens(lambda: view_of(token_row("ab")), FakeClock())
TCP, UNIX = Link(hosts=frozenset({"localhost"})), Link(peer=(7, 7, 7))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, ""),
        ({"x-consul-token": "a"}, "a"),
        ({"x-consul-token": "a", "authorization": "Bearer b"}, "a"),
        ({"x-consul-token": "", "authorization": "Bearer b"}, "b"),
        ({"authorization": "Bearer b"}, "b"),
        ({"authorization": "bEARER b"}, "b"),
        ({"authorization": "Bearer"}, ""),
        ({"authorization": "Bearer  b "}, "b"),
        ({"authorization": "Basic YTpi"}, ""),
        ({"authorization": "b"}, ""),
    ],
)
def test_the_header_of_consul_goes_before_bearer(headers, expected):
    """An empty one counts as none; another scheme is not ours."""
    assert given_token(headers, "index=1&wait=1s") == expected


@pytest.mark.parametrize("query", ["token=x", "a=1&token=", "%74oken=x", "token"])
def test_a_token_in_the_url_is_refused_in_words_that_help(query):
    """URLs are logged on the way; it says where to put the token, and shows it to nobody."""
    with pytest.raises(RequestError, match="X-Consul-Token") as caught:
        given_token({"x-consul-token": "a"}, query)
    assert not isinstance(caught.value, DeniedError)


@pytest.mark.parametrize("query", ["tokens=x", "a=token", "mytoken=1", "%61=1"])
def test_other_parameters_are_no_tokens(query):
    """A name that merely looks like it is let through."""
    assert given_token({}, query) == ""


async def seen(request):
    """Tell who calls."""
    return json_response(str(request.principal))


async def asking(request):
    """Ask for a right, once the request itself was looked at."""
    if request.query == "bad":
        raise RequestError("bad")
    require(AllowAll(), request, Action.SERVICE_WRITE, "web")
    return json_response("may")


ROUTES = (
    Route(method="GET", path="/plain", room=Room.PROCESS, handler=seen, hot=True),
    Route(method="GET", path="/slow", room=Room.PROCESS, handler=seen),
    Route(method="GET", path="/open", room=Room.PROCESS, handler=seen, open=True),
    Route(method="GET", path="/late", room=Room.PROCESS, handler=asking, late=True),
)


async def get(path, *, link=TCP, tokens=TOKENS, pairs=(), **headers):
    """Ask over both ways in, which must agree."""
    sent = [*((k.replace("_", "-"), v) for k, v in headers.items()), *pairs]
    bound = [BoundRoute(route, route.handler) for route in ROUTES]
    answering = Answering(lambda: None, Metrics(), SystemClock(), tokens)
    app = Lane(bound, answering, framework_app(bound, answering))

    async def linked(scope, receive, send):
        await app({**scope, "ca_core.link": link}, receive, send)

    transport = httpx.ASGITransport(app=linked)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get(path, headers=sent)


@pytest.mark.parametrize("path", ["/plain", "/slow"])
@pytest.mark.parametrize("link", [TCP, UNIX])
async def test_a_token_makes_its_holder_the_caller(path, link):
    """Whatever the connection says besides."""
    answer = await get(path, link=link, x_consul_token=GOOD)
    assert "Token(accessor='ab')" in answer.text
    answer = await get(path, link=link, authorization=f"Bearer {GOOD}")
    assert "Token(accessor='ab')" in answer.text


@pytest.mark.parametrize("path", ["/plain", "/slow", "/late"])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("X-Consul-Token", (GOOD, "another secret")),
        ("X-Consul-Token", ("another secret", GOOD)),
        ("X-Consul-Token", (GOOD, "")),
        ("Authorization", (f"Bearer {GOOD}", "Bearer another secret")),
    ],
)
async def test_two_tokens_in_one_request_are_refused(path, name, values):
    """Neither may win: it names the header, and shows no secret."""
    answer = await get(path, pairs=[(name, value) for value in values])
    assert answer.status_code == 400
    assert name in answer.text
    assert "secret" not in answer.text


async def test_the_same_token_twice_is_one():
    """A proxy that repeats a header changes nothing; neither do other headers that repeat."""
    for pairs in (
        [("X-Consul-Token", GOOD)] * 2,
        [("x-consul-token", GOOD), ("a", "1"), ("a", "2")],
    ):
        assert "Token(accessor='ab')" in (await get("/plain", pairs=pairs)).text


async def test_an_open_route_minds_no_two_tokens():
    """It looks at none."""
    pairs = [("X-Consul-Token", GOOD), ("X-Consul-Token", "another secret")]
    assert (await get("/open", pairs=pairs)).status_code == 200


async def test_the_anonymous_tokens_secret_is_known_to_everybody():
    """As in Consul; it gives what no token gives."""
    assert ANONYMOUS_ACCESSOR in (await get("/plain", x_consul_token="anonymous")).text


@pytest.mark.parametrize("path", ["/plain", "/slow"])
@pytest.mark.parametrize("tokens", [TOKENS, NO_TOKENS])
async def test_an_unknown_token_is_refused_everywhere(path, tokens):
    """Also where no right would be needed: whoever sends it is mistaken."""
    answer = await get(path, tokens=tokens, x_consul_token="secret of nobody")
    assert (answer.status_code, answer.text.split(" (")[0]) == (403, "ACL not found")
    assert "nobody" not in answer.text


async def test_open_routes_look_at_no_token():
    """What everybody may is answered to whoever sends whatever."""
    assert (await get("/open", x_consul_token="secret of nobody")).status_code == 200
    assert (await get("/open?token=x")).status_code == 200
    assert (await get("/plain?token=x")).status_code == 400


async def test_a_late_route_says_first_what_is_wrong_with_the_request():
    """Then that the token is nobody's, in Consul's words; then which right is missing."""
    unknown = {"x_consul_token": "secret of nobody"}
    assert (await get("/late?bad", **unknown)).status_code == 400
    answer = await get("/late", **unknown)
    assert answer.status_code == 403
    assert answer.text.startswith("Could not resolve token to authorizer: ACL not found")
    assert (await get("/late", x_consul_token=GOOD)).status_code == 200


async def test_a_default_token_stands_in_where_nothing_names_the_caller():
    """A user whom the kernel names stays one; a token that was sent goes before it."""
    tokens = StoredTokens(TOKENS.view, TOKENS.clock, default=GOOD)
    assert "Token(accessor='ab')" in (await get("/plain", tokens=tokens)).text
    assert "Peer(" in (await get("/plain", tokens=tokens, link=UNIX)).text
    named = await get("/plain", tokens=tokens, x_consul_token="anonymous")
    assert ANONYMOUS_ACCESSOR in named.text


async def test_an_expired_token_is_as_unknown_as_one_that_never_was():
    """Same status, same words."""
    clock = FakeClock()
    tokens = StoredTokens(lambda: view_of(token_row("ab", expires=clock.now())), clock)
    assert tokens.known(GOOD) is None
    with pytest.raises(DeniedError, match="ACL not found"):
        await tokens.asked(GOOD)
    assert await TOKENS.asked(GOOD) == Token("ab")
