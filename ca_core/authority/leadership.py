"""Being the one server that makes authorities: the lease, kept alive in the background."""

import asyncio
import logging
from contextlib import suppress

from ca_core.clock import Clock
from ca_core.errors import ConflictError, Error
from ca_core.state.lease import SPAN, Lease
from ca_core.state.protocol import Fence

_log = logging.getLogger("ca_core.authority")


class LeaseKeeper:
    """Acquires and renews a lease on the event loop; the commits themselves run in a thread."""

    def __init__(self, lease: Lease, clock: Clock) -> None:
        self._lease = lease
        self._clock = clock
        self._tried = asyncio.Condition()

    @property
    def leads(self) -> bool:
        """Say whether this server holds the lease now."""
        return self._lease.held

    async def held(self) -> Fence:
        """Return once this server holds the lease; the fence goes into every commit."""
        while True:
            async with self._tried:
                await self._tried.wait_for(lambda: self._lease.held)
            with suppress(ConflictError):  # it was taken in this very moment
                return self._lease.fence

    async def close(self) -> None:
        """Give the lease back, so that another server need not wait for its end.

        ``run`` must have ended.
        """
        try:
            await asyncio.to_thread(self._lease.release)
        except Error as error:
            _log.warning("the lease could not be given back, it ends by itself: %s", error)

    async def run(self) -> None:
        """Acquire and renew for ever; cancel to end."""
        while True:
            try:
                await asyncio.to_thread(self._lease.acquire)
            except Error as error:
                _log.warning("the lease could not be renewed: %s", error)
            async with self._tried:
                self._tried.notify_all()
            await self._clock.sleep(SPAN.total_seconds() / 3)
