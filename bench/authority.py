"""A server's authority room with its lifecycle on a real file, without any API."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from ca_core.authority.cluster import ensure_cluster
from ca_core.authority.leadership import LeaseKeeper
from ca_core.authority.manager import CAManager
from ca_core.authority.opening import Counters, Opener
from ca_core.authority.registry import Registry
from ca_core.authority.rows import ROOTS_TOPIC
from ca_core.authority.settings import CASettings
from ca_core.clock import SystemClock
from ca_core.errors import GuardError
from ca_core.identity.spiffe import TrustDomain
from ca_core.lifecycle.lifecycle import Lifecycle
from ca_core.lifecycle.rows import OPERATIONS_TOPIC, OperationPhase, OperationRow, Wishes, operation
from ca_core.lifecycle.tools import Tools
from ca_core.state.kek import Kek, KeyRing
from ca_core.state.lease import Lease
from ca_core.state.sqlite import SqliteEngine
from ca_core.state.store import Store

DOMAIN = TrustDomain("bench.consul")
QUICK = Wishes(settle=timedelta())
UNLIMITED = CASettings(provider="builtin", csr_max_per_second=0)
PATIENCE = 600
_NAME = "bench"
_LOOK_AGAIN = 0.5
_TOPICS = (OPERATIONS_TOPIC, ROOTS_TOPIC)
_KEYS = KeyRing((Kek.of(bytes(range(32))),))


class Bench:
    """What a benchmark drives."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = SystemClock()
        ensure_cluster(store, self.clock, datacenter="dc1", domain=DOMAIN)
        opener = Opener(
            store=store,
            keyring=lambda: _KEYS,
            registry=Registry(),
            clock=self.clock,
            counters=Counters(on_violation=_raised, on_issued=_ignored, on_bug=_ignored),
        )
        self.manager = CAManager(opener, run=_NAME)
        self.manager.prepare(UNLIMITED)
        self.lifecycle = Lifecycle(
            Tools(
                store=store,
                clock=self.clock,
                slots=self.manager.slots,
                opener=opener,
                record=self.manager.record,
            )
        )

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once ``holds()``, looking whenever an operation or a root changes."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                seen = self.store.snapshot.topic_index(*_TOPICS)
                await self.store.wait(_TOPICS, seen, _LOOK_AGAIN)

    async def until_phase(self, name: str, phase: OperationPhase) -> OperationRow:
        """Return the operation once it is in a phase."""
        await self.until(lambda: self._found(name).phase is phase)
        return self._found(name)

    def _found(self, name: str) -> OperationRow:
        row = operation(self.store.snapshot, name)
        if row is None:
            raise LookupError(name)
        return row


@asynccontextmanager
async def running() -> AsyncIterator[Bench]:
    """Run a server's loops on a new file until the block is left; leaves can be signed."""
    with tempfile.TemporaryDirectory() as folder, Store(_engine(folder)) as store:
        bench = Bench(store)
        keeper = LeaseKeeper(Lease(store, bench.clock, _NAME), bench.clock)
        loops = (keeper.run(), bench.manager.run(keeper), bench.lifecycle.run(keeper))
        tasks = [asyncio.ensure_future(loop) for loop in loops]
        try:
            await bench.until(lambda: not bench.manager.why_not_ready())
            yield bench
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await bench.manager.close()
            await keeper.close()


def _engine(folder: str) -> SqliteEngine:
    return SqliteEngine(Path(folder) / "state.db")


def _ignored(_: str) -> None:
    """Count nothing."""


def _raised(error: GuardError) -> None:
    raise error
