"""The warm-cache matrix: what one caller warmed tells another caller nothing.

Every route of the agent, every kind of caller whose rights do not suffice: the answer of an agent
whose caches are full is that of an agent that knows nothing. A route without a line fails.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from ca_core.api.routes import AGENT_ROUTES
from tests.unit.acl.stored import token_row
from tests.unit.api.warming import DB, FALLEN, INSUFFICIENT, SUFFICIENT, TRUST_DOMAIN, WEB, mesh

ALL = frozenset(INSUFFICIENT)
NOBODYS = frozenset({"unknown", "expired", *FALLEN})
"""Their tokens are nobody's."""
SERVICES = frozenset({"db", "db's token"})
AGENT = "/v1/agent"


@dataclass(frozen=True)
class Line:
    """How a route is asked about ``web``, and whom it refuses.

    Attributes:
        targets: what is asked; the first one warms, all are tried by the insufficient.
        refused: who gets 403 and nothing else.
        cached: whether a sufficient caller's second answer comes from memory.
    """

    targets: tuple[str, ...]
    refused: frozenset[str]
    body: Any = None
    cached: bool = True


LEAF = f"{AGENT}/connect/ca/leaf/web"
AUTHORIZE = Line(
    (f"{AGENT}/connect/authorize",),
    ALL,
    body={"Target": "web", "ClientCertURI": f"spiffe://{TRUST_DOMAIN}/ns/default/dc/dc1/svc/api"},
    cached=False,
)

LINES = {
    f"GET {AGENT}/connect/ca/roots": Line((f"{AGENT}/connect/ca/roots",), frozenset()),
    f"GET {AGENT}/connect/ca/leaf/{{service}}": Line(
        (
            LEAF,
            f"{LEAF}?index=1&wait=10m",
            f"{AGENT}/connect/ca/leaf/w%65b",
            f"{LEAF}?dns-san=web.example.org&ip-san=127.0.0.1",
            f"{LEAF}?cached&stale",
        ),
        ALL,
    ),
    f"POST {AGENT}/connect/authorize": AUTHORIZE,
    f"PUT {AGENT}/connect/authorize": AUTHORIZE,
    f"GET {AGENT}/self": Line((f"{AGENT}/self",), NOBODYS | SERVICES, cached=False),
}
"""``METHOD path`` → its line."""


def key_of(route):
    """Return what a route's line is found by."""
    return f"{route.method} {route.path}"


def seen(answer):
    """Return what a caller can see of an answer; of a token that is nobody's only that it is."""
    text = answer.text
    nobodys = "ACL not found"
    if nobodys in text:  # the second time, the hint says that it was so a moment ago
        text = text.partition(nobodys)[0] + nobodys
    headers = {k: v for k, v in answer.headers.items() if k != "content-length"}
    return answer.status_code, text, headers


def test_every_route_has_a_line_and_every_line_a_route():
    """Whoever adds a route of the agent says here whom it refuses."""
    assert set(LINES) == {key_of(route) for route in AGENT_ROUTES}


async def warmed(agent, route, line):
    """Let everybody who may ask, twice; the second answer comes from memory."""
    for who in (*SUFFICIENT, *FALLEN):
        for _ in range(2):
            answer = await agent.asks(who, route.method, line.targets[0], line.body)
            assert answer.status_code == 200, (who, route.path, answer.text)
        if line.cached:
            assert answer.headers["x-cache"] == "HIT", (who, route.path)


async def answered(agent, who, method, target, body, **headers):
    """Return what a caller sees, and what the agent asked the server for it; it may not wait."""
    before = agent.upstream.calls.copy()
    answer = await asyncio.wait_for(agent.asks(who, method, target, body, **headers), 5)
    asked = set(agent.upstream.calls - before)
    return seen(answer), asked - {"grants", "watch", "acknowledge"}  # they go on by themselves


FETCHES = frozenset({"sign", "intentions"})
"""What is asked of a server because somebody asks the agent."""


async def until_refused(agent, route, line):
    """Return once the agent knows that the fallen have fallen."""
    async with asyncio.timeout(5):
        for who in FALLEN:
            answer = None
            while answer is None or answer.status_code != 403:
                answer = await agent.asks(who, route.method, line.targets[0], line.body)
                await asyncio.sleep(0)


