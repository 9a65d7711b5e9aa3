"""What Consul's agent tests say of roots and leaves over HTTP; each names its origin."""

import asyncio
import json
from datetime import timedelta
from random import Random

import pytest

from ca_core.acl.access import LocalRules
from ca_core.acl.principal import Token
from ca_core.acl.resolving import TokenRules
from ca_core.agent.agent import Agent
from ca_core.agent.agentsettings import AgentSettings
from ca_core.agent.grants import Grants
from ca_core.api.agent_handlers import leaf, roots
from ca_core.api.rooms import AgentRoom
from ca_core.errors import DeniedError, UnavailableError
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import DATACENTER, passed, settle
from tests.unit.agent.tokenfakes import TokenUpstream
from tests.unit.api.asking import asking

LEAF = "/v1/agent/connect/ca/leaf/"
AB = Token("ab")


class Desk:
    """An agent over a fake server, and programs that ask it."""

    def __init__(self):
        self.clock = FakeClock()
        self.upstream = TokenUpstream(self.clock)
        self.upstream.policy = "deny"
        grants = self.grants = Grants(self.upstream, self.clock, lambda: 0.5)
        may = TokenRules(grants, LocalRules(owner_uid=900))
        settings = AgentSettings(datacenter=DATACENTER, node="n1")
        self.agent = Agent(
            self.upstream, self.clock, settings, may=may, draw=lambda: 0.5, grants=grants
        )
        self.room = AgentRoom(agent=self.agent, may=may, clock=self.clock, random=Random(1))

    async def token(self, rules):
        """Let the agent hold a token with these rules."""
        self.upstream.rules["ab"] = rules
        await self.grants.asked("secret of ab")

    async def leaf(self, query="", *, who=AB, service="web"):
        """Return headers and JSON."""
        answer = await leaf(
            self.room, asking(query, path=LEAF + service, principal=who, service=service)
        )
        return answer.headers, json.loads(answer.body)

    async def roots(self):
        """Return headers and JSON."""
        answer = await roots(self.room, asking())
        return answer.headers, json.loads(answer.body)


@pytest.fixture
async def desk():
    """Return a running agent that holds a token for ``web``."""
    built = Desk()
    await built.agent.start()
    await settle()
    await built.token('service "web" { policy = "write" }')
    await settle()
    yield built
    await built.agent.close()


async def test_workflow_good(desk):
    """AgentConnectCALeafCert_good: MISS and a leaf; the same again; a rotation brings another."""
    headers, first = await desk.leaf()
    assert headers["x-cache"] == "MISS"
    assert set(first) >= {"SerialNumber", "CertPEM", "PrivateKeyPEM", "Service", "ServiceURI"}
    headers, again = await desk.leaf()
    assert (headers["x-cache"], again) == ("HIT", first)
    desk.upstream.rotate()
    await settle()
    waiting = asyncio.create_task(desk.leaf(f"index={headers['x-consul-index']}"))
    await passed(desk.clock, timedelta(seconds=30))
    headers, fresh = await waiting
    assert headers["x-cache"] == "MISS"
    assert fresh["CertPEM"] != first["CertPEM"]
    assert fresh["PrivateKeyPEM"] != first["PrivateKeyPEM"]


async def test_workflow_good_not_local(desk):
    """AgentConnectCALeafCert_goodNotLocal: a service that is not registered here has one too."""
    assert "web" not in desk.agent.services.state.services
    _, found = await desk.leaf()
    assert found["Service"] == "web"


async def test_a_wait_of_125_ms_is_honoured(desk):
    """AgentConnectCALeafCert_good: the same leaf after its wait, up to a sixteenth later."""
    headers, first = await desk.leaf()
    waiting = asyncio.create_task(desk.leaf(f"index={headers['x-consul-index']}&wait=125ms"))
    await settle()
    await passed(desk.clock, timedelta(milliseconds=124))
    assert not waiting.done()
    await passed(desk.clock, timedelta(milliseconds=9))
    assert (await waiting)[1] == first


async def test_non_blocking_query_after_blocking_query_should_not_block(desk):
    """nonBlockingQuery_after_blockingQuery_shouldNotBlock (GH-12048): HIT while another blocks."""
    headers, first = await desk.leaf()
    blocked = asyncio.create_task(desk.leaf(f"index={headers['x-consul-index']}"))
    await settle()
    headers, plain = await asyncio.wait_for(desk.leaf(), 30)
    assert (headers["x-cache"], plain) == ("HIT", first)
    assert not blocked.done()
    blocked.cancel()
    await asyncio.gather(blocked, return_exceptions=True)


async def test_acl_default_deny(desk):
    """AgentConnectCALeafCert_aclDefaultDeny: no token, no leaf."""
    with pytest.raises(DeniedError):
        await desk.leaf(who=None)


async def test_acl_service_write(desk):
    """AgentConnectCALeafCert_aclServiceWrite: ``service:write`` on the name is what it takes."""
    assert (await desk.leaf())[1]["Service"] == "web"


async def test_acl_service_read_deny(desk):
    """AgentConnectCALeafCert_aclServiceReadDeny: ``service:read`` is not enough, warm or cold."""
    await desk.leaf()
    desk.upstream.has("ab", 'service "web" { policy = "read" }')
    await passed(desk.clock, timedelta(seconds=2), step=timedelta(milliseconds=500))
    for service in ("web", "db"):
        with pytest.raises(DeniedError):
            await desk.leaf(service=service)


async def test_vault_does_not_churn(desk):
    """Vault_doesNotChurn: five minutes of polling bring one leaf and one signature."""
    serials = set()
    for _ in range(60):
        serials.add((await desk.leaf())[1]["SerialNumber"])
        desk.upstream.changed(desk.upstream.index + 1)
        await passed(desk.clock, timedelta(seconds=5))
    assert len(serials) == 1
    assert len(desk.upstream.signed) == 1


async def test_ca_roots_list(desk):
    """AgentConnectCARoots_list: every root, no keys, and still a HIT after one was added."""
    for count in (1, 2, 3):
        headers, found = await desk.roots()
        assert headers["x-cache"] == "HIT"
        assert len(found["Roots"]) == count
        assert not {"SigningCert", "SigningKey"} & set(found["Roots"][0])
        assert [root["ID"] for root in found["Roots"] if root["Active"]] == [found["ActiveRootID"]]
        desk.upstream.rotate()
        await settle()


async def test_ca_roots_empty():
    """AgentConnectCARoots_empty: no CA yet is 503 with a reason here, 500 in Consul."""
    built = Desk()
    built.upstream.roots_errors = [UnavailableError("no authority signs yet")] * 50
    await built.agent.start()
    try:
        asked = asyncio.create_task(built.roots())
        await settle()
        await passed(built.clock, timedelta(seconds=11), step=timedelta(seconds=1))
        with pytest.raises(UnavailableError, match="no authority"):
            await asked
    finally:
        await built.agent.close()
