"""Running a server until somebody stops it: one loop, clean ends."""

import asyncio
import faulthandler
import gc
import signal
import sys
from collections.abc import Coroutine
from typing import Any

import uvloop

from ca_core.cli.openfiles import use_all_files
from ca_core.structs import make_known

_STOPPING = (signal.SIGINT, signal.SIGTERM)


def serve(running: Coroutine[Any, Any, None]) -> None:
    """Run until it ends, or until SIGINT or SIGTERM cancels it; a cancelled run is a clean end.

    The second signal interrupts at once: whatever hangs while it stops is left behind.
    """
    _tell_crashes()
    make_known()
    use_all_files()
    uvloop.run(_until_stopped(running))


def _tell_crashes() -> None:
    """Have a crash of native code tell where each thread was: function names, no values."""
    if sys.__stderr__ is not None and not faulthandler.is_enabled():
        faulthandler.enable(sys.__stderr__)


def keep_loaded() -> None:
    """Let the garbage collector pass over everything that is in memory now.

    With a million rows loaded, a full collection would hold the loop for a second or two. What is
    let go of later is still freed, unless it is a cycle.
    """
    gc.freeze()


async def _until_stopped(running: Coroutine[Any, Any, None]) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(running)
    stopped = asyncio.Event()

    def stop() -> None:
        for number in _STOPPING:
            loop.remove_signal_handler(number)
        stopped.set()
        task.cancel()

    for number in _STOPPING:
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not stopped.is_set():
            raise
    if stopped.is_set():
        after_the_caret_c = "\n" if sys.stderr.isatty() else ""
        sys.stderr.write(f"{after_the_caret_c}ca-core: stopped\n")
