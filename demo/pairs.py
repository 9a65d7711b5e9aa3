"""Pairs of programs that shake hands all the time; a handshake counts once a byte came back."""

import asyncio
import random
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakSet

from cryptography import x509

from ca_core.identity.certificates import uri_sans
from demo.program import Program

PATIENCE = 20.0
"""Seconds that a handshake may take on a busy machine; nothing is tried again."""


@dataclass
class Tally:
    """Handshakes that were done, and why others failed."""

    done: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        """Return how many failed."""
        return self.failures.total()


class Pair:
    """A client that calls a server, a call every ``pause`` seconds; both check who it is."""

    def __init__(self, client: Program, server: Program, tally: Tally, *, pause: float) -> None:
        self._client = client
        self._server = server
        self._tally = tally
        self._pause = pause
        self._serving: set[asyncio.Task[None]] = set()
        self._open: WeakSet[asyncio.WriteTransport] = WeakSet()

    async def run(self) -> None:
        """Listen, and call for ever, first at a random moment of a pause; cancel to end."""
        loop = asyncio.get_running_loop()
        listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        async with listener, self._served_to_the_end():
            port = listener.sockets[0].getsockname()[1]
            due = loop.time() + random.uniform(0, self._pause)  # noqa: S311 - spreads, hides nothing
            while True:
                await asyncio.sleep(max(0.0, due - loop.time()))
                await self._counted(port)
                due = max(due + self._pause, loop.time() - self._pause)

    async def _counted(self, port: int) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._call(port)
        except Exception as error:  # noqa: BLE001 - whatever it is, the handshake failed
            self._tally.failures[f"{type(error).__name__}: {error}"] += 1
        else:
            self._tally.done += 1

    async def _call(self, port: int) -> None:
        context = self._client.context(serving=False)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=""
        )
        self._open.add(writer.transport)
        try:
            require(writer, self._server.name)
            writer.write(b"?")
            if await reader.readexactly(1) != b"!":
                raise ConnectionError("another echo")
        finally:
            writer.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(partial(self._served, writer))

    def _served(self, writer: asyncio.StreamWriter, task: asyncio.Task[None]) -> None:
        """Close a connection, even one whose task ended before its first step."""
        self._serving.discard(task)
        self._open.add(writer.transport)
        writer.close()

    @asynccontextmanager
    async def _served_to_the_end(self) -> AsyncIterator[None]:
        """Let no connection outlive the block, nor one that still says farewell in TLS."""
        try:
            yield
        finally:
            for _ in range(3):  # a call that was cut off is accepted: asyncio loses it otherwise
                await asyncio.sleep(0)
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
            for transport in self._open:
                transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await writer.start_tls(self._server.context(serving=True))
            require(writer, self._client.name)
            if await reader.readexactly(1) == b"?":
                writer.write(b"!")
        except (OSError, EOFError):
            return  # the client fails too, and counts it


def require(writer: asyncio.StreamWriter, name: str) -> None:
    """Refuse a peer that is another service.

    Raises:
        ConnectionError: it is.
    """
    connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
    leaf = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
    (uri,) = uri_sans(leaf)
    if not uri.endswith(f"/svc/{name}"):
        raise ConnectionError(f"the peer is {uri}, not {name}")
