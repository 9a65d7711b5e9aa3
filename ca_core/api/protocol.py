"""A thin class under uvicorn that tells the application who is at the other end.

uvicorn shows neither peer certificates nor the credentials of a unix socket's peer.
"""

import asyncio
import socket
import struct
from functools import partial
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from ca_core.api.authentication import Link

HEADERS_WITHIN = 10.0
"""Seconds a new connection has to send a whole request head, else it is closed."""

_UCRED = struct.Struct("3i")  # pid, uid, gid: struct ucred in unix(7)


class LinkedProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose requests carry the ``Link`` of their connection in the ASGI scope."""

    hosts: frozenset[str] | None = None
    _link = Link()
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn declares it
        """Ask TLS and the kernel once, when the connection is made."""
        super().connection_made(transport)
        self._link = Link(
            certificate=_peer_certificate(transport),
            peer=_peer_credentials(transport),
            hosts=self.hosts,
        )
        self._stalled = self.loop.call_later(HEADERS_WITHIN, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer with the connection."""
        self._calm()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Put the link into the new request's scope."""
        super().on_message_begin()
        self.scope["ca_core.link"] = self._link  # type: ignore[typeddict-unknown-key]

    def on_headers_complete(self) -> None:
        """The head is here: the connection does not stall."""
        self._calm()
        super().on_headers_complete()

    def _calm(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None


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
