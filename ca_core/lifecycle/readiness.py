"""Waiting for a provider that is being opened."""

import asyncio
from datetime import timedelta

from ca_core.authority.slot import ProviderSlot
from ca_core.errors import NotReadyError
from ca_core.lifecycle.tools import Tools

OPEN_LIMIT = timedelta(seconds=10)
"""A provider that is not open by then is an outage; the step is tried again."""


async def opened(tools: Tools, slot: ProviderSlot, limit: timedelta = OPEN_LIMIT) -> ProviderSlot:
    """Return the slot once its provider is open.

    Raises:
        Error: why it could not be opened last time.
        NotReadyError: it is not open in time.
    """
    ready = asyncio.ensure_future(slot.opened())
    late = asyncio.ensure_future(tools.clock.sleep(limit.total_seconds()))
    failed = asyncio.ensure_future(slot.failed())
    try:
        await asyncio.wait({ready, late, failed}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiting in (ready, late, failed):
            waiting.cancel()
    if slot.is_open:
        return slot
    raise slot.opening.error or NotReadyError("the provider is still being opened")
