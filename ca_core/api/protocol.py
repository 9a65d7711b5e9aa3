"""A thin class under uvicorn that tells the application who is at the other end.

uvicorn shows neither peer certificates nor the credentials of a unix socket's peer.
"""

import asyncio
import resource
import socket
import struct
import sys
from functools import partial
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from ca_core.api.authentication import Link

HEAD_WITHIN = 10.0
"""Seconds a client has for a whole request head, the first or a later one, else it is cut off."""

BODY_WITHIN = 30.0
"""Seconds a client has for the body that its head announced."""

MAX_HEAD = 64 * 1024
"""Bytes after which a head that has no end yet is refused; the parser itself has no limit."""

MAX_PIPELINED = 64
"""Requests a client may send ahead of their answers; uvicorn would keep any number in memory."""

RESERVED_FILES = 64
"""Open files that no client takes: with them the process reaches its servers, and writes."""

_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"connection: close\r\n\r\nthe request head is larger than 65536 bytes"
)
_UCRED = struct.Struct("3i")  # pid, uid, gid: struct ucred in unix(7)


class LinkedProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose requests carry the ``Link`` of their connection in the ASGI scope.

    ``reads`` holds the tasks that may be given up once nobody waits for their answer, each with
    whether it is a blocked query.
    """

    hosts: frozenset[str] | None = None
    _link = Link()
    _stalled: asyncio.TimerHandle | None = None
    _in_head = True
    _completed = False
    _head_size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn declares it
        """Ask TLS and the kernel once, when the connection is made; the last one is refused."""
        super().connection_made(transport)
        self.reads: dict[asyncio.Task[None], bool] = {}
        if _file_of(transport) >= most_files():
            transport.abort()
            return
        self._link = Link(
            certificate=_peer_certificate(transport),
            peer=_peer_credentials(transport),
            hosts=self.hosts,
        )
        self._expect_within(HEAD_WITHIN)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer with the connection, and what was to be read for it."""
        self._calm()
        super().connection_lost(exc)
        self.give_up_reads()

    def give_up_reads(self) -> None:
        """End the reads; a change under way goes on."""
        for task in tuple(self.reads):
            task.cancel()

    def give_up_waiting(self) -> None:
        """End the reads that wait for a change of what they read."""
        for task, waits in tuple(self.reads.items()):
            if waits:
                task.cancel()

    def data_received(self, data: bytes) -> None:
        """Feed the parser, unless the head grows too long or takes too long to come."""
        if self._in_head and self._stalled is None:
            self._expect_within(HEAD_WITHIN)
        began_in_head, self._completed = self._in_head, False
        super().data_received(data)
        if began_in_head and self._in_head and not self._completed:
            self._head_size += len(data)
            if self._head_size > MAX_HEAD and not self.transport.is_closing():
                self.transport.write(_TOO_LONG)
                self.transport.close()

    def on_message_begin(self) -> None:
        """Put the link into the new request's scope."""
        super().on_message_begin()
        self.scope["ca_core.link"] = self._link  # type: ignore[typeddict-unknown-key] # ours
        self.scope["ca_core.reads"] = self.reads  # type: ignore[typeddict-unknown-key] # ours

    def on_headers_complete(self) -> None:
        """The head is here; the body may take longer."""
        self._in_head, self._head_size = False, 0
        self._expect_within(BODY_WITHIN)
        if len(self.pipeline) < MAX_PIPELINED:
            super().on_headers_complete()
        else:
            self.transport.abort()

    def on_message_complete(self) -> None:
        """The request is here: the connection does not stall."""
        self._calm()
        self._in_head = self._completed = True
        super().on_message_complete()

    def _expect_within(self, seconds: float) -> None:
        self._calm()
        self._stalled = self.loop.call_later(seconds, self._give_up, seconds)

    def _give_up(self, seconds: float) -> None:
        """Close a connection whose client does not finish what it began to send.

        Not while an answer is still being made: some clients send a line break after a request.
        """
        self._stalled = None
        if self._in_head and self.cycle is not None and not self.cycle.response_complete:
            self._expect_within(seconds)
        else:
            self.transport.close()

    def _calm(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None


def most_files() -> int:
    """Return the lowest number of an open file that no client may have.

    The system gives the lowest number that is free, so a high one says that few are left.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft - RESERVED_FILES


def _file_of(transport: asyncio.BaseTransport) -> int:
    sock = transport.get_extra_info("socket")
    return -1 if sock is None else sock.fileno()


def _peer_certificate(transport: asyncio.BaseTransport) -> bytes | None:
    tls = transport.get_extra_info("ssl_object")
    if tls is None:
        return None
    certificate: bytes | None = tls.getpeercert(binary_form=True)
    return certificate


def _peer_credentials(transport: asyncio.BaseTransport) -> tuple[int, int, int] | None:
    """Return (uid, gid, pid) of the process at the other end of a unix socket."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family != socket.AF_UNIX:
        return None
    pid, uid, gid = _UCRED.unpack(
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    )
    return uid, gid, pid


def protocol_factory(
    config: Config, state: ServerState, hosts: frozenset[str] | None
) -> "partial[LinkedProtocol]":
    """Return what ``loop.create_server`` calls for every connection of one listener."""
    kind = type("ListenerProtocol", (LinkedProtocol,), {"hosts": hosts})
    return partial(kind, config=config, server_state=state, app_state=_NO_STATE)


_NO_STATE: dict[str, Any] = {}
