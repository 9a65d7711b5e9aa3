"""Clearing up behind tokens: rows of expired ones, and what deletions left behind."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from ca_core.acl.sweeping import detached, swept
from ca_core.authority.leadership import LeaseKeeper
from ca_core.clock import Clock
from ca_core.errors import ConflictError
from ca_core.state.protocol import Fence, Transaction
from ca_core.state.store import Store
from ca_core.state.view import View

SWEEP_SECONDS = 60.0
"""An expired token is nobody's from its end on; only its rows stay as long as this."""


async def until_nothing(store: Store, decide: Callable[[View], Transaction | None]) -> int:
    """Commit what ``decide`` says, one commit after the other, until it says nothing.

    Returns how many commits that took.

    Raises:
        ConflictError: a fence no longer holds.
        UnavailableError: as ``Store.update``.
    """
    count = 0
    while await asyncio.to_thread(store.update, decide) is not None:
        count += 1
    return count


async def sweep(store: Store, clock: Clock, keeper: LeaseKeeper) -> None:
    """Sweep every minute, whenever this server holds the lease; for ever."""
    while True:
        fence = await keeper.held()
        with suppress(ConflictError):  # the lease went to another server, which goes on with it
            await _sweep_once(store, clock, fence)
        await clock.sleep(SWEEP_SECONDS)


async def _sweep_once(store: Store, clock: Clock, fence: Fence) -> None:
    await until_nothing(store, lambda view: swept(view, clock.now(), fence))
    await until_nothing(store, partial(detached, fence=fence))
