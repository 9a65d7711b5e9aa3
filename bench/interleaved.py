"""Compare several ways of doing something by turns, so that a busy machine disturbs all alike.

Seconds are seconds of this process's own processor time: what others run meanwhile does not count.
"""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Turns:
    """Seconds per call of each variant, one figure per round, in the order measured."""

    seconds: Mapping[str, tuple[float, ...]]

    def per_second(self, variant: str) -> float:
        """Return the median rate of a variant."""
        return 1 / median(self.seconds[variant])

    def microseconds(self, variant: str) -> float:
        """Return the median time of one call."""
        return median(self.seconds[variant]) * 1e6

    def ratio(self, variant: str, limit: str) -> float:
        """Return how much of ``limit``'s rate ``variant`` reaches: the median over the rounds."""
        pairs = zip(self.seconds[limit], self.seconds[variant], strict=True)
        return median(best / ours for best, ours in pairs)


def take_turns(
    variants: Mapping[str, Callable[[], object]], *, rounds: int, seconds: float
) -> Turns:
    """Time the variants round by round, each for about ``seconds / rounds`` a round."""
    calls = {name: _calls_in(call, seconds / rounds) for name, call in variants.items()}
    measured: dict[str, list[float]] = {name: [] for name in variants}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, call in variants.items():
                measured[name].append(_timed(call, calls[name]))
    finally:
        gc.enable()
    return Turns({name: tuple(figures) for name, figures in measured.items()})


def _calls_in(call: Callable[[], object], seconds: float) -> int:
    """Return how many calls fill about ``seconds``, after warming up."""
    once = min(_timed(call, 1) for _ in range(5))
    return max(1, int(seconds / once))


def _timed(call: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - started) / times
