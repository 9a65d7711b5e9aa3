"""Over what time leaves would be re-issued after a change: what every agent is told in advance."""

import asyncio
from datetime import timedelta

from ca_core.authority.configuration import settings_of
from ca_core.authority.livingleaves import LivingLeaves
from ca_core.lifecycle.spread import reissue_spread
from ca_core.lifecycle.tools import Tools

KEPT_SECONDS = 3.0
"""An answer is given this long: ten thousand agents ask a thousand times a second."""


class Reissue:
    """Sizes the re-issue of all leaves. Lives on one event loop."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._living = LivingLeaves(tools.store)
        self._counting = asyncio.Lock()
        self._known: tuple[float, timedelta] | None = None

    async def spread(self) -> timedelta:
        """Return the time over which all leaves are to be re-issued; a few seconds old at most.

        Raises:
            UnavailableError: the ledger cannot be read now.
        """
        async with self._counting:
            if self._known is None or self._known[0] <= self._tools.clock.monotonic():
                found = await asyncio.to_thread(self._counted)
                self._known = (self._tools.clock.monotonic() + KEPT_SECONDS, found)
            return self._known[1]

    def _counted(self) -> timedelta:
        settings = settings_of(self._tools.opener.configuration())
        leaves = self._living.most(self._tools.clock.now())
        return reissue_spread(leaves, settings.csr_max_per_second, leaf_ttl=settings.leaf_ttl)
