"""One agent's caches over one fake server, and scenarios in it."""

import asyncio
import contextlib
from datetime import timedelta

from cryptography import x509

from ca_core.acl.access import Action
from ca_core.acl.principal import Anonymous, Peer
from ca_core.agent.issuance import LeafIssuer
from ca_core.agent.leaves import LeafCache
from ca_core.agent.renewal import ROOT_CHANGE_SPREAD
from ca_core.agent.rootscache import RootsCache
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import DATACENTER, FakeUpstream, settle

ANYONE = Anonymous()
ALICE = Peer(uid=1000, gid=1000, pid=1)
BOB = Peer(uid=1001, gid=1001, pid=2)
HOUR = timedelta(hours=1)


class House:
    """One agent's caches over one fake server, on one fake clock."""

    def __init__(
        self,
        *,
        ttl=72 * HOUR,
        draws=None,
        spread=ROOT_CHANGE_SPREAD,
        clock=None,
        server=None,
        upstream=None,
    ):
        self.clock = clock or FakeClock()
        self.server = server or self.clock
        self.upstream = upstream or FakeUpstream(self.server, ttl=ttl)
        self.draws = draws
        self.allowed = lambda _: True
        self.roots = RootsCache(self.upstream, self.clock, self.draw)
        issuer = LeafIssuer(self.upstream, self.roots, self.clock, DATACENTER, self.draw)
        self.leaves = LeafCache(
            issuer, self.roots, self.may, self.clock, self.draw, spread=lambda: spread
        )

    def draw(self):
        return self.draws.pop(0) if self.draws else 0.5

    def may(self, principal, action, name):
        assert action is Action.SERVICE_WRITE
        return self.allowed(principal)


@contextlib.asynccontextmanager
async def house(*, built=None, **options):
    """Open a house, run its loops, and close it whatever happens."""
    built = built or House(**options)
    loops = [asyncio.create_task(run()) for run in (built.roots.run, built.leaves.run)]
    await settle()
    try:
        yield built
    finally:
        for loop in loops:
            loop.cancel()
        await built.leaves.close()
        await asyncio.gather(*loops, return_exceptions=True)


def ran(scenario, **options):
    """Run a scenario in a house of its own."""

    async def whole():
        async with house(**options) as built:
            await scenario(built)

    asyncio.run(whole())


def leaf_of(answer):
    """Return the leaf in an answer."""
    return x509.load_pem_x509_certificates(answer.cert.cert_pem.encode())[0]
