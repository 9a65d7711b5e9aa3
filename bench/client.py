"""A raw keep-alive HTTP client for one server: ``python -m bench.client ADDRESS [NUMBER]``.

``ADDRESS`` is a port of 127.0.0.1 or the path of a unix socket. The client runs in a process of its
own, so that the server has a core to itself. Each of ``NUMBER`` connections has one request under
way. For every line ``SECONDS PATH [BODY]`` it asks for that long, with a body by POST, and prints
how many answers came.
"""

import selectors
import socket
import sys
import time
from collections.abc import Sequence

CONNECTIONS = 16
_END_OF_HEAD = b"\r\n\r\n"
_CHUNK = 65536


class Connection:
    """One keep-alive connection with at most one request under way."""

    def __init__(self, address: str) -> None:
        self.socket = _connected(address)
        self._received = b""

    def ask(self, request: bytes) -> None:
        """Send a request."""
        self._received = b""
        self.socket.sendall(request)

    def answered(self) -> bool:
        """Take what has arrived; say whether the answer is whole.

        Raises:
            RuntimeError: another status than 200, or the server hung up.
        """
        chunk = self.socket.recv(_CHUNK)
        self._received += chunk
        if not chunk or not self._received.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"unexpected answer: {self._received[:200]!r}")
        head, end, body = self._received.partition(_END_OF_HEAD)
        return bool(end) and len(body) >= _content_length(head)


def _connected(address: str) -> socket.socket:
    if not address.isdigit():
        local = socket.socket(socket.AF_UNIX)
        local.connect(address)
        return local
    remote = socket.create_connection(("127.0.0.1", int(address)))
    remote.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return remote


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(b"content-length:")
    return int(lowered[at + 15 : lowered.find(b"\r", at) if b"\r" in lowered[at:] else None])


def request_for(path: str, body: str = "") -> bytes:
    """Return the bytes of a GET; with a body, of a POST."""
    host = "HTTP/1.1\r\nHost: localhost\r\n"
    if not body:
        return f"GET {path} {host}\r\n".encode()
    return f"POST {path} {host}Content-Length: {len(body.encode())}\r\n\r\n{body}".encode()


def answers(connections: Sequence[Connection], request: bytes, seconds: float) -> int:
    """Return how many answers came in about ``seconds``; every connection is busy, then rests."""
    with selectors.DefaultSelector() as waiting:
        for connection in connections:
            waiting.register(connection.socket, selectors.EVENT_READ, connection)
            connection.ask(request)
        stop, busy, counted = time.perf_counter() + seconds, len(connections), 0
        while busy:
            for key, _ in waiting.select():
                if not key.data.answered():
                    continue
                counted += 1
                if time.perf_counter() < stop:
                    key.data.ask(request)
                else:
                    busy -= 1
        return counted


def main(arguments: Sequence[str]) -> None:
    """Serve lines ``SECONDS PATH [BODY]`` until there are no more."""
    number = int(arguments[1]) if arguments[1:] else CONNECTIONS
    connections = [Connection(arguments[0]) for _ in range(number)]
    for line in sys.stdin:
        seconds, path, *body = line.rstrip("\n").split(" ", 2)
        print(answers(connections, request_for(path, *body), float(seconds)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
