"""How often an agent asks and tells its servers something, whatever local programs do."""

from ca_core.allowances import Bucket
from ca_core.clock import Clock


class Pace:
    """Lets requests go: ``at_once`` without a pause, then so many in a second. One event loop.

    What comes up while one waits for its turn gathers for it, so nothing gets lost.
    """

    def __init__(self, clock: Clock, *, at_once: float, per_second: float) -> None:
        self._clock = clock
        self._at_once = at_once
        self._per_second = per_second
        self._left = Bucket(at_once, clock.monotonic())

    async def turn(self, cost: float = 1.0) -> None:
        """Return when there may be one more; one that is dear to answer counts as ``cost``."""
        if (left := self._refilled().tokens) < 1:
            await self._clock.sleep((1 - left) / self._per_second)
        self._left = self._refilled().taken(cost)

    def _refilled(self) -> Bucket:
        now = self._clock.monotonic()
        return self._left.refilled(now, rate=self._per_second, burst=self._at_once)
