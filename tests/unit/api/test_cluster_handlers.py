"""Joining and signing with a CA that is busy, and agents that vanish meanwhile."""

import asyncio
import contextlib
import json
from datetime import timedelta
from random import Random

import msgspec
import pytest

from ca_core.acl.access import LocalRules
from ca_core.acl.principal import Node, Peer
from ca_core.api.cluster_handlers import forget, join, rejoin, sign
from ca_core.api.operator_handlers import ca_status
from ca_core.api.server import Server, Surroundings, memory_state
from ca_core.authority.registry import Registry
from ca_core.config.model import CAConfig, Config, PluginsConfig
from ca_core.contract import hookimpl
from ca_core.errors import DeniedError, RateLimitedError
from ca_core.identity.certificates import spki_digest
from ca_core.identity.leafcsr import csr_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import AgentId, ServiceId
from ca_core.testing.clock import FakeClock
from tests.unit.api.asking import asking

HOUR = timedelta(hours=1)


class World:
    """A server without sockets, on a clock that stands still."""

    def __init__(self, server, clock):
        self.server = server
        self.clock = clock
        self.room = server.room
        self.key = new_leaf_key()
        place = {"trust_domain": server.manager.trust_domain, "datacenter": "dc1"}
        self.agent = AgentId(**place, node="n1")
        self.web = ServiceId(**place, service="web")

    def csr(self, identity=None, key=None):
        """Return a request, by default the agent's for itself."""
        return csr_pem(leaf_csr(key or self.key, identity or self.agent))

    async def token(self):
        """Make a token for ``n1``."""
        _, text, _ = await self.room.membership.new_token("n1", HOUR, "0" * 64)
        return text.split(".")[1:3]

    async def join(self, token):
        """Join as ``n1``."""
        token_id, secret = token
        body = {"TokenID": token_id, "Secret": secret, "Node": "n1", "CSR": self.csr()}
        return await join(self.room, asking(body=msgspec.json.encode(body)))

    async def sign(self, csr, **fields):
        """Ask as ``n1``, over mTLS with its key."""
        caller = Node(identity=self.agent, key_digest=spki_digest(self.key.public_key()))
        body = msgspec.json.encode({"CSR": csr, **fields})
        return await sign(self.room, asking(body=body, principal=caller))

    async def rejoin(self):
        """Come back with the old key."""
        body = msgspec.json.encode({"Node": "n1", "CSR": self.csr()})
        return await rejoin(self.room, asking(body=body))

    async def refused_for_rate(self, asked):
        """Let a request wait in the queue until it is refused."""
        task = asyncio.ensure_future(asked)
        while not task.done():
            await asyncio.sleep(0)
            self.clock.advance(timedelta(milliseconds=100))
        with pytest.raises(RateLimitedError):
            task.result()


@contextlib.asynccontextmanager
async def world(*, clock=None, config=None, registry=None, **ca):
    """Start a server."""
    clock = clock or FakeClock()
    around = Surroundings(
        clock=clock,
        may=LocalRules(owner_uid=0),
        registry=registry or Registry(),
        random=Random(1),
        environment={},
    )
    config = config or Config(ca=CAConfig(**ca))
    server = await asyncio.to_thread(Server, config, memory_state(), around)
    server.start()
    try:
        async with asyncio.timeout(30):
            await server.ready()
        yield World(server, clock)
    finally:
        await server.close()


async def test_a_busy_ca_costs_no_token():
    """A join that the rate limit refuses can be tried again with the same token."""
    async with world(csr_max_per_second=0.001) as built:
        token = await built.token()
        await built.server.manager._limiter.admit(built.clock.now())  # the burst of one is gone
        await built.refused_for_rate(built.join(token))
        assert built.room.membership.agents() == ()
        built.clock.advance(timedelta(seconds=1000))
        assert (await built.join(token)).status == 200
        with pytest.raises(DeniedError, match="join token"):
            await built.join(token)


