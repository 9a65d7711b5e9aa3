"""Telling systemd how this process is: ready, reloading, stopping, alive.

Outside systemd, where ``NOTIFY_SOCKET`` is not set, nothing is told and nothing is wrong.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

from ca_core.clock import Clock

_log = logging.getLogger("ca_core.api")


class Notifier:
    """Sends datagrams to the manager of this service. Made once, used from one event loop.

    Args:
        address: path of a unix socket, ``@NAME`` for an abstract one; '' tells nobody.
        watchdog: how long the manager waits for a sign of life; zero if it does not.
        clock: ``monotonic`` is CLOCK_MONOTONIC, which a reload names.

    Source: sd_notify(3), sd_watchdog_enabled(3).
    """

    def __init__(self, address: str, watchdog: timedelta, clock: Clock) -> None:
        self._address = address
        self._watchdog = watchdog
        self._clock = clock
        self._status = ""

    def ready(self, status: str = "") -> None:
        """Say that it does its work, also after a reload.

        Args:
            status: one line for people; '' for the one that was told before.
        """
        self._status = _line(status) or self._status
        self._tell("READY=1", f"STATUS={self._status}")

    def reloading(self) -> None:
        """Say that it reads its configuration again; ``ready`` ends that."""
        microseconds = int(self._clock.monotonic() * 1_000_000)
        self._tell("RELOADING=1", f"MONOTONIC_USEC={microseconds}")

    def stopping(self) -> None:
        """Say that it has begun to stop."""
        self._tell("STOPPING=1", "STATUS=stopping")

    @contextlib.asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Give signs of life while this lasts, twice as often as is asked for.

        They come from the event loop: one that hangs gives none.
        """
        if not self._watchdog:
            yield
            return
        task = asyncio.create_task(self._live(), name="watchdog")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _live(self) -> None:
        while True:
            self._tell("WATCHDOG=1")
            await self._clock.sleep(self._watchdog.total_seconds() / 2)

    def _tell(self, *assignments: str) -> None:
        if not self._address:
            return
        where = f"\0{self._address[1:]}" if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)  # noqa: FBT003 - the library's signature
                sock.sendto("\n".join(assignments).encode(), where)
        except OSError as error:  # the work goes on, whether or not anybody hears of it
            _log.warning("systemd cannot be told %s: %s", assignments[0], error)


def notifier(environment: Mapping[str, str], clock: Clock) -> Notifier:
    """Return who tells systemd, as it said in the environment where and how often."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):  # other kinds are for virtual machines
        address = ""
    return Notifier(address, _watchdog(environment) if address else timedelta(), clock)


def _watchdog(environment: Mapping[str, str]) -> timedelta:
    """Return within what time a sign of life is wanted of this process; zero if none is."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return timedelta()
    text = environment.get("WATCHDOG_USEC", "")
    return timedelta(microseconds=int(text)) if text.isascii() and text.isdigit() else timedelta()


def _line(text: str) -> str:
    """Return text on one line: a second one would be another assignment."""
    return " ".join(text.split())
