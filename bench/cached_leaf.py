"""The agent's cached leaf against an empty handler: what the answer itself costs.

Both are on one server and one lane: the request is read and its caller known before either begins.
The client runs in a process of its own and keeps sixteen connections busy; what counts is the
server's processor time for each answer.
"""

from collections.abc import Iterator
from statistics import median

import uvloop

from bench.finding import Finding
from bench.serving import EMPTY, rates, serving

GOAL = 0.7
LEAF = "/v1/agent/connect/ca/leaf/web"


def run(*, seconds: float) -> Iterator[Finding]:
    """Measure both by turns, about ``seconds`` each."""
    found = uvloop.run(_measured(seconds))
    leaf, empty = found[LEAF], found[EMPTY]
    yield Finding(
        benchmark="cached_leaf",
        case="GET leaf, from memory",
        value=median(leaf),
        unit="/s",
        ratio=median(ours / best for ours, best in zip(leaf, empty, strict=True)),
        at_least=GOAL,
        compared=f"an empty handler {median(empty):,.0f} /s",
    )


async def _measured(seconds: float) -> dict[str, list[float]]:
    """Return answers per second of processor time, one figure per round."""
    async with serving() as here:
        return await rates(here.port, {EMPTY: EMPTY, LEAF: LEAF}, seconds)
