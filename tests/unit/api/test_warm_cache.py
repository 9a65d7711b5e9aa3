"""The warm-cache matrix: what one caller warmed tells another caller nothing.

Every route of the agent, every kind of caller whose rights do not suffice: the answer of an agent
whose caches are full is that of an agent that knows nothing. A route without a line fails.
"""

import asyncio
import re
from contextlib import nullcontext
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
AGENT, HEALTH, CATALOG = "/v1/agent", "/v1/health", "/v1/catalog"


@dataclass(frozen=True)
class Line:
    """How a route is asked about ``web``, and whom it refuses.

    Attributes:
        targets: what is asked; the first one warms, all are tried by the insufficient.
        refused: who gets 403 and nothing else.
        shown_nothing: who gets 200, and what an agent answers that knows nothing.
        cached: whether a sufficient caller's second answer comes from memory.
        fetches: whether a server is asked for it.
        needs_web: whether ``web`` must be registered with the agent for it.
        sufficient: who may ask; the fallen could.
    """

    targets: tuple[str, ...]
    refused: frozenset[str]
    body: Any = None
    cached: bool = True
    fetches: bool = True
    needs_web: bool = False
    sufficient: tuple[str, ...] = SUFFICIENT
    shown_nothing: frozenset[str] = frozenset()


LEAF = f"{AGENT}/connect/ca/leaf/web"
AUTHORIZE = Line(
    (f"{AGENT}/connect/authorize",),
    ALL,
    body={"Target": "web", "ClientCertURI": f"spiffe://{TRUST_DOMAIN}/ns/default/dc/dc1/svc/api"},
    cached=False,
)

REGISTER = {"Name": "web", "Port": 80, "Check": {"TTL": "1h"}, "Connect": {"Native": True}}
BLIND = ALL - {"read only", "db's token", "db user"}
"""Who may not even see ``web``."""


def written(path, body=None, *, needs_web=True, sufficient=SUFFICIENT):
    """Return the line of a route that changes what is registered with the agent."""
    return Line(
        (f"{AGENT}/{path}",),
        ALL,
        body=body,
        cached=False,
        fetches=False,
        needs_web=needs_web,
        sufficient=sufficient,
    )


def read_here(*paths, refused):
    """Return the line of a route that shows what is registered with the agent."""
    targets = tuple(f"{AGENT}/{path}" for path in paths)
    return Line(targets, refused, cached=False, fetches=False, needs_web=True)


NODELESS = frozenset({"nobody", "stranger"})
"""Who may see no node."""


def found_in_mesh(path):
    """Return the line of a route that shows who takes mTLS for ``web``."""
    return Line((path, f"{path}?index=1&wait=10m", f"{path}?tag=v1"), BLIND)


def found_by_service(path):
    """Return the line of a route that shows ``web`` to those who may see it."""
    targets = (path, f"{path}?index=7&wait=10m", f"{path}?cached")
    return Line(targets, NOBODYS, shown_nothing=BLIND - NOBODYS)


def found_on_node(path):
    """Return the line of a route that shows a node to those who may see it."""
    return Line((path,), NOBODYS, sufficient=("web",), shown_nothing=NODELESS)


def listed(path):
    """Return the line of a list that is cut to its reader."""
    return Line((path,), NOBODYS)


