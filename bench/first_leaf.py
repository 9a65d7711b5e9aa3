"""From the start of ``ca-core dev`` to its first leaf: the first minute of a newcomer."""

import time
from collections.abc import Iterator
from statistics import median

from bench.finding import Finding
from bench.processes import CA_CORE, answer_of, running
from ca_core.testing.ports import free_port

GOAL_MS = 1000
LEAF = "/v1/agent/connect/ca/leaf/web"


def run(*, seconds: float) -> Iterator[Finding]:
    """Start it about ``seconds`` times two, at least once, in memory."""
    took = [_once() for _ in range(max(1, int(seconds * 2)))]
    yield Finding(
        benchmark="first_leaf",
        case="ca-core dev to first leaf",
        value=median(took) * 1000,
        unit="ms",
        compared=f"slowest of {len(took)}: {max(took) * 1000:.0f} ms",
        at_most=GOAL_MS,
    )


def _once() -> float:
    port = free_port()
    started = time.perf_counter()
    with running([CA_CORE, "dev", "--listen", f"127.0.0.1:{port}"]) as process:
        answer_of(port, LEAF, process)
        return time.perf_counter() - started
