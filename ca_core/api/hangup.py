"""SIGHUP: the configuration file is read again, and applied if it changed."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator, Callable

from ca_core.api.configfile import ConfigurationFile
from ca_core.config.model import Config


@contextlib.asynccontextmanager
async def hangups(
    file: ConfigurationFile, load: Callable[[], Config] | None
) -> AsyncIterator[None]:
    """Apply the file whenever the process is told to, as long as this lasts.

    Args:
        file: what is applied.
        load: reads it anew; None if nothing can be read, so that SIGHUP stays what it was.
    """
    if load is None or threading.current_thread() is not threading.main_thread():
        yield  # only a process's main thread hears signals
        return
    file.load = load
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, told.set)
    task = asyncio.create_task(_applied_when_told(file, told), name="configuration file")
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _applied_when_told(file: ConfigurationFile, told: asyncio.Event) -> None:
    while True:
        await told.wait()
        told.clear()
        await file.applied()
