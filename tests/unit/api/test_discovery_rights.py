"""Discovery and rights: what a caller may not see leaves no trace, whoever has asked before."""

import asyncio
from datetime import timedelta

import pytest

from ca_core.acl.principal import Anonymous, Token
from ca_core.api import catalog_handlers, health_handlers
from ca_core.catalog.views import ViewKind
from ca_core.errors import DeniedError
from tests.unit.agent.fakes import settle
from tests.unit.api.discovering import Room, check_of, instance, node_of, on_node, proxy

FILTERED = "x-consul-results-filtered-by-acls"
READER, STRANGER, NEIGHBOUR = Token("reader"), Token("stranger"), Token("neighbour")
STRICT = (health_handlers.connect, catalog_handlers.connect)
LENIENT = (health_handlers.service, health_handlers.checks, catalog_handlers.service)
ON_NODES = (health_handlers.node, catalog_handlers.node)


@pytest.fixture
def room():
    """Return a room with ``web`` on ``n1`` and ``n2``; one token sees all, one only ``n1``."""
    made = Room()
    web, away = instance(), instance(node="n2")
    made.views.put(ViewKind.SERVICE, "web", (web, away))
    made.views.put(ViewKind.CONNECT, "web", (proxy(), proxy(node="n2")))
    made.views.put(ViewKind.SERVICES, "", {"db": (), "web": ("v1",)})
    made.views.put(ViewKind.NODES, "", (node_of("n1"), node_of("n2")))
    made.views.put(ViewKind.NODE, "n1", on_node("n1", web, instance("db")))
    made.views.put(ViewKind.CHECKS, "", (check_of(), check_of("web"), check_of("db", node="n2")))
    made.gives("reader", 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }')
    made.gives(
        "neighbour", 'service_prefix "web" { policy = "read" } node "n1" { policy = "read" }'
    )
    made.gives("stranger", 'service "db" { policy = "read" } node "n9" { policy = "read" }')
    return made


def seen_of(answer):
    """Return everything of an answer that a client can tell apart."""
    return answer.status, dict(answer.headers), answer.body


@pytest.mark.parametrize("handler", STRICT)
async def test_the_mesh_of_a_service_is_refused_without_the_right_to_read_it(room, handler):
    """403 in Consul's words, warm or cold, and nobody looks."""
    await room.ask(handler, who=READER, service="web")
    room.views.looked_at.clear()
    with pytest.raises(DeniedError, match="lacks permission 'service:read' on \"web\""):
        await room.ask(handler, who=STRANGER, service="web")
    assert room.views.looked_at == []


@pytest.mark.parametrize("handler", LENIENT)
async def test_a_service_that_one_may_not_read_looks_like_none(room, handler):
    """Status, headers and body are those of a name that nobody has registered."""
    await room.ask(handler, who=READER, service="web")
    room.views.looked_at.clear()
    hidden = await room.ask(handler, who=STRANGER, service="web")
    absent = await room.ask(handler, who=STRANGER, service="absent")
    assert seen_of(hidden) == seen_of(absent)
    assert (hidden.body, hidden.headers[FILTERED]) == (b"[]", "true")
    assert room.views.looked_at == []


@pytest.mark.parametrize("handler", ON_NODES)
async def test_a_node_that_one_may_not_read_looks_like_none(room, handler):
    """As with services."""
    await room.ask(handler, who=READER, node="n1")
    room.views.looked_at.clear()
    hidden = await room.ask(handler, who=STRANGER, node="n1")
    assert seen_of(hidden) == seen_of(await room.ask(handler, who=STRANGER, node="absent"))
    assert room.views.looked_at == []


async def test_whoever_may_see_nothing_cannot_make_the_agent_remember_anything(room):
    """Names that a stranger invents are not looked up: they would fill the cache."""
    for number in range(20):
        await room.ask(health_handlers.service, who=STRANGER, service=f"web{number}")
    assert room.views.looked_at == []
    assert len(room.kept) == 0


async def test_a_blocking_read_of_what_one_may_not_see_waits_as_of_what_is_not_there(room):
    """It neither spins nor wakes when the service changes."""
    reading = asyncio.ensure_future(
        room.ask(health_handlers.service, "index=1&wait=10s", STRANGER, service="web")
    )
    await settle()
    room.views.put(ViewKind.SERVICE, "web", (), index=8)
    await settle()
    assert not reading.done()
    room.clock.advance(timedelta(seconds=11))
    await settle()
    assert (await reading).body == b"[]"


