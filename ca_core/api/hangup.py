"""SIGHUP: the configuration is read again, and applied."""

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from ca_core.api.notify import Notifier
from ca_core.config.model import Config

_log = logging.getLogger("ca_core.api")


class Reloaded(Protocol):
    """A part of a process that follows the configuration.

    Attributes:
        load: reads it anew.
    """

    load: Callable[[], Config]

    async def applied(self) -> None:
        """Read it anew and apply it; nothing is raised."""
        ...


@contextlib.asynccontextmanager
async def hangups(
    parts: Sequence[Reloaded], load: Callable[[], Config] | None, systemd: Notifier
) -> AsyncIterator[None]:
    """Let every part follow whenever the process is told to, as long as this lasts.

    Args:
        parts: what follows, one after the other.
        load: reads the configuration anew; None if nothing can be read, so that SIGHUP stays what
            it was.
        systemd: hears when it begins and when it is over.
    """
    if load is None or threading.current_thread() is not threading.main_thread():
        yield  # only a process's main thread hears signals
        return
    for part in parts:
        part.load = load
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    before = signal.getsignal(signal.SIGHUP)
    loop.add_signal_handler(signal.SIGHUP, told.set)
    task = asyncio.create_task(_applied_when_told(parts, told, systemd), name="configuration")
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, before)  # nohup ignores it, and the loop would not
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _applied(part: Reloaded) -> None:
    try:
        await part.applied()
    except Exception:  # noqa: BLE001 - the next signal must be heard, whatever this one did
        _log.exception("a bug kept the configuration from being applied")


async def _applied_when_told(
    parts: Sequence[Reloaded], told: asyncio.Event, systemd: Notifier
) -> None:
    while True:
        await told.wait()
        told.clear()
        systemd.reloading()
        for part in parts:
            await _applied(part)
        systemd.ready()
