"""Many callers at once, each on a thread of its own, timed by the wall clock.

Processor time would not do here: most of what a signature costs is another process's.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from bench.interleaved import Turns

JobT = TypeVar("JobT")
Caller = Callable[[JobT], object]
"""Does one job; for one thread at a time."""


def take_turns_at_once(
    ways: Mapping[str, Sequence[Caller[JobT]]],
    jobs: Callable[[int], Sequence[JobT]],
    *,
    rounds: int,
    seconds: float,
) -> Turns:
    """Time the ways round by round, each with the same jobs, about ``seconds`` in all each.

    Args:
        ways: the callers of each; as many as there are work at once.
        jobs: makes that many new ones; not timed.
        rounds: the way that begins is another one each time.
        seconds: of each way.
    """
    measured: dict[str, list[float]] = {name: [] for name in ways}
    count = _jobs_in(ways, jobs, seconds / rounds)
    names = list(ways)
    for turn in range(rounds):
        work = jobs(count)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            measured[name].append(seconds_per_job(ways[name], work))
    return Turns({name: tuple(figures) for name, figures in measured.items()})


def seconds_per_job(callers: Sequence[Caller[JobT]], jobs: Iterable[JobT]) -> float:
    """Return the wall time of all jobs, divided by their number; the threads' start is not in it.

    Raises:
        Exception: what a caller raised.
    """
    waiting = deque(jobs)
    count, ready = len(waiting), threading.Barrier(len(callers) + 1)
    with ThreadPoolExecutor(len(callers)) as threads:
        futures = [threads.submit(_work, caller, waiting, ready) for caller in callers]
        ready.wait()
        started = time.perf_counter()
        for future in futures:
            future.result()
        return (time.perf_counter() - started) / count


def _work(caller: Caller[JobT], waiting: deque[JobT], ready: threading.Barrier) -> None:
    ready.wait()
    while True:
        try:
            job = waiting.popleft()
        except IndexError:
            return
        caller(job)


def _jobs_in(
    ways: Mapping[str, Sequence[Caller[JobT]]],
    jobs: Callable[[int], Sequence[JobT]],
    seconds: float,
) -> int:
    """Return how many jobs fill about ``seconds``, one for each caller at least; warms up."""
    callers = max(map(len, ways.values()))
    first = jobs(callers)
    took = [seconds_per_job(each, first) for _ in range(2) for each in ways.values()]
    return max(callers, int(seconds / min(took)))
