"""What it costs the CA to issue every leaf anew after a rotation.

Ten thousand leaves of the old root are replaced by leaves of the new one, a hundred at a time, each
from a CSR of its own in PEM to a chain in PEM: CSR check, admission, signature, the guard's rules,
the record. The seconds are this process's own processor time, all threads together; the agents'
part (keys and CSRs) is made before, and HTTP and TLS are not in it.
"""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from datetime import datetime

import uvloop

from bench.authority import DOMAIN, QUICK, Bench, running
from bench.finding import Finding
from bench.primitives import Primitives, csr_pem
from ca_core.acl.principal import Anonymous
from ca_core.authority.rows import current_signer
from ca_core.authority.unreplaced import issuances, unreplaced
from ca_core.clock import SystemClock
from ca_core.contract.issuing import issue_root
from ca_core.identity.csr import check_csr, load_csr
from ca_core.identity.keys import KeySpec, generate_key
from ca_core.identity.spiffe import TrustDomain
from ca_core.lifecycle.rows import OperationPhase

LEAVES = 10_000
A_FEW = 40
"""Leaves of a run that is only to show that it runs."""
AT_ONCE = 100
GOAL_SECONDS = 5
KEYS = 256
"""Different CSRs; making ten thousand would take longer than what is measured."""


def run(*, seconds: float) -> Iterator[Finding]:
    """Measure once; with less than a second a variant, on a few leaves."""
    leaves = LEAVES if seconds >= 1 else A_FEW
    csrs = [csr_pem(_name(number)) for number in range(min(leaves, KEYS))]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        spent, counting = runner.run(_measured(csrs, leaves))
    bare = _primitives(csrs, leaves)
    yield Finding(
        benchmark="reissue",
        case=f"{leaves:,} leaves after a rotation",
        value=spent,
        unit="s",
        compared=f"primitives {bare:.1f} s ({bare / spent:.0%} of it); "
        f"who renewed, from the record: {counting * 1000:.0f} ms",
        at_most=GOAL_SECONDS,
    )


def _name(number: int) -> str:
    return f"spiffe://{DOMAIN.name}/ns/default/dc/dc1/svc/svc-{number}"


async def _measured(csrs: Sequence[bytes], leaves: int) -> tuple[float, float]:
    """Return processor seconds for issuing all anew, and for reading who renewed."""
    async with running() as bench:
        ends = await _issued(bench, csrs, [None] * leaves)
        old = current_signer(bench.store.snapshot)
        begun = await bench.lifecycle.changes.rotate(actor="bench", wishes=QUICK)
        await bench.until_phase(begun.id, OperationPhase.ACTIVE)
        began = time.process_time()
        await _issued(bench, csrs, ends)
        spent = time.process_time() - began
        began = time.process_time()
        await asyncio.to_thread(_left, bench, old[0].id if old else "")
        return spent, time.process_time() - began


def _left(bench: Bench, authority: str) -> int:
    return unreplaced(issuances(bench.store), authority, bench.clock.now())


async def _issued(
    bench: Bench, csrs: Sequence[bytes], replaced: Sequence[datetime | None]
) -> list[datetime]:
    """Have one leaf signed for each that is replaced, so many at once; return when they end."""
    places = itertools.cycle(csrs)
    ends: list[datetime] = []
    for start in range(0, len(replaced), AT_ONCE):
        some = replaced[start : start + AT_ONCE]
        ends += await asyncio.gather(*(_one(bench, next(places), former) for former in some))
    return ends


async def _one(bench: Bench, csr: bytes, replaces: datetime | None) -> datetime:
    checked = check_csr(load_csr(csr))
    issued = await bench.manager.sign(checked, principal=Anonymous(), replaces=replaces)
    return issued.certificate.not_valid_after_utc


def _primitives(csrs: Sequence[bytes], leaves: int) -> float:
    """Return processor seconds for the same leaves by the library alone."""
    key = generate_key(KeySpec())
    now, domain = SystemClock().now(), TrustDomain(DOMAIN.name)
    issuer = issue_root(key, trust_domain=domain, label="bench", now=now, ttl=QUICK.patience)
    bare = Primitives(issuer, key, _name(0))
    places = itertools.cycle(csrs)
    began = time.process_time()
    for _ in range(leaves):
        bare.leaf_pem(next(places))
    return time.process_time() - began