LINES = {
    f"GET {HEALTH}/connect/{{service}}": found_in_mesh(f"{HEALTH}/connect/web"),
    f"GET {HEALTH}/service/{{service}}": found_by_service(f"{HEALTH}/service/web"),
    f"GET {HEALTH}/checks/{{service}}": found_by_service(f"{HEALTH}/checks/web"),
    f"GET {HEALTH}/node/{{node}}": found_on_node(f"{HEALTH}/node/n0"),
    f"GET {HEALTH}/state/{{state}}": listed(f"{HEALTH}/state/any"),
    f"GET {CATALOG}/connect/{{service}}": found_in_mesh(f"{CATALOG}/connect/web"),
    f"GET {CATALOG}/service/{{service}}": found_by_service(f"{CATALOG}/service/web"),
    f"GET {CATALOG}/services": listed(f"{CATALOG}/services"),
    f"GET {CATALOG}/nodes": listed(f"{CATALOG}/nodes"),
    f"GET {CATALOG}/node/{{node}}": found_on_node(f"{CATALOG}/node/n0"),
    f"GET {CATALOG}/datacenters": Line((f"{CATALOG}/datacenters",), frozenset(), cached=False),
    f"PUT {AGENT}/service/register": written("service/register", REGISTER, needs_web=False),
    f"PUT {AGENT}/service/deregister/{{id}}": written("service/deregister/web"),
    f"PUT {AGENT}/service/maintenance/{{id}}": written("service/maintenance/web?enable=false"),
    f"PUT {AGENT}/maintenance": written("maintenance?enable=false", sufficient=("web",)),
    f"PUT {AGENT}/check/register": written(
        "check/register", {"Name": "more", "ServiceID": "web", "TTL": "1h"}
    ),
    f"PUT {AGENT}/check/deregister/{{id}}": written("check/deregister/service:web"),
    f"PUT {AGENT}/check/pass/{{id}}": written("check/pass/service:web?note=fine"),
    f"PUT {AGENT}/check/warn/{{id}}": written("check/warn/service:web"),
    f"PUT {AGENT}/check/fail/{{id}}": written("check/fail/service:web"),
    f"PUT {AGENT}/check/update/{{id}}": written("check/update/service:web", {"Status": "passing"}),
    f"GET {AGENT}/services": read_here("services", refused=NOBODYS),
    f"GET {AGENT}/checks": read_here("checks", refused=NOBODYS),
    f"GET {AGENT}/service/{{id}}": read_here(
        "service/web", "service/web?hash=0123456789abcdef&wait=10m", refused=BLIND
    ),
    f"GET {AGENT}/health/service/name/{{name}}": read_here(
        "health/service/name/web", "health/service/name/web?format=text", refused=BLIND
    ),
    f"GET {AGENT}/health/service/id/{{id}}": read_here("health/service/id/web", refused=BLIND),
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
    f"GET {AGENT}/cache": Line(
        (f"{AGENT}/cache", f"{AGENT}/cache?kind=leaf"),
        NOBODYS | SERVICES,
        cached=False,
        fetches=False,
    ),
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
    text = re.sub(r'"n[0-9]+"', '"this node"', text)
    headers = {k: v for k, v in answer.headers.items() if k != "content-length"}
    return answer.status_code, text, headers


def test_every_route_has_a_line_and_every_line_a_route():
    """Whoever adds a route of the agent says here whom it refuses."""
    assert set(LINES) == {key_of(route) for route in AGENT_ROUTES}


async def prepared(agent, line):
    """Register ``web``, healthy, if the line needs it."""
    if line.needs_web:
        body = REGISTER | {"Check": REGISTER["Check"] | {"Status": "passing"}}
        await agent.asks("web", "PUT", f"{AGENT}/service/register?replace-existing-checks", body)
        await agent.asks("web", "PUT", f"{AGENT}/check/pass/service:web")


async def warmed(agent, route, line):
    """Let everybody who may ask, twice; the second answer comes from memory."""
    for who in (*line.sufficient, *FALLEN):
        for _ in range(2):
            await prepared(agent, line)
            answer = await agent.asks(who, route.method, line.targets[0], line.body)
            assert answer.status_code == 200, (who, route.path, answer.text)
        if line.cached:
            assert answer.headers["x-cache"] == "HIT", (who, route.path)


async def answered(agent, who, method, target, body, **headers):
    """Return what a caller sees, and what the agent asked the server for it; it may not wait."""
    before = agent.upstream.calls.copy()
    answer = await asyncio.wait_for(agent.asks(who, method, target, body, **headers), 30)
    asked = set(agent.upstream.calls - before)
    return seen(answer), asked - BY_ITSELF


BY_ITSELF = frozenset({"grants", "watch", "acknowledge", "in_sync", "registered", "views"})
"""What an agent tells and asks its server whether or not anybody asks the agent."""


FETCHES = frozenset({"sign", "intentions", "views"})
"""What is asked of a server because somebody asks the agent."""


async def until_refused(agent, route, line):
    """Return once the agent knows that the fallen have fallen."""
    async with asyncio.timeout(30):
        for who in FALLEN:
            answer = None
            while answer is None or answer.status_code != 403:
                answer = await agent.asks(who, route.method, line.targets[0], line.body)
                await asyncio.sleep(0)


async def check(world, warm, idle, route, line):
    """Ask both agents as every insufficient caller, in every way; the answers must be alike.

    What no server is asked about is compared with ``idle``: nothing could warm that.
    """
    await prepared(warm, line)
    methods = (route.method, "HEAD") if route.method == "GET" else (route.method,)
    for who in sorted(line.refused | line.shown_nothing):
        async with world.brief_agent() if line.fetches else nullcontext(idle) as cold:
            for target in line.targets:
                for method in methods:
                    for headers in ({}, {"cache_control": "stale-if-error=600, max-age=600"}):
                        case = (who, method, target, line.body)
                        told, asked = await answered(warm, *case, **headers)
                        unwarmed, needed = await answered(cold, *case, **headers)
                        assert told[0] == (403 if who in line.refused else 200), case
                        assert told == unwarmed, case
                        assert asked | needed <= {"grant"}, case


@pytest.mark.timeout(60)
async def test_what_others_warmed_tells_the_insufficient_nothing():
    """Status, body, headers and what is asked of a server are those of an agent that is empty."""
    async with mesh() as world:
        warm, idle = await world.agent(), await world.agent()
        for route in AGENT_ROUTES:
            await warmed(warm, route, LINES[key_of(route)])
        await world.revoke("revoked")
        world.fall()
        for route in AGENT_ROUTES:
            line = LINES[key_of(route)]
            if line.refused:
                await until_refused(warm, route, line)
                await check(world, warm, idle, route, line)


LISTS = {f"GET {path}" for path in (f"{AGENT}/services", f"{AGENT}/checks")} | {
    f"GET {HEALTH}/state/{{state}}",
    f"GET {CATALOG}/services",
}
"""Lists in which services are; each caller sees those that he may."""


async def until_listed(agent, key):
    """Return once ``web`` is in a list for those who may see it."""
    async with asyncio.timeout(30):
        while "web" not in (await agent.asks("web", "GET", LINES[key].targets[0])).text:
            await asyncio.sleep(0)


async def test_lists_show_nothing_of_what_their_reader_may_not_see():
    """A row of another service is not there, whoever has seen it before; the others may see it."""
    async with mesh() as world:
        agent = await world.agent()
        await prepared(agent, Line((), ALL, needs_web=True))
        for key in LISTS:
            await until_listed(agent, key)
            for who in BLIND - NOBODYS:
                answer = await agent.asks(who, "GET", LINES[key].targets[0])
                assert answer.status_code == 200, (key, who)
                assert "web" not in answer.text, (key, who)
            for who in ("read only", "db's token", "db user"):
                assert "web" in (await agent.asks(who, "GET", LINES[key].targets[0])).text


async def test_the_agents_description_names_no_service_to_those_who_may_not_see_it():
    """Not even one that servers refuse."""
    async with mesh(agents_vouch=False) as world:
        agent = await world.agent()
        answer = await agent.asks("web user", "PUT", f"{AGENT}/service/register", REGISTER)
        assert answer.status_code == 200
        async with asyncio.timeout(30):
            while not agent.room.agent.registering.refused:
                await asyncio.sleep(0)
        told = {who: (await agent.asks(who, "GET", f"{AGENT}/self")) for who in READERS_OF_SELF}
        assert {who: "web" in answer.text for who, answer in told.items()} == READERS_OF_SELF


READERS_OF_SELF = {
    **dict.fromkeys(("nobody", "stranger"), False),
    **dict.fromkeys(("web", "web user", "db user"), True),
}
"""Who may read the description → whether he may see ``web``."""

WAITS = {"index": "x-consul-index", "hash": "x-consul-contenthash"}
"""Parameter by which one waits → the header that holds what it is compared with."""


def waits_by(route):
    """Return by which parameter one waits for a change of what is not everybody's; '' if none."""
    names = {each.name for each in route.parameters}
    return next((name for name in WAITS if name in names and not route.open), "")


async def parked(agent, who, route):
    """Return a query that waits for a change that does not come."""
    line, by = LINES[key_of(route)], waits_by(route)
    answer = await agent.asks(who, route.method, line.targets[0], line.body)
    assert answer.status_code == 200, answer.text
    target = f"{line.targets[0]}?{by}={answer.headers[WAITS[by]]}&wait=10m"
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


def keeps_nothing(route, fall):
    """Say whether nothing of what a route answers is left to somebody after this."""
    return fall is not deprived or "db" in LINES[key_of(route)].refused


@pytest.mark.parametrize("fall", [revoked, deprived, ended])
async def test_a_right_that_ends_ends_the_query_that_waits(fall):
    """Every route on which one can wait: 403 at once, and nothing else; others wait on."""
    async with mesh() as world:
        agent = await world.agent()
        await prepared(agent, Line((), ALL, needs_web=True))
        await until_listed(agent, f"GET {CATALOG}/services")
        waited_on = [each for each in AGENT_ROUTES if waits_by(each) and keeps_nothing(each, fall)]
        for number, route in enumerate(waited_on):
            who = f"{fall.__name__} {number}"
            await world.keep(token_row(who, policies=(WEB.id,)))
            query, other = await parked(agent, who, route), await parked(agent, "web", route)
            await fall(world, who)
            answer = await asyncio.wait_for(query, 30)
            assert answer.status_code == 403, (route.path, answer.text)
            assert "PRIVATE KEY" not in answer.text
            told = {"x-cache", "x-consul-index", "x-consul-contenthash", "age", "etag"}
            assert not told & set(answer.headers)
            assert not other.done()
            other.cancel()


@pytest.mark.parametrize("path", [f"{HEALTH}/service/web", f"{CATALOG}/node/n0"])
async def test_a_token_that_ends_ends_a_query_about_what_it_never_saw(path):
    """403 at once; to another one, that may see it now, the question is answered."""
    async with mesh() as world:
        agent = await world.agent()
        await prepared(agent, Line((), ALL, needs_web=True))
        await until_listed(agent, f"GET {CATALOG}/services")
        for number, rows in enumerate([(), (WEB.id,)]):
            who = f"blind {number}"
            await world.keep(token_row(who))
            query = asyncio.create_task(agent.asks(who, "GET", f"{path}?index=1&wait=10m"))
            for _ in range(100):
                await asyncio.sleep(0)
            assert not query.done()
            await (world.keep(token_row(who, policies=rows)) if rows else world.revoke(who))
            answer = await asyncio.wait_for(query, 30)
            assert answer.status_code == (200 if rows else 403)
            assert "web" not in answer.text


@pytest.mark.parametrize("fall", [revoked, deprived])
async def test_a_right_that_ends_while_a_server_is_asked_ends_the_query(fall):
    """What comes late is not handed to somebody who may no longer have it."""
    fetched = [r for r in AGENT_ROUTES if LINES[key_of(r)].fetches and LINES[key_of(r)].refused]
    fetched.remove(next(route for route in fetched if route.path == f"{AGENT}/self"))
    async with mesh() as world:
        for number, route in enumerate(each for each in fetched if keeps_nothing(each, fall)):
            line, who = LINES[key_of(route)], f"{fall.__name__} {number}"
            await world.keep(token_row(who, policies=(WEB.id,)))
            async with world.brief_agent() as agent, asyncio.timeout(30):
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
