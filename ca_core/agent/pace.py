"""How often an agent asks and tells its servers something, whatever local programs do."""

from ca_core.clock import Clock


class Pace:
    """Lets requests go: ``at_once`` without a pause, then so many in a second. One event loop.

    What comes up while one waits for its turn gathers for it, so nothing gets lost.
    """

    def __init__(self, clock: Clock, *, at_once: float, per_second: float) -> None:
        self._clock = clock
        self._most = self._left = at_once
        self._per_second = per_second
        self._at = clock.monotonic()

    async def turn(self, cost: float = 1.0) -> None:
        """Return when there may be one more; one that is dear to answer counts as ``cost``."""
        self._refill()
        if self._left < 1:
            await self._clock.sleep((1 - self._left) / self._per_second)
            self._refill()
        self._left -= cost

    def _refill(self) -> None:
        now = self._clock.monotonic()
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
