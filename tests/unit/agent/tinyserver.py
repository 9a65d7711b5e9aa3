"""A small HTTP/1.1 server on loopback or a unix socket, whose answers a test decides."""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit


@dataclass
class Asked:
    """One request as it came; ``peer`` is the client certificate's DER, or None."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    peer: bytes | None


@dataclass
class TinyServer:
    """``answer`` gets every request and returns (status, headers, body); it may wait.

    Attributes:
        asked: every request so far.
        connections: how many were accepted so far.
        bytes_received: everything that came in after the handshakes.
        news: set, and replaced, at every request.
    """

    answer: object
    context: ssl.SSLContext | None = None
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    bytes_received: int = 0
    port: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _open: set = field(default_factory=set)

    async def start(self, path: str | None = None) -> None:
        """Listen: on a unix socket at ``path``, or on a free (or the former) port of loopback."""
        if path is not None:
            self._server = await asyncio.start_unix_server(self._serve, path)
            return
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self.context
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every connection."""
        self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        self.connections += 1
        task = asyncio.current_task()
        self._open.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _one(self, reader, writer) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.bytes_received += len(head) + len(body)
        parts = urlsplit(target)
        query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        connection = writer.get_extra_info("ssl_object")
        peer = connection.getpeercert(binary_form=True) if connection else None
        asked = Asked(method, parts.path, query, body, peer)
        self.asked.append(asked)
        self.news.set()
        self.news = asyncio.Event()
        status, more, content = await self.answer(asked)
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in more.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + content)
        await writer.drain()
        return True


@contextlib.asynccontextmanager
async def serving(answer, *, context=None, path=None):
    """Run a ``TinyServer`` while the block runs."""
    server = TinyServer(answer, context)
    await server.start(path)
    try:
        yield server
    finally:
        await server.stop()
