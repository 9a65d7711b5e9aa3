"""How often an agent asks its servers for news, whatever local programs make it want."""

from ca_core.clock import Clock

AT_ONCE = 50.0
"""Questions that are asked without a pause: an agent that begins, a host with many services."""
PER_SECOND = 20.0
"""Questions that follow. What is wanted meanwhile gathers for the next, so nothing waits longer
than a twentieth of a second for it."""


class Pace:
    """Lets questions go: some at once, then so many in a second. Used from one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left = AT_ONCE
        self._at = clock.monotonic()

    async def turn(self, cost: float = 1.0) -> None:
        """Return when one more may be asked; one that is dear to answer counts as ``cost``."""
        self._refill()
        if self._left < 1:
            await self._clock.sleep((1 - self._left) / PER_SECOND)
            self._refill()
        self._left -= cost

    def _refill(self) -> None:
        now = self._clock.monotonic()
        self._left = min(AT_ONCE, self._left + (now - self._at) * PER_SECOND)
        self._at = now
