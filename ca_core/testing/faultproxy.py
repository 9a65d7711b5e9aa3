"""A small HTTP/1.1 proxy in front of a backend that spoils requests as planned."""

import socket
import struct
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from ca_core.testing.faults import REFUSED, Answer, Fault, Hang, Mangle, Reset, Slow

READS = frozenset({"GET", "HEAD", "LIST", "OPTIONS"})
"""Methods that change nothing; every other request counts as a write."""

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})
_PATIENCE = 30.0
_POLL = 0.01
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class _Plan:
    fault: Fault
    writes_only: bool
    skip: int
    left: int | None

    def hits(self, *, writes: bool) -> bool:
        """Count one request, and say whether it is spoilt."""
        if self.left == 0 or (self.writes_only and not writes):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.left is not None:
            self.left -= 1
        return True


class FaultProxy:
    """Listens on a free loopback port from its construction until ``close``. Thread-safe.

    Args:
        backend: URL to forward to, for example ``http://127.0.0.1:8200``; a path is a prefix.

    Attributes:
        address: URL to give to the provider instead of the backend's.
        requests: how many requests came.
        writes: how many of them were not GET, HEAD, LIST or OPTIONS.
        spoilt: how many of them met a fault.

    Raises:
        ValueError: ``backend`` is no HTTP URL.
    """

    def __init__(self, backend: str) -> None:
        parts = urlsplit(backend)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{backend!r} is no http:// URL")
        self.requests: int = 0
        self.writes: int = 0
        self.spoilt: int = 0
        self._upstream = (parts.hostname, parts.port or 80)
        self._prefix = parts.path.rstrip("/")
        self._plan: _Plan | None = None
        self._healed = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.address: str = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL,), name="fault-proxy", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def plan(
        self, fault: Fault, *, writes_only: bool = False, first: int = 1, count: int | None = None
    ) -> None:
        """Spoil the requests that come from now on; a new plan replaces the old one.

        Args:
            fault: what happens to them.
            writes_only: leave reads alone, and do not count them.
            first: number of the first one that is spoilt, from 1.
            count: how many are spoilt; None for all.

        Raises:
            ValueError: this plan would never spoil anything.
        """
        if first < 1 or (count is not None and count < 1):
            raise ValueError(f"first={first}, count={count} spoils nothing; both begin at 1")
        self.heal()
        with self._lock:
            self._healed.clear()
            self._plan = _Plan(fault, writes_only, first - 1, count)

    def heal(self) -> None:
        """Forward everything as it is; requests that hang are cut off."""
        with self._lock:
            self._plan = None
            self._healed.set()

    def close(self) -> None:
        """Stop listening and end every connection and thread; safe to repeat."""
        self.heal()
        self._server.shutdown()
        self._thread.join()
        self._server.end()

    def fault_for(self, method: str) -> Fault | None:
        """Count one request; return what shall happen to it."""
        writes = method not in READS
        with self._lock:
            self.requests += 1
            self.writes += writes
            plan = self._plan
            if plan is None or not plan.hits(writes=writes):
                return None
            self.spoilt += 1
            return plan.fault

    def wait_until_healed(self, seconds: float = _PATIENCE) -> None:
        """Block a request for so long, unless the proxy is healed or closed before."""
        self._healed.wait(seconds)

    def forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Ask the backend; return its status, its headers and its body.

        Raises:
            OSError, HTTPException: it cannot be reached, or answers no HTTP.
        """
        connection = HTTPConnection(*self._upstream, timeout=_PATIENCE)
        try:
            connection.request(method, self._prefix + path, body=body, headers=headers)
            with connection.getresponse() as answer:  # it holds the socket, whatever is closed
                return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, proxy: FaultProxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy
        self._open: set[socket.socket] = set()
        self.cut: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        if request not in self.cut:
            super().shutdown_request(request)
            return
        self.cut.discard(request)
        self.close_request(request)  # without a shutdown, which would end the stream politely

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """Say nothing: a client that goes away is what proxies see all day."""

    def end(self) -> None:
        """End every connection, then wait for every thread."""
        for connection in tuple(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it is gone already
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer on a kept connection waits 40 ms
    timeout = _PATIENCE
    server: _Server

    def __getattr__(self, name: str) -> Any:
        """Serve every method alike, ``LIST`` too."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, _format: str, *_arguments: Any) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        if "Transfer-Encoding" in self.headers:
            self._refuse_chunks()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.proxy.fault_for(self.command)
        match fault:
            case Answer():
                self._answer(fault.status, list(fault.headers.items()), REFUSED)
            case Hang():
                self.server.proxy.wait_until_healed()
                self._reset()
            case Slow():
                self.server.proxy.wait_until_healed(fault.span.total_seconds())
                self._forward(body, None)
            case Reset(forwarded=False):
                self._reset()
            case _:
                self._forward(body, fault)

    def _refuse_chunks(self) -> None:
        """Answer, and let the client finish: closed under its hands it would see no answer."""
        self.close_connection = True
        self._answer(HTTPStatus.LENGTH_REQUIRED, [], b"the fault proxy takes no chunked requests")
        self.connection.shutdown(socket.SHUT_WR)
        while self.rfile.read1():
            pass

    def _forward(self, body: bytes, fault: Reset | Mangle | None) -> None:
        kept = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        try:
            status, headers, answer = self.server.proxy.forward(self.command, self.path, kept, body)
        except (OSError, HTTPException):
            self._reset()
            return
        match fault:
            case Reset():
                self._reset()
            case Mangle():
                self._answer(status, headers, fault.spoil(answer))
            case None:
                self._answer(status, headers, answer)

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _reset(self) -> None:
        """Close with RST, as a peer that died: no end of stream, no answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.server.cut.add(self.connection)
        self.close_connection = True
