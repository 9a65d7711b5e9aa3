"""``ca-core --help`` against a bare interpreter: what imports cost a person who only looks."""

import sys
from collections.abc import Iterator
from statistics import median

from bench.finding import Finding
from bench.processes import CA_CORE, wall_seconds

GOAL_MS = 150


def run(*, seconds: float) -> Iterator[Finding]:
    """Time the two by turns, about ``seconds`` each and at least three times."""
    times = max(3, int(seconds / 0.2))
    ours, bare = [], []
    for _ in range(times):
        ours.append(wall_seconds([CA_CORE, "--help"]))
        bare.append(wall_seconds([sys.executable, "-c", "pass"]))
    yield Finding(
        benchmark="help",
        case="ca-core --help",
        value=median(ours) * 1000,
        unit="ms",
        compared=f"bare interpreter {median(bare) * 1000:.0f} ms, {times} runs",
        at_most=GOAL_MS,
    )
