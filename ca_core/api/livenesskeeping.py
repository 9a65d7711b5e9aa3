"""Says which agents call, for ever: a round now and then, and at once when one has come."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from ca_core.api.cataloguing import Cataloguing
from ca_core.catalog.commits import removed
from ca_core.catalog.hearing import Absences, Heard
from ca_core.catalog.liveness import Judge, dead, hearers
from ca_core.clock import Clock
from ca_core.errors import Error
from ca_core.state.lease import Lease, living
from ca_core.state.protocol import Transaction
from ca_core.state.store import Store
from ca_core.state.view import View

ROUND_SECONDS = 20.0
"""How often silence is looked for, and this server's own lease renewed."""

RETRY_SECONDS = 5.0
"""Pause after a round that failed: the store is away."""

SPAN = timedelta(seconds=60)
"""Life of a server's own lease without renewal: the others know by it who is there."""

_log = logging.getLogger("ca_core.api")


class LivenessKeeping:
    """One server's part in saying which agents call.

    Args:
        store: where it is written.
        catalog: this server's.
        clock: says when an agent has been silent for long.
        leads: whether this server is the leader: it speaks for servers that are gone, and removes
            nodes that were silent for ``reap_after``.
        reap_after: that long.
    """

    def __init__(
        self,
        store: Store,
        catalog: Cataloguing,
        clock: Clock,
        leads: Callable[[], bool],
        reap_after: timedelta,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._clock = clock
        self._leads = leads
        self._reap_after = reap_after
        self._absences = Absences(clock)
        self._lease = Lease(store, clock, catalog.server, name=_lease_of(catalog.server), span=SPAN)

    async def run(self) -> None:
        """Make rounds for ever; cancel to end."""
        while True:
            try:
                await self.round()
            except Error as error:
                _log.warning("which agents call could not be written: %s", error)
                await self._clock.sleep(RETRY_SECONDS)
                continue
            if not self._catalog.liveness.now().arrived:
                await self._catalog.arrivals.changed(ROUND_SECONDS, self._clock)

    async def round(self) -> None:
        """Write what changed since the last round.

        Raises:
            UnavailableError: the store cannot be written now.
        """
        await asyncio.to_thread(self._lease.acquire)
        heard, gone = self._catalog.liveness.now(), self._gone()
        await self._store.until_nothing(partial(self._judged, heard, gone))
        self._catalog.liveness.settled(heard)
        if self._leads():
            await self._reap()

    async def close(self) -> None:
        """Tell the others that this server is gone; ``run`` must have ended."""
        try:
            await asyncio.to_thread(self._lease.release)
        except Error as error:
            _log.warning("this server's lease could not be given back, it ends: %s", error)

    def _gone(self) -> frozenset[str]:
        """Return the servers for whose agents this one speaks."""
        if not self._leads():
            return frozenset()
        view = self._store.snapshot
        alive = living(view, self._clock.now())
        named = hearers(view) - {self._catalog.server}
        return self._absences.gone(named, (one for one in named if _lease_of(one) in alive))

    def _judged(self, heard: Heard, gone: frozenset[str], view: View) -> Transaction | None:
        now, server = self._clock.now(), self._catalog.server
        judge = Judge(server=server, heard=heard, now=now, gone=gone)
        return judge.judged(self._catalog.following.at(view))

    async def _reap(self) -> None:
        now, following = self._clock.now(), self._catalog.following
        for node in dead(self._store.snapshot, now, self._reap_after):
            _log.warning("node %s is removed: its agent was silent for %s", node, self._reap_after)
            await self._store.until_nothing(lambda view: removed(following.at(view), node))  # noqa: B023 - awaited before the next node


def _lease_of(server: str) -> str:
    return f"server/{server}"