async def test_the_queue_is_not_jumped_by_an_old_date():
    """Whoever claims to replace a leaf of the year one waits like one that has none."""
    async with world() as built:
        await built.join(await built.token())
        asked = []

        async def admit(expires):
            asked.append(expires)

        built.server.manager._limiter.admit = admit
        for replaces in ("0001-01-01T00:00:00Z", "2029-12-31T00:00:00Z", ""):
            await built.sign(built.csr(built.web), Replaces=replaces)
        later = built.clock.now() + 9 * HOUR
        await built.sign(built.csr(built.web), Replaces=later.isoformat())
        assert asked == [built.clock.now()] * 3 + [later]


@pytest.mark.parametrize("what", ["web", "own", "rejoin"])
async def test_an_agent_forgotten_while_it_waits_gets_nothing(what):
    """The right is looked at again when the leaf is handed out."""
    async with world() as built:
        await built.join(await built.token())
        plain = built.server.manager.sign

        async def forgetting(*args, **options):
            issued = await plain(*args, **options)
            await built.room.membership.forget("n1")
            return issued

        built.server.manager.sign = forgetting
        asked = {
            "web": lambda: built.sign(built.csr(built.web)),
            "own": lambda: built.sign(built.csr()),
            "rejoin": built.rejoin,
        }
        with pytest.raises(DeniedError, match="not a member"):
            await asked[what]()
        assert built.room.membership.agents() == ()


async def test_a_leaf_is_for_the_agents_own_mesh_and_node():
    """Rejoining with a CSR for another node than the one named is refused."""
    async with world() as built:
        await built.join(await built.token())
        answer = msgspec.json.decode((await built.rejoin()).body)
        assert answer["TrustDomain"] == built.agent.trust_domain.name
        assert answer["Datacenter"] == "dc1"


class Ears:
    """A plugin that keeps the events it is told, and takes a while for reviews if told to."""

    def __init__(self, clock):
        self.heard = []
        self.takes = timedelta()
        self._clock = clock

    @hookimpl
    def ca_event(self, event):
        self.heard.append((event.type, event.fields.get("node", "")))

    @hookimpl
    def ca_review_issuance(self):
        self._clock.advance(self.takes)


@contextlib.asynccontextmanager
async def attended_world():
    """Start a server with ``Ears``, enabled by name; yields both."""
    clock = FakeClock()
    ears = Ears(clock)
    config = Config(ca=CAConfig(csr_max_per_second=0), plugins=PluginsConfig(enabled=("ears",)))
    async with world(
        clock=clock, config=config, registry=Registry(extra_hooks={"ears": ears})
    ) as w:
        yield w, ears


async def test_plugins_hear_of_a_server_and_of_its_agents():
    """From the start to the stop, each once, in order."""
    async with attended_world() as (built, ears):
        await built.join(await built.token())
        await built.rejoin()
        await forget(built.room, asking(principal=Peer(uid=0, gid=0, pid=1), node="n1"))
    told = [one for one in ears.heard if not one[0].startswith(("leaf", "provider", "authority"))]
    assert told == [
        ("server.started", ""),
        ("signer.activated", ""),
        ("agent.joined", "n1"),
        ("agent.rejoined", "n1"),
        ("agent.forgotten", "n1"),
        ("server.stopping", ""),
    ]


async def test_a_plugin_that_is_switched_off_is_seen_in_readiness_status_and_metrics():
    """Nothing can be signed then, and everybody who looks learns why."""
    async with attended_world() as (built, ears):
        assert built.server.manager.why_not_ready() == ""
        ears.takes = timedelta(milliseconds=101)
        for _ in range(3):
            await built.join(await built.token())
            await forget(built.room, asking(principal=Peer(uid=0, gid=0, pid=1), node="n1"))
        with pytest.raises(DeniedError, match="'ears' denied this leaf: it is switched off"):
            await built.join(await built.token())
        assert "every leaf is denied" in built.server.manager.why_not_ready()
        status = await ca_status(built.room, asking(principal=Peer(uid=0, gid=0, pid=1)))
        (shown,) = json.loads(status.body)["ReviewPlugins"]
        assert (shown["Name"], "3 times in a row" in shown["SwitchedOff"]) == ("ears", True)
        text = built.server.metrics.exposition()[0].decode()
    assert 'ca_core_review_plugin_switched_off{plugin="ears"} 1.0' in text
    assert 'ca_core_reviews_late_total{plugin="ears"} 3.0' in text
    assert ("plugin.switched_off", "") in ears.heard
