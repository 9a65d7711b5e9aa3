"""What stands beside a signature: the hop to the signing thread, and the record of it."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from bench.primitives import Primitives, csr_pem
from ca_core.authority.hands import Hands
from ca_core.authority.limiter import Limiter
from ca_core.authority.record import IssuanceRecord
from ca_core.clock import SystemClock
from ca_core.contract.issuing import issue_root
from ca_core.identity.spiffe import TrustDomain
from ca_core.state.protocol import Change, Transaction
from ca_core.state.sqlite import SqliteEngine
from ca_core.state.store import Store

WEB = "spiffe://bench.consul/ns/default/dc/dc1/svc/web"
UNLIMITED = 1e9


def cost_of_queue_and_record(*, seconds: float) -> str:
    """Return the medians as a person reads them."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measured(Path(folder), seconds))


async def _measured(folder: Path, seconds: float) -> str:
    queue = await _queue_microseconds(seconds)
    with Store(SqliteEngine(folder / "state.db")) as store:
        record = await _record_microseconds(store, seconds)
        commit = await _microseconds(lambda: _one_commit(store), seconds)
    return f"queue {queue:.0f} µs, record {record:.0f} µs, durable commit {commit:.0f} µs"


async def _queue_microseconds(seconds: float) -> float:
    """Admission and the way to the one signing thread and back."""
    limiter = Limiter(SystemClock(), rate=UNLIMITED)
    with closing(Hands(1)) as thread:

        async def once() -> None:
            await limiter.admit(datetime.now(UTC))
            await thread.submit(int)

        return await _microseconds(once, seconds)


async def _record_microseconds(store: Store, seconds: float) -> float:
    """The ceiling (committed once an hour) and the ledger row (written in groups)."""
    leaf, record = _leaf(), IssuanceRecord(store, SystemClock(), run="bench")

    async def once() -> None:
        await record.raise_ceiling("a", "s", leaf.not_valid_after_utc)
        record.add(leaf, identity=WEB, principal="node bench", authority="a", signer="s")

    return await _microseconds(once, seconds, at_most=2000)


async def _one_commit(store: Store) -> None:
    await store.commit_async(Transaction(changes=(Change("bench", "row", b"value"),)))


async def _microseconds(
    once: Callable[[], Awaitable[object]], seconds: float, *, at_most: int = 20_000
) -> float:
    give_up = time.perf_counter() + seconds
    took: list[float] = []
    while len(took) < at_most and (not took or time.perf_counter() < give_up):
        started = time.perf_counter()
        await once()
        took.append(time.perf_counter() - started)
    return median(took) * 1e6


def _leaf() -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    root = issue_root(
        key,
        trust_domain=TrustDomain("bench.consul"),
        label="bench",
        now=datetime.now(UTC),
        ttl=timedelta(days=1),
    )
    pem = Primitives(root, key, WEB).leaf_pem(csr_pem(WEB))
    return x509.load_pem_x509_certificate(pem)