async def check(world, warm, route, line):
    """Ask both agents as every insufficient caller, in every way; the answers must be alike."""
    methods = (route.method, "HEAD") if route.method == "GET" else (route.method,)
    for who in sorted(line.refused):
        async with world.brief_agent() as cold:
            for target in line.targets:
                for method in methods:
                    for headers in ({}, {"cache_control": "stale-if-error=600, max-age=600"}):
                        case = (who, method, target, line.body)
                        told, asked = await answered(warm, *case, **headers)
                        unwarmed, needed = await answered(cold, *case, **headers)
                        assert told[0] == 403, case
                        assert told == unwarmed, case
                        assert asked | needed <= {"grant"}, case


@pytest.mark.timeout(60)
async def test_what_others_warmed_tells_the_insufficient_nothing():
    """Status, body, headers and what is asked of a server are those of an agent that is empty."""
    async with mesh() as world:
        warm = await world.agent()
        for route in AGENT_ROUTES:
            await warmed(warm, route, LINES[key_of(route)])
        await world.revoke("revoked")
        world.fall()
        for route in AGENT_ROUTES:
            line = LINES[key_of(route)]
            if line.refused:
                await until_refused(warm, route, line)
                await check(world, warm, route, line)


def blocks(route):
    """Say whether a route has an index that one can wait on, and secrets."""
    return any(each.name == "index" for each in route.parameters) and LINES[key_of(route)].refused


async def parked(agent, who, route):
    """Return a query that waits for a change that does not come."""
    line = LINES[key_of(route)]
    answer = await agent.asks(who, route.method, line.targets[0], line.body)
    assert answer.status_code == 200, answer.text
    index = answer.headers["x-consul-index"]
    target = f"{line.targets[0]}?index={index}&wait=10m"
    query = asyncio.create_task(agent.asks(who, route.method, target, line.body))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not query.done(), query
    return query


async def revoked(world, who):
    """Delete the token."""
    await world.revoke(who)


async def deprived(world, who):
    """Take the policy away; the token stays."""
    await world.keep(token_row(who, policies=(DB.id,)))


async def ended(world, who):
    """Let its end come, in a moment."""
    end = world.clock.now() + timedelta(milliseconds=50)
    await world.keep(token_row(who, policies=(WEB.id,), expires=end))


@pytest.mark.parametrize("fall", [revoked, deprived, ended])
async def test_a_right_that_ends_ends_the_query_that_waits(fall):
    """Every route with an index: 403 at once, without what was waited for; others wait on."""
    async with mesh() as world:
        agent = await world.agent()
        for number, route in enumerate(filter(blocks, AGENT_ROUTES)):
            who = f"{fall.__name__} {number}"
            await world.keep(token_row(who, policies=(WEB.id,)))
            query, other = await parked(agent, who, route), await parked(agent, "web", route)
            await fall(world, who)
            answer = await asyncio.wait_for(query, 5)
            assert answer.status_code == 403, (route.path, answer.text)
            assert "PRIVATE KEY" not in answer.text
            assert not {"x-cache", "x-consul-index", "age", "etag"} & set(answer.headers)
            assert not other.done()
            other.cancel()


@pytest.mark.parametrize("fall", [revoked, deprived])
async def test_a_right_that_ends_while_a_server_is_asked_ends_the_query(fall):
    """What comes late is not handed to somebody who may no longer have it."""
    refusing_all = [route for route in AGENT_ROUTES if LINES[key_of(route)].refused == ALL]
    async with mesh() as world:
        for number, route in enumerate(refusing_all):
            line, who = LINES[key_of(route)], f"{fall.__name__} {number}"
            await world.keep(token_row(who, policies=(WEB.id,)))
            async with world.brief_agent() as agent, asyncio.timeout(5):
                agent.upstream.held = FETCHES
                query = asyncio.create_task(
                    agent.asks(who, route.method, line.targets[0], line.body)
                )
                while not FETCHES & set(agent.upstream.calls):
                    await asyncio.sleep(0)
                await fall(world, who)
                while (await agent.asks(who, "GET", f"{AGENT}/self")).status_code != 403:
                    await asyncio.sleep(0)
                agent.upstream.let_go()
                answer = await query
                assert answer.status_code == 403, (route.path, answer.text)
