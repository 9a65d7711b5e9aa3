"""A server on loopback that does to each request what a test says."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Heard:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> dict:
        """Return the JSON body."""
        return json.loads(self.body)


def answer(status: int, body: object = None, *, headers: str = "") -> bytes:
    """Return an answer's bytes; ``headers`` are whole lines, each ended by CRLF."""
    text = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n{headers}\r\n".encode() + text


Behave = Callable[[socket.socket, Heard], bool | None]
"""Do something to a request; True keeps the connection."""


def replying(*answers: bytes) -> Behave:
    """Return the behaviour that gives these answers in turn, the last one for ever."""
    left = list(answers)

    def behave(sock: socket.socket, _: Heard) -> bool:
        sock.sendall(left.pop(0) if len(left) > 1 else left[0])
        return True

    return behave


def cutting(_sock: socket.socket, _heard: Heard) -> bool:
    """Read the request and close without a word."""
    return False


@dataclass
class Peer:
    """The server; a context manager."""

    behave: Behave
    tls: ssl.SSLContext | None = None
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open: set[socket.socket] = set()
        self.ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def address(self) -> str:
        """Return the URL."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_) -> None:
        self.ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def cut(self) -> None:
        """Close every connection, as a restart would."""
        for sock in tuple(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self.ended.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
            self._open.add(sock)
            with sock.makefile("rb") as stream:
                while (heard := _read(stream)) is not None:
                    self.heard.append(heard)
                    if not self.behave(sock, heard):
                        break
        except OSError:
            pass
        finally:
            self._open.discard(sock)
            sock.close()


def _read(stream) -> Heard | None:
    first = stream.readline().decode().split()
    if not first:
        return None
    headers = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    return Heard(first[0], first[1], headers, body)
