"""The agent's cached leaf and roots against an empty handler: what the answer itself costs.

All are on one server and one lane: the request is read and its caller known before either begins.
The client runs in a process of its own and keeps its connections busy; what counts is the server's
processor time for each answer.
"""

from collections.abc import Iterator
from statistics import median

import uvloop

from bench.finding import Finding
from bench.serving import EMPTY, rates, serving

GOAL = 0.7
CONNECTIONS = (1, 32)
CASES = {
    "GET leaf": "/v1/agent/connect/ca/leaf/web",
    "GET roots": "/v1/agent/connect/ca/roots",
}


def run(*, seconds: float) -> Iterator[Finding]:
    """Measure all by turns, about ``seconds`` each."""
    for connections in CONNECTIONS:
        for way, found in uvloop.run(_measured(seconds, connections)).items():
            yield from _findings(f"{way}, {connections} at once", found)


def _findings(how: str, found: dict[str, list[float]]) -> Iterator[Finding]:
    empty = found[EMPTY]
    for case in CASES:
        yield Finding(
            benchmark="cached_leaf",
            case=f"{case}, from memory, {how}",
            value=median(found[case]),
            unit="/s",
            ratio=median(ours / best for ours, best in zip(found[case], empty, strict=True)),
            at_least=GOAL,
            compared=f"an empty handler {median(empty):,.0f} /s",
        )


async def _measured(seconds: float, connections: int) -> dict[str, dict[str, list[float]]]:
    """Return answers per second of processor time, one figure per round, by way and case."""
    requests = {EMPTY: EMPTY, **CASES}
    async with serving() as here:
        return {
            "TCP": await rates(here.port, requests, seconds, connections=connections),
            "unix": await rates(here.socket, requests, seconds, connections=connections),
        }
