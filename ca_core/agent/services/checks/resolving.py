"""Names of checked hosts are looked up aside: one that nobody answers for holds up nobody else.

The event loop's own threads are few, and the agent needs them to find its servers and to write.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any, Final

MOST_AT_ONCE: Final = 4
"""Look-ups under way; one that hangs counts until the system gives it up."""

_LOCALHOST = ("127.0.0.1", "::1")

LookUp = Callable[..., list[Any]]
"""``socket.getaddrinfo``; blocks."""


class Resolver:
    """Looks names up in threads of its own. Used from one event loop."""

    def __init__(self, look_up: LookUp = socket.getaddrinfo) -> None:
        self._look_up = look_up
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return the IP addresses of a host, the best first; nothing is asked about an address.

        Raises:
            OSError: there is no such host.
        """
        if host.lower() == "localhost":
            return _LOCALHOST
        with suppress(ValueError):
            return (str(ipaddress.ip_address(host)),)
        await self._turns.acquire()
        found: asyncio.Future[tuple[str, ...]] = asyncio.get_running_loop().create_future()
        Thread(target=self._look, args=(host, found), name=f"look up {host}", daemon=True).start()
        return await found

    def _look(self, host: str, found: asyncio.Future[tuple[str, ...]]) -> None:
        """Look up; runs in a thread, and ends when it ends, whether or not anybody waits."""
        error: OSError | None = None
        addresses: tuple[str, ...] = ()
        try:
            rows = self._look_up(host, None, type=socket.SOCK_STREAM)
            addresses = tuple(dict.fromkeys(str(row[4][0]) for row in rows))
        except (OSError, UnicodeError) as failed:
            error = failed if isinstance(failed, OSError) else OSError(str(failed))
        with suppress(RuntimeError):  # the loop has ended meanwhile
            found.get_loop().call_soon_threadsafe(self._told, found, addresses, error)

    def _told(
        self,
        found: asyncio.Future[tuple[str, ...]],
        addresses: tuple[str, ...],
        error: OSError | None,
    ) -> None:
        self._turns.release()
        if found.done():
            return
        if error is not None:
            found.set_exception(error)
        else:
            found.set_result(addresses)
