"""Discovery from the agent's memory against an empty handler: what the answer itself costs.

Both are on one server and one lane. A service with its proxy is registered, so that there are rows.
"""

import asyncio
from collections.abc import Iterator
from statistics import median

import httpx
import uvloop

from bench.finding import Finding
from bench.serving import EMPTY, rates, serving

GOAL = 0.7
PLACES = {
    "GET health/service?passing, from memory": "/v1/health/service/web?passing",
    "GET health/connect, from memory": "/v1/health/connect/web",
}
WEB = {"Name": "web", "Port": 80, "Connect": {"SidecarService": {}}}


def run(*, seconds: float) -> Iterator[Finding]:
    """Measure all of them by turns, about ``seconds`` each."""
    found = uvloop.run(_measured(seconds))
    empty = found[EMPTY]
    for case in PLACES:
        pairs = zip(found[case], empty, strict=True)
        yield Finding(
            benchmark="discovery",
            case=case,
            value=median(found[case]),
            unit="/s",
            ratio=median(ours / best for ours, best in pairs),
            at_least=GOAL,
            compared=f"an empty handler {median(empty):,.0f} /s",
        )


async def _measured(seconds: float) -> dict[str, list[float]]:
    """Return answers per second of processor time, one figure per round."""
    async with serving() as here:
        await _register(f"http://127.0.0.1:{here.port}")
        return await rates(here.port, {EMPTY: EMPTY, **PLACES}, seconds)


async def _register(url: str) -> None:
    """Register the service, and return once both of its views have a row."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        registered = await client.put("/v1/agent/service/register", json=WEB)
        registered.raise_for_status()
        async with asyncio.timeout(10):
            for place in ("/v1/health/service/web", "/v1/health/connect/web"):
                index = "0"
                while True:
                    answer = await client.get(place, params={"index": index, "wait": "5s"})
                    if answer.json():
                        break
                    index = answer.headers["x-consul-index"]
