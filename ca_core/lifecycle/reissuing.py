"""Over what time leaves would be re-issued after a change: what every agent is told in advance."""

import asyncio
from datetime import timedelta

from ca_core.authority.configuration import settings_of
from ca_core.authority.livingleaves import LivingLeaves
from ca_core.authority.rows import current_signer
from ca_core.authority.slots import Place, place_of
from ca_core.lifecycle.rows import OperationPhase, open_operation
from ca_core.lifecycle.spread import URGENT, is_urgent, reissue_spread
from ca_core.lifecycle.tools import Tools

KEPT_SECONDS = 3.0
"""An answer is given this long: ten thousand agents ask a thousand times a second."""


def slower(admitted: float, measured: float) -> float:
    """Return the lower of two rates, a second; 0 is one that limits nothing, or is not known."""
    return min((rate for rate in (admitted, measured) if rate > 0), default=0.0)


class Reissue:
    """Sizes the re-issue of all leaves. Lives on one event loop.

    Attributes:
        left: leaves alive under signers that sign no more, as of the last look.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._living = LivingLeaves(tools.store)
        self._counting = asyncio.Lock()
        self._known: tuple[float, timedelta] | None = None
        self.left = 0

    async def spread(self) -> timedelta:
        """Return the time over which all leaves are to be re-issued; a few seconds old at most.

        Raises:
            UnavailableError: the ledger cannot be read now.
        """
        async with self._counting:
            if self._known is None or self._known[0] <= self._tools.clock.monotonic():
                found = await asyncio.to_thread(self._counted, self._measured())
                self._known = (self._tools.clock.monotonic() + KEPT_SECONDS, found)
            return self._known[1]

    def _measured(self) -> float:
        """Return the signatures a second of what will sign, or does; 0 if that is not known."""
        view = self._tools.view
        change = open_operation(view)
        if change is not None and change.phase is OperationPhase.DISTRIBUTED:
            coming = self._tools.slots.at(Place(change.new.authority, change.new.configuration))
            if coming.signing_rate:
                return coming.signing_rate
        current = current_signer(view)
        return 0.0 if current is None else self._tools.slots.at(place_of(current[0])).signing_rate

    def _counted(self, measured: float) -> timedelta:
        settings = settings_of(self._tools.opener.configuration())
        now, current = self._tools.clock.now(), current_signer(self._tools.view)
        leaves = self._living.most(now)
        self.left = self._living.besides(current[1].id if current else "")
        rate = slower(settings.csr_max_per_second, measured)
        spread = reissue_spread(leaves, rate, leaf_ttl=settings.leaf_ttl)
        return min(spread, URGENT) if is_urgent(self._tools.view) else spread