@pytest.mark.parametrize(
    ("handler", "query"), [(health_handlers.service, "passing"), (catalog_handlers.service, "")]
)
async def test_rows_on_nodes_that_one_may_not_read_are_missing(room, handler, query):
    """And the header says so, whatever was answered before to others."""
    everything = await room.ask(handler, query, READER, service="web")
    part = await room.ask(handler, query, NEIGHBOUR, service="web")
    assert FILTERED not in everything.headers
    assert part.headers[FILTERED] == "true"
    assert b'"n2"' in everything.body
    assert b'"n2"' not in part.body
    assert b'"n1"' in part.body


async def test_lists_are_cut_to_what_the_caller_may_see(room):
    """Services by their names, nodes by theirs, checks by both."""
    for handler, whole, part in (
        (catalog_handlers.services, {"db": [], "web": ["v1"]}, {"web": ["v1"]}),
    ):
        assert await room.read(handler, who=READER) == whole
        assert await room.read(handler, who=NEIGHBOUR) == part
    assert len(await room.read(catalog_handlers.nodes, who=READER)) == 2
    assert [one["Node"] for one in await room.read(catalog_handlers.nodes, who=NEIGHBOUR)] == ["n1"]
    found = await room.read(health_handlers.state, who=NEIGHBOUR, state="any")
    assert [one["CheckID"] for one in found] == ["serfHealth", "service:web"]


async def test_a_node_is_shown_with_what_the_caller_may_see_of_it(room):
    """Other services on it are missing, and their checks."""
    found = await room.read(catalog_handlers.node, who=NEIGHBOUR, node="n1")
    assert set(found["Services"]) == {"web"}
    found = await room.read(health_handlers.node, who=NEIGHBOUR, node="n1")
    assert [one["CheckID"] for one in found] == ["serfHealth", "service:web"]


@pytest.mark.parametrize("handler", LENIENT)
async def test_whoever_has_no_token_is_never_told_that_something_was_hidden(room, handler):
    """They send none: that rows are missing is no news to them."""
    answer = await room.ask(handler, who=Anonymous(loopback=True), service="web")
    assert answer.body == b"[]"
    assert FILTERED not in answer.headers


async def test_a_right_that_goes_takes_the_rows_with_it_at_once(room):
    """What was encoded for somebody with more rights is not given out again."""
    assert await room.read(health_handlers.service, who=READER, service="web")
    room.gives("reader", 'service "web" { policy = "read" } node "n2" { policy = "read" }')
    (row,) = await room.read(health_handlers.service, who=READER, service="web")
    assert row["Node"]["Node"] == "n2"
    room.gives("reader", 'service "db" { policy = "read" }')
    assert await room.read(health_handlers.service, who=READER, service="web") == []
    with pytest.raises(DeniedError):
        await room.ask(health_handlers.connect, who=READER, service="web")


@pytest.mark.parametrize("handler", [*STRICT, *LENIENT])
async def test_a_right_that_goes_while_one_waits_shows_nothing(room, handler):
    """The answer is cut with the rights of the moment it is given."""
    reading = asyncio.ensure_future(room.ask(handler, "index=7&wait=10s", READER, service="web"))
    await settle()
    room.gives("reader", 'service "db" { policy = "read" }')
    for kind in (ViewKind.SERVICE, ViewKind.CONNECT):
        room.views.put(kind, "web", (instance(node="n3"),), index=8)
    await settle()
    if handler in STRICT:
        with pytest.raises(DeniedError):
            await reading
        return
    answer = await reading
    assert (answer.body, answer.headers[FILTERED]) == (b"[]", "true")


@pytest.mark.parametrize("handler", STRICT)
async def test_a_right_that_goes_while_a_server_is_asked_shows_nothing(room, handler):
    """The first read of a view takes its time, too."""

    async def right_goes():
        room.gives("reader", 'service "db" { policy = "read" }')

    room.views.hit, room.views.meanwhile = False, right_goes
    with pytest.raises(DeniedError):
        await room.ask(handler, who=READER, service="web")
