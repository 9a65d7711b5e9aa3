"""A server's authority room in a test: store, keys, manager, loops, without any API."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

from ca_core.acl.principal import Anonymous
from ca_core.authority.bystanders import Bystanders
from ca_core.authority.cluster import ensure_cluster
from ca_core.authority.leadership import LeaseKeeper
from ca_core.authority.leafrequests import IssuedLeaf
from ca_core.authority.manager import CAManager
from ca_core.authority.opening import Counters, Opener
from ca_core.authority.registry import Registry
from ca_core.authority.settings import CASettings
from ca_core.clock import Clock, SystemClock
from ca_core.contract.plugin import ProviderPlugin
from ca_core.errors import GuardError
from ca_core.identity.csr import CheckedCsr, check_csr
from ca_core.identity.leafcsr import leaf_csr, new_leaf_key
from ca_core.identity.spiffe import ServiceId, TrustDomain
from ca_core.state.kek import Kek, KeyRing
from ca_core.state.lease import Lease
from ca_core.state.protocol import Engine
from ca_core.state.store import Store

DOMAIN = TrustDomain("11111111-2222-3333-4444-555555555555.consul")
KEYS = KeyRing((Kek.of(bytes(range(32))),))


class Room:
    """One server's authority room; ``start`` runs its loops, ``close`` ends them cleanly."""

    def __init__(  # noqa: PLR0913 - what a server is made of, each with its default
        self,
        engine: Engine,
        plugin: ProviderPlugin,
        *,
        name: str = "server-1",
        clock: Clock | None = None,
        settings: CASettings | None = None,
        keys: KeyRing = KEYS,
        bystanders: Bystanders | None = None,
        others: Mapping[str, ProviderPlugin] | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self.store = Store(engine)
        self.violations: list[GuardError] = []
        self.bugs: list[str] = []
        ensure_cluster(self.store, self.clock, datacenter="dc1", domain=DOMAIN)
        opener = Opener(
            store=self.store,
            keyring=keys,
            registry=Registry(entry_points=(), extra={"under-test": plugin, **(others or {})}),
            clock=self.clock,
            counters=Counters(
                on_violation=self.violations.append,
                on_issued=lambda _: None,
                on_bug=self.bugs.append,
            ),
            bystanders=bystanders or Bystanders(),
        )
        self.bystanders = opener.bystanders
        self.manager = CAManager(opener, run=name)
        self.manager.prepare(settings or CASettings(provider="under-test"))
        self.keeper = LeaseKeeper(Lease(self.store, self.clock, name), self.clock)
        self._tasks: list[asyncio.Task] = []

    def start(self) -> None:
        """Run the loops of a server."""
        loops = (self.keeper.run(), self.manager.run(self.keeper))
        self._tasks = [asyncio.ensure_future(loop) for loop in loops]

    async def ready(self, within: float = 20.0) -> None:
        """Return once leaves can be signed."""
        async with asyncio.timeout(within):
            while self.manager.why_not_ready():
                for task in self._tasks:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.005)

    async def sign(self, service: str = "web", **kwargs) -> IssuedLeaf:
        """Sign a leaf for a service with a new key."""
        return await self.manager.sign(csr_for(service), principal=Anonymous(), **kwargs)

    async def kill(self) -> None:
        """Stop as a dying process does: nothing is given back, nothing is noted."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Stop cleanly."""
        await self.kill()
        await self.manager.close()
        await self.keeper.close()
        await asyncio.to_thread(self.bystanders.close)
        await asyncio.to_thread(self.store.close)


@contextlib.asynccontextmanager
async def running(*rooms: Room) -> AsyncIterator[None]:
    """Run rooms together and stop them cleanly."""
    for room in rooms:
        room.start()
    try:
        yield
    finally:
        for room in rooms:
            await room.close()


def csr_for(service: str = "web") -> CheckedCsr:
    """Return a checked CSR for a service of this cluster."""
    identity = ServiceId(trust_domain=DOMAIN, datacenter="dc1", service=service)
    return check_csr(leaf_csr(new_leaf_key(), identity))


def short(leaf_ttl: timedelta) -> CASettings:
    """Return settings with another leaf TTL and no admission control."""
    return CASettings(provider="under-test", leaf_ttl=leaf_ttl, csr_max_per_second=0)
