"""From a program to the catalog: what is registered with an agent is soon at its server."""

import asyncio

from tests.unit.acl.stored import token_row
from tests.unit.api.warming import DB, WEB, mesh

REGISTER = "/v1/agent/service/register"
BODY = {"Name": "web", "Port": 80, "Connect": {"Native": True}, "Check": {"TTL": "1h"}}


async def until(agent, who, target, fits):
    """Ask until the answer fits; return its value."""
    async with asyncio.timeout(30):
        while True:
            answer = await agent.asks(who, "GET", target)
            if answer.status_code == 200 and fits(answer.json()):
                return answer.json()
            await asyncio.sleep(0)


def statuses(rows):
    """Return the status of each instance's own check."""
    return [check["Status"] for row in rows for check in row["Checks"] if check["ServiceID"]]


async def test_what_is_registered_and_reported_is_at_the_server_soon_and_goes_again():
    """Instance, status, and the end of both."""
    async with mesh() as world:
        agent = await world.agent()
        answer = await agent.asks("web", "PUT", REGISTER, BODY)
        assert answer.status_code == 200, answer.text
        place = "/v1/health/service/web"
        await until(agent, "web", place, lambda rows: statuses(rows) == ["critical"])
        await agent.asks("web", "PUT", "/v1/agent/check/pass/service:web")
        await until(agent, "web", place, lambda rows: statuses(rows) == ["passing"])
        await until(agent, "web", "/v1/health/connect/web?passing", len)
        await agent.asks("web", "PUT", "/v1/agent/service/deregister/web")
        await until(agent, "web", place, lambda rows: rows == [])


async def test_a_revoked_token_leaves_its_service_registered():
    """Here and at the server, as in Consul."""
    async with mesh() as world:
        agent = await world.agent()
        await agent.asks("revoked", "PUT", REGISTER, BODY)
        await until(agent, "web", "/v1/health/service/web", len)
        await world.revoke("revoked")
        async with asyncio.timeout(30):
            while (await agent.asks("revoked", "GET", "/v1/agent/services")).status_code != 403:
                await asyncio.sleep(0)
        await agent.asks("web", "PUT", "/v1/agent/check/pass/service:web")
        await until(agent, "web", "/v1/health/service/web?passing", len)


async def test_a_right_that_ends_ends_a_question_that_waits_by_hash():
    """403 at once; whoever may still ask waits on."""
    async with mesh() as world:
        agent = await world.agent()
        await world.keep(token_row("brief", policies=(WEB.id,)))
        await agent.asks("web", "PUT", REGISTER, BODY)
        shown = await agent.asks("brief", "GET", "/v1/agent/service/web")
        target = f"/v1/agent/service/web?hash={shown.json()['ContentHash']}&wait=10m"
        query = asyncio.create_task(agent.asks("brief", "GET", target))
        other = asyncio.create_task(agent.asks("web", "GET", target))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not query.done()
        await world.keep(token_row("brief", policies=(DB.id,)))
        answer = await asyncio.wait_for(query, 30)
        assert answer.status_code == 403
        assert "web" not in answer.headers.get("x-consul-contenthash", "")
        assert not other.done()
        other.cancel()
