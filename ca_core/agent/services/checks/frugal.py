"""Connections of HTTP checks, of which little is read: what is checked may answer without end.

A peer that sends interim responses for ever, a thousand in a packet, would keep the event loop busy
that everybody else on this host needs too.
"""

import ssl
from collections.abc import Iterable

import httpcore

from ca_core.agent.services.checks.resolving import Resolver
from ca_core.agent.streams import SocketOption, WrappedStream

MOST_READ = 64 * 1024
"""Bytes of an answer: a head, and the beginning of a body."""
MOST_AT_ONCE = 4096
"""Bytes that are looked at before others have their turn."""


class FrugalBackend(httpcore.AsyncNetworkBackend):
    """Connects for httpcore.

    Args:
        names: looks hosts up.
    """

    def __init__(self, names: Resolver) -> None:
        self._names = names
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Open a connection to the first address that takes one; TLS starts on the stream."""
        failed: httpcore.ConnectError | OSError = OSError(f"{host} has no address")
        for address in await self._names.addresses(host):
            try:
                return _FrugalStream(
                    await self._inner.connect_tcp(
                        address, port, timeout, local_address, socket_options
                    )
                )
            except httpcore.ConnectError as error:
                failed = error
        raise failed

    async def sleep(self, seconds: float) -> None:
        """Wait between attempts."""
        await self._inner.sleep(seconds)


class _FrugalStream(WrappedStream):
    """A stream that ends with an error once too much was read."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        super().__init__(inner)
        self._left = MOST_READ

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature
        if self._left <= 0:
            raise httpcore.ReadError(f"more than {MOST_READ} bytes came")
        found = await super().read(min(max_bytes, MOST_AT_ONCE), timeout)
        self._left -= len(found)
        return found

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        return _FrugalStream(await super().start_tls(ssl_context, server_hostname, timeout))
