"""The server's TLS sockets: bound when the first leaf is there, swapped with every next one."""

import asyncio
import ssl
from typing import Any

from ca_core.api.listeners import Listener, close_all
from ca_core.config.listen import TcpListen


class TlsListeners:
    """The TLS sockets of one server.

    Args:
        app: the application that every socket serves.
        addresses: where to listen; may be empty.
    """

    def __init__(self, app: Any, addresses: list[TcpListen]) -> None:
        self._app = app
        self.addresses = addresses
        self._listeners: list[Listener] = []
        self._first = asyncio.Event()

    def __str__(self) -> str:
        if not self.addresses:
            return ""
        address = self._listeners[0].address if self._listeners else self.addresses[0]
        return str(address)

    async def install(self, context: ssl.SSLContext) -> None:
        """Use ``context`` for every connection from now on.

        Raises:
            ConfigError: an address is taken.
        """
        for listener in self._listeners:
            await listener.replace_tls(context)
        for address in self.addresses[len(self._listeners) :]:
            listener = Listener(self._app, address, tls=context)
            await listener.start()
            self._listeners.append(listener)
        self._first.set()

    async def up(self) -> None:
        """Return once the sockets are bound; a slow CA binds them late."""
        await self._first.wait()

    async def aclose(self) -> None:
        """Close the sockets."""
        await close_all(self._listeners)
