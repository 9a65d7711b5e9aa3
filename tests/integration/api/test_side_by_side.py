"""No global state: clusters, servers and agents beside one another in one process."""

import asyncio
import contextlib
from datetime import timedelta
from random import Random

from ca_core.acl.access import AllowAll
from ca_core.agent.verification import trusted_path
from ca_core.api.keysource import ephemeral_keys
from ca_core.api.localupstream import LocalUpstream
from ca_core.api.server import OpenState, Server, Surroundings
from ca_core.authority.registry import Registry
from ca_core.authority.roots import roots_of
from ca_core.authority.rows import AUTHORITIES, SIGNERS, bundle
from ca_core.clock import SystemClock
from ca_core.config.model import Config
from ca_core.errors import DeniedError
from ca_core.identity.certificates import parse_certificates
from ca_core.identity.leafcsr import csr_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import AgentId, ServiceId
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.store import Store
from tests.integration.api.world import ME, mesh, over_unix


def test_two_clusters_in_one_process_share_nothing():
    """Two servers and two agents run in one process, each pair with its own root and domain."""
    with mesh() as one, mesh() as two:
        leaves = []
        for cluster, uid in ((one, ME), (two, ME)):
            cluster.join("n1", web=(uid,))
            with over_unix(cluster.agent_socket("n1")) as client:
                leaf = client.get("/v1/agent/connect/ca/leaf/web")
                roots = client.get("/v1/agent/connect/ca/roots").json()
            assert leaf.status_code == 200, leaf.text
            assert roots["TrustDomain"] == cluster.trust_domain.name
            assert leaf.json()["ServiceURI"].startswith(f"spiffe://{cluster.trust_domain}/")
            leaves.append((leaf.json()["CertPEM"], roots["ActiveRootID"]))
        assert one.trust_domain != two.trust_domain
        assert leaves[0] != leaves[1]


@contextlib.asynccontextmanager
async def two_servers(backend):
    """Start two servers on one backend; both own a provider object of their own."""
    keys = ephemeral_keys()
    servers = []
    for number in (1, 2):
        state = OpenState(store=Store(FakeEngine(backend)), keys=keys, name=f"server-{number}")
        around = Surroundings(
            clock=SystemClock(),
            may=AllowAll(),
            registry=Registry(),
            random=Random(number),
            environment={},
        )
        servers.append(await asyncio.to_thread(Server, Config(), state, around))
    try:
        for server in servers:
            server.start()
        async with asyncio.timeout(30):
            await asyncio.gather(*(server.ready() for server in servers))
        yield servers
    finally:
        await asyncio.gather(*(server.close() for server in servers))


async def test_two_servers_that_race_make_one_authority_and_both_sign():
    """Two servers started at once on one store: one authority, one signer, leaves from both."""
    backend = FakeBackend(gaps=(0, 2))
    async with two_servers(backend) as servers:
        tables = backend.snapshot().tables
        assert (len(tables[AUTHORITIES]), len(tables[SIGNERS])) == (1, 1)
        roots = [roots_of(server.store.snapshot) for server in servers]
        assert roots[0].active_root_id == roots[1].active_root_id
        chains = set()
        for number, server in enumerate(servers):
            upstream = LocalUpstream(server.room, f"n{number}")
            csr = csr_pem(leaf_csr(new_leaf_key(), service(server)))
            signed = await upstream.sign(csr)
            leaf, *above = parse_certificates(signed.cert_pem, field="CertPEM")
            assert trusted_path((leaf, *above), bundle(server.store.snapshot), now=now())
            chains.add(tuple(above))
        assert len(chains) == 1


async def test_a_token_of_one_server_joins_at_the_other_once():
    """Membership lies in the shared state: a token is used once, whichever server is asked."""
    backend = FakeBackend()
    async with two_servers(backend) as (one, two):
        domain = one.manager.trust_domain
        agent = AgentId(trust_domain=domain, datacenter="dc1", node="n1")
        _, token, _ = await one.room.membership.new_token("n1", timedelta(hours=1), "0" * 64)
        _, token_id, secret, _ = token.split(".")

        async def admitted(server):
            try:
                await server.room.membership.admit(
                    token_id, secret, agent, key="k", not_after=now()
                )
            except DeniedError:
                return False
            return True

        assert sorted(await asyncio.gather(admitted(one), admitted(two))) == [False, True]
        assert [row.node for row in two.room.membership.agents()] == ["n1"]


def now():
    """Return this moment."""
    return SystemClock().now()


def service(server):
    """Return the ID of ``web`` at a server."""
    return ServiceId(
        trust_domain=server.manager.trust_domain,
        datacenter=server.manager.datacenter,
        service="web",
    )
