"""How long a rotation takes with a hundred agents and with ten thousand, phase by phase.

Every agent counts, and acknowledges by the commit that its server would make, fifty at a time,
while the change is driven. What grows with the number of agents is their own commits; what one
acknowledgement costs must not grow, although each one is a reason to look at all the evidence.
"""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta

import uvloop

from bench.authority import QUICK, Bench, running
from bench.finding import Finding
from ca_core.authority.rows import put
from ca_core.identity.spiffe import AgentId
from ca_core.lifecycle.acknowledging import acknowledged
from ca_core.lifecycle.evidence import bundle_of
from ca_core.lifecycle.rows import (
    AGENTS,
    AGENTS_TOPIC,
    AgentRecord,
    OperationPhase,
    OperationRow,
)
from ca_core.state.protocol import Transaction

FEW, MANY = 100, 10_000
A_FEW = (5, 50)
"""Agents of a run that is only to show that it runs."""
AT_ONCE = 50
LIFE = timedelta(hours=72)
GROWTH = 3
"""One acknowledgement among ten thousand may cost so many times what it costs among a hundred."""
LONGEST_MAKING_MS = 5000


def run(*, seconds: float) -> Iterator[Finding]:
    """Measure once for each number of agents."""
    few, many = (FEW, MANY) if seconds >= 1 else A_FEW
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        small, small_each = runner.run(_measured(few))
        large, large_each = runner.run(_measured(many))
    yield _making(small, few)
    yield _making(large, many)
    yield Finding(
        benchmark="phases",
        case=f"one acknowledgement of {many:,}",
        value=large_each * 1e6,
        unit="µs",
        ratio=small_each / large_each,
        at_least=1 / GROWTH,
        compared=f"of {few:,}: {small_each * 1e6:.0f} µs; "
        f"all: {_span(large, OperationPhase.DISTRIBUTED, OperationPhase.ACTIVE):.1f} s "
        f"and {_span(small, OperationPhase.DISTRIBUTED, OperationPhase.ACTIVE):.1f} s",
    )


def _making(row: OperationRow, agents: int) -> Finding:
    made = _span(row, OperationPhase.PLANNED, OperationPhase.PREPARED)
    out = _span(row, OperationPhase.PREPARED, OperationPhase.DISTRIBUTED)
    return Finding(
        benchmark="phases",
        case=f"until distributed, {agents:,} agents",
        value=(made + out) * 1000,
        unit="ms",
        at_most=LONGEST_MAKING_MS,
        compared=f"made and rehearsed in {made * 1000:.0f} ms",
    )


def _span(row: OperationRow, start: OperationPhase, end: OperationPhase) -> float:
    """Return the seconds from one phase to another, as the operation's history has it."""
    moments = {step.phase: step.at for step in row.history}
    return (moments[end] - moments[start]).total_seconds()


async def _measured(agents: int) -> tuple[OperationRow, float]:
    """Return a rotation that is over, and processor seconds for one acknowledgement."""
    async with running() as bench:
        await _joined(bench, agents)
        begun = await bench.lifecycle.changes.rotate(actor="bench", wishes=QUICK)
        await bench.until_phase(begun.id, OperationPhase.DISTRIBUTED)
        began = time.process_time()
        for start in range(0, agents, AT_ONCE):
            some = range(start, min(start + AT_ONCE, agents))
            await asyncio.gather(*(_acknowledged(bench, number) for number in some))
        done = await bench.until_phase(begun.id, OperationPhase.ACTIVE)
        return done, (time.process_time() - began) / agents


async def _joined(bench: Bench, agents: int) -> None:
    rows = [put(AGENTS, _node(number), _record(bench, number)) for number in range(agents)]
    for start in range(0, agents, AT_ONCE):
        some = tuple(rows[start : start + AT_ONCE])
        topics = frozenset({AGENTS_TOPIC})
        await bench.store.commit_async(Transaction(changes=some, topics=topics))


def _record(bench: Bench, number: int) -> AgentRecord:
    now, node = bench.clock.now(), _node(number)
    domain = bench.manager.trust_domain
    identity = AgentId(trust_domain=domain, datacenter=bench.manager.datacenter, node=node)
    return AgentRecord(
        node=node, spiffe_id=str(identity), keys=("0" * 64,), joined=now, leaf_not_after=now + LIFE
    )


def _node(number: int) -> str:
    return f"node-{number}"


async def _acknowledged(bench: Bench, number: int) -> None:
    """Say what an agent says, by the commit of the server that hears it."""
    view, anchors = bench.store.snapshot, tuple(sorted(bundle_of(bench.store.snapshot)))
    said = acknowledged(view, _node(number), anchors, bench.clock.now())
    if said is not None:
        await bench.store.commit_async(said)
