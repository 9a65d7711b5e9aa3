"""Clearing up behind tokens: rows of expired ones, and what deletions left behind."""

from contextlib import suppress
from functools import partial

from ca_core.acl.sweeping import detached, swept
from ca_core.authority.leadership import LeaseKeeper
from ca_core.clock import Clock
from ca_core.errors import ConflictError
from ca_core.state.protocol import Fence
from ca_core.state.store import Store

SWEEP_SECONDS = 60.0
"""An expired token is nobody's from its end on; only its rows stay as long as this."""


async def sweep(store: Store, clock: Clock, keeper: LeaseKeeper) -> None:
    """Sweep every minute, whenever this server holds the lease; for ever."""
    while True:
        fence = await keeper.held()
        with suppress(ConflictError):  # the lease went to another server, which goes on with it
            await _sweep_once(store, clock, fence)
        await clock.sleep(SWEEP_SECONDS)


async def _sweep_once(store: Store, clock: Clock, fence: Fence) -> None:
    await store.until_nothing(lambda view: swept(view, clock.now(), fence))
    await store.until_nothing(partial(detached, fence=fence))
