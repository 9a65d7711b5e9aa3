"""Decisions by the index alone, up to a million intentions: how fast, how even, how large.

Seconds are processor time of this process, so that what others run meanwhile does not count.
"""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import TypeVar

import uvloop

from bench.finding import Finding
from bench.intentions import Pair, intentions, services
from bench.interleaved import take_turns
from ca_core.intentions.building import built, changed
from ca_core.intentions.index import Index

SIZES = (100, 10_000, 100_000, 1_000_000)
GOAL_MICROSECONDS = {100_000: 1.0, 1_000_000: 2.0}
GOAL_RATIO = 1.5
GOAL_STALL_MS = 10.0
HOT = 64
BATCH = 128
ROUNDS = 21
COLLECTIONS = 5
DELTAS = 200
LARGE_DELTA = 10_000
_PAGE = 4096

ResultT = TypeVar("ResultT")


def run(*, seconds: float) -> Iterator[Finding]:
    """Measure each size, about ``seconds`` for each kind of question."""
    alone, _ = uvloop.run(_watched(_collect()))
    _, small = uvloop.run(_build(SIZES[0]))
    for size in SIZES:
        before = _resident()
        stall, index = uvloop.run(_build(size))
        each = (_resident() - before) / len(index)
        yield from _speed(index, size, seconds)
    yield _evenness(small, index, seconds)
    yield _stall("built in slices", stall)
    yield from uvloop.run(_stalls(index))
    yield _collection(alone)
    yield Finding(benchmark="decide", case="memory per intention", value=each, unit="B")


def _speed(index: Index, size: int, seconds: float) -> Iterator[Finding]:
    random = Random(1)
    named = _sample(index, random)
    kinds: dict[str, Callable[[], Pair]] = {
        "random pairs": lambda: services(random, size),
        "pairs with an intention": lambda: _fresh(random.choice(named)),
    }
    for kind, draw in kinds.items():
        yield Finding(
            benchmark="decide",
            case=f"{kind}, {size:,} intentions",
            value=_p50(index, draw, seconds) * 1e6,
            unit="µs",
            at_most=GOAL_MICROSECONDS.get(size),
        )


def _sample(index: Index, random: Random) -> Sequence[Pair]:
    """Return the names of up to 20,000 intentions between two services, evenly drawn."""
    share = 20_000 / len(index)
    found = (one for one in index if random.random() < share)
    return [(one.source, one.destination) for one in found if one.source.is_service]


def _fresh(pair: Pair) -> Pair:
    """Return equal names whose letters were just read."""
    source, destination = pair
    return (
        source._replace(name="".join(source.name)),
        destination._replace(name="".join(destination.name)),
    )


def _p50(index: Index, draw: Callable[[], Pair], seconds: float) -> float:
    """Return the median over batches, in seconds for each decision."""
    found = []
    until = time.process_time() + seconds
    while time.process_time() < until:
        found.append(_timed(index, [draw() for _ in range(BATCH)]))
    return median(found)


def _timed(index: Index, pairs: Iterable[Pair]) -> float:
    decide = index.decide
    started = time.process_time()
    for source, destination in pairs:
        decide(source, destination)
    return (time.process_time() - started) / BATCH


def _evenness(small: Index, large: Index, seconds: float) -> Finding:
    """Compare the same number of hot pairs, half of them with an intention."""
    variants = {
        name: _repeating(index, size)
        for name, index, size in (("small", small, SIZES[0]), ("large", large, SIZES[-1]))
    }
    turns = take_turns(variants, rounds=ROUNDS, seconds=seconds)
    return Finding(
        benchmark="decide",
        case=f"{HOT} hot pairs, 1,000,000 against 100",
        value=turns.microseconds("large") / HOT,
        unit="µs",
        compared=f"{turns.microseconds('small') / HOT:.2f} µs with 100",
        ratio=turns.ratio("small", "large"),
        at_most=GOAL_RATIO,
    )


def _repeating(index: Index, size: int) -> Callable[[], object]:
    random = Random(2)
    named = random.choices(_sample(index, random), k=HOT // 2)
    pairs = [*named, *(services(random, size) for _ in range(HOT // 2))]
    decide = index.decide

    def all_of_them() -> None:
        for source, destination in pairs:
            decide(source, destination)

    return all_of_them


async def _build(size: int) -> tuple[float, Index]:
    return await _watched(built(intentions(size), pause=_pause))


async def _stalls(index: Index) -> list[Finding]:
    """Change with a ticker beside it."""
    single, _ = await _watched(_change_one_by_one(index))
    large, _ = await _watched(changed(index, intentions(LARGE_DELTA), pause=_pause))
    return [
        _stall("one change", single),
        _stall(f"{LARGE_DELTA:,} changes in slices", large),
    ]


def _collection(alone: float) -> Finding:
    longest = max(uvloop.run(_watched(_collect()))[0] for _ in range(COLLECTIONS))
    return _stall("a full collection", longest, f"{alone * 1000:.1f} ms without an index")


async def _change_one_by_one(index: Index) -> None:
    for one in intentions(DELTAS):
        index = index.with_changes([one])
        await _pause()


async def _collect() -> None:
    gc.collect()


async def _pause() -> None:
    await asyncio.sleep(0)


async def _watched(work: Awaitable[ResultT]) -> tuple[float, ResultT]:
    """Return the longest that nobody else had a turn, in seconds, and the result."""
    task, longest = asyncio.ensure_future(work), 0.0
    while not task.done():
        started = time.thread_time()
        await asyncio.sleep(0)
        longest = max(longest, time.thread_time() - started)
    return longest, await task


def _stall(case: str, seconds: float, compared: str = "") -> Finding:
    return Finding(
        benchmark="decide",
        case=f"longest stall, {case}, 1,000,000",
        value=seconds * 1000,
        unit="ms",
        at_most=GOAL_STALL_MS,
        compared=compared,
    )


def _resident() -> int:
    """Return the bytes of memory that this process holds."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
