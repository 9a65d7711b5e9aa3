"""Joining and signing with a CA that is busy, and agents that vanish meanwhile."""

import asyncio
import contextlib
from datetime import timedelta
from random import Random

import msgspec
import pytest

from ca_core.acl.access import LocalRules
from ca_core.acl.principal import Node
from ca_core.api.cluster_handlers import join, rejoin, sign
from ca_core.api.server import Server, Surroundings, memory_state
from ca_core.authority.registry import Registry
from ca_core.config.model import CAConfig, Config
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
async def world(**ca):
    """Start a server."""
    clock = FakeClock()
    around = Surroundings(
        clock=clock,
        may=LocalRules(owner_uid=0),
        registry=Registry(),
        random=Random(1),
        environment={},
    )
    server = await asyncio.to_thread(Server, Config(ca=CAConfig(**ca)), memory_state(), around)
    server.start()
    try:
        async with asyncio.timeout(10):
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
