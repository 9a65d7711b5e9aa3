"""The mesh: every program, what they follow, and the pairs that they form."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from demo.pairs import Pair, Tally
from demo.program import LEAF, ROOTS, Bundle, Program, follow

READY = 30.0
"""Seconds until every program must have its first leaf."""

_UNLIMITED = httpx.Limits(max_connections=None)  # every program waits on one of its own


@dataclass(frozen=True, slots=True)
class Mesh:
    """Programs, and what their handshakes came to."""

    programs: tuple[Program, ...]
    tally: Tally

    def issuers(self) -> tuple[str, ...]:
        """Return what signed each program's leaf."""
        return tuple(program.signed_by for program in self.programs)


@asynccontextmanager
async def mesh(url: str, *, pairs: int, rate: float) -> AsyncIterator[Mesh]:
    """Run so many pairs that make ``rate`` handshakes a second together, until the block ends."""
    bundle, tally = Bundle(), Tally()
    names = (f"{side}-{number}" for number in range(pairs) for side in ("ask", "serve"))
    programs = tuple(Program(name, bundle) for name in names)
    ways: list[tuple[str, Callable[[bytes], None]]] = [(ROOTS, bundle.take)]
    ways += [(LEAF + program.name, program.take) for program in programs]
    couples = zip(programs[::2], programs[1::2], strict=True)
    together = [Pair(*couple, tally, pause=pairs / rate) for couple in couples]
    async with (
        httpx.AsyncClient(base_url=url, limits=_UNLIMITED) as client,
        _under_way(follow(client, path, take) for path, take in ways),
    ):
        await _ready(bundle, programs)
        async with _under_way(pair.run() for pair in together):
            yield Mesh(programs, tally)


@asynccontextmanager
async def _under_way(runs: Iterable[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run all of them until the block ends."""
    tasks = [asyncio.create_task(run) for run in runs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _ready(bundle: Bundle, programs: tuple[Program, ...]) -> None:
    async with asyncio.timeout(READY):
        while not bundle.anchors or not all(program.signed_by for program in programs):
            await asyncio.sleep(0.05)
