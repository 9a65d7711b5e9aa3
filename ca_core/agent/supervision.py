"""Loops that must not end: one that dies is logged and started again."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from ca_core.agent.backoff import backoff
from ca_core.clock import Clock

log = logging.getLogger(__name__)

_CALM_SECONDS = 60.0
"""A loop that ran this long before it died starts with the shortest pause again."""


async def supervised(name: str, run: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Run a loop for ever; after an exception, or an end, start it again with a growing pause.

    Cancelling ends it. Every death is logged with its traceback, at most one each pause.
    """
    failures = 0
    while True:
        began = clock.monotonic()
        try:
            await run()
            log.error("%s ended; starting it again", name)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("%s died; starting it again", name)
        calm = clock.monotonic() - began >= _CALM_SECONDS
        failures = 1 if calm else failures + 1
        await clock.sleep(backoff(failures, random.random()))  # noqa: S311 - jitter, no secret
