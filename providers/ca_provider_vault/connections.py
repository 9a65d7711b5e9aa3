"""Connections to one server: opened, kept alive, lent to one request at a time.

A deadline is a moment of ``time.monotonic`` and holds for all of a request: a server that sends a
byte now and then does not move it.
"""

import contextlib
import errno
import http.client
import io
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ca_core.contract import Secret
from ca_provider_vault.addresses import addresses

LONGEST_CONNECT = 5.0
"""Seconds for a connection; what listens answers at once."""

LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes; a CRL of twenty thousand entries is below one million."""

IDLE_SECONDS = 60.0
"""Servers and what stands before them keep an idle connection for longer."""


class UnsentError(Exception):
    """The request did not leave as a whole, so the server can have done nothing."""


class LostError(Exception):
    """The request left, and no whole answer came."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the server listens; ``name`` is the one that its certificate must bear."""

    host: str
    port: int
    name: str = ""
    tls: Callable[[], ssl.SSLContext] | None = None


def left(deadline: float) -> float:
    """Return the seconds until a deadline.

    Raises:
        TimeoutError: it has passed.
    """
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


class _Wire(io.RawIOBase):
    """A socket as a stream that ends at the request's deadline, and at what an answer may hold."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        super().__init__()
        self._sock = sock
        self._deadline = deadline
        self._room = 2 * LARGEST_ANSWER  # chunks and headers included, whatever they claim

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what io hands over
        self._sock.settimeout(left(self._deadline))
        count = self._sock.recv_into(buffer)
        self._room -= count
        if self._room < 0:
            raise OSError(errno.EMSGSIZE, "an answer without end")
        return count

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return the stream that ``HTTPResponse`` asks of a socket."""
        return io.BufferedReader(self, 16 * 1024)


class Connection:
    """One connection; for one request at a time.

    Attributes:
        reused: it has answered before, so the server may have closed it meanwhile.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._idle_since = 0.0
        self._readable = select.poll()
        self._readable.register(sock, select.POLLIN)
        self.reused = False
        self.keeps = True

    @property
    def context(self) -> ssl.SSLContext | None:
        """Return what it was secured with; None if it is not."""
        return self._sock.context if isinstance(self._sock, ssl.SSLSocket) else None

    def is_usable(self) -> bool:
        """Say whether it is worth a request: not idle for long, and not closed by the server."""
        idle = time.monotonic() - self._idle_since
        return idle < IDLE_SECONDS and not self._readable.poll(0)

    def exchange(self, method: str, request: Secret, deadline: float) -> Answer:
        """Send a request and return the whole answer.

        What goes wrong is raised anew and unchained: frames below hold what was sent or answered.

        Raises:
            UnsentError: not all of it could be sent in time.
            LostError: the answer did not come, or not all of it, in time.
        """
        fault = self._unsent(request, deadline)
        if fault:
            raise UnsentError(fault)
        try:
            return self._received(method, deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = type(error).__name__
        raise LostError(reason)

    def rest(self) -> None:
        """Note that it is idle from now on."""
        self.reused = True
        self._idle_since = time.monotonic()

    def interrupt(self) -> None:
        """End what another thread waits for on it."""
        with contextlib.suppress(OSError):  # it was closed already
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it."""
        self._sock.close()

    def _unsent(self, request: Secret, deadline: float) -> str:
        """Send a request; return why not all of it left, or ''."""
        try:
            self._sock.settimeout(left(deadline))
            # a view shows no content, whatever shows the frames of ``ssl``
            self._sock.sendall(memoryview(request.reveal().encode()))
        except OSError as error:
            return type(error).__name__
        return ""

    def _received(self, method: str, deadline: float) -> Answer:
        response = http.client.HTTPResponse(
            _Wire(self._sock, deadline),  # type: ignore[arg-type] # it asks for ``makefile`` alone
            method=method,
        )
        response.begin()
        if response.length is None and not response.chunked:
            raise http.client.IncompleteRead(b"")  # headers cut short look like this, too
        body = response.read(LARGEST_ANSWER + 1)
        if len(body) > LARGEST_ANSWER or response.length:
            raise http.client.IncompleteRead(b"")
        self.keeps = not response.will_close
        response.close()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, body)


def connected(place: Place, deadline: float) -> Connection:
    """Return a new connection, secured if the place says so.

    Raises:
        OSError: nobody listens, nobody answers in time, or it is not the server it must be.
    """
    deadline = min(deadline, time.monotonic() + LONGEST_CONNECT)
    sock = _opened(place, deadline)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if place.tls is not None:
            sock.settimeout(left(deadline))
            sock = place.tls().wrap_socket(sock, server_hostname=place.name or place.host)
    except BaseException:
        sock.close()
        raise
    return Connection(sock)


def _opened(place: Place, deadline: float) -> socket.socket:
    failure: OSError = OSError("no address")
    found = addresses(place.host, place.port, left(deadline))
    for more, (family, kind, protocol, _, address) in zip(
        reversed(range(len(found))), found, strict=True
    ):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(left(deadline) / (more + 1))  # a dead one leaves time for the others
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


class Pool:
    """The connections to one place, at most ``limit`` of them busy. Thread-safe."""

    def __init__(self, place: Place, *, limit: int) -> None:
        self._place = place
        self._room = threading.Semaphore(limit)
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._closed = False

    def take(self, deadline: float) -> Connection:
        """Return a connection for one request: the one that rested last, else a new one.

        Raises:
            UnsentError: all are busy until the deadline, or the pool is closed.
            OSError: see ``connected``.
        """
        if not self._room.acquire(timeout=max(deadline - time.monotonic(), 0)):
            raise UnsentError("every connection is busy")
        try:
            connection = self._rested() or connected(self._place, deadline)
            self._lend(connection)
        except BaseException:
            self._room.release()
            raise
        return connection

    def give_back(self, connection: Connection) -> None:
        """Take a connection back after a whole answer."""
        with self._lock:
            self._busy.discard(connection)
            keeps = connection.keeps and not self._closed
            if keeps:
                connection.rest()
                self._idle.append(connection)
        if not keeps:
            connection.close()
        self._room.release()

    def drop(self, connection: Connection) -> None:
        """Close a connection that failed, and every idle one: they have likely gone with it."""
        with self._lock:
            self._busy.discard(connection)
            idle, self._idle = self._idle, []
        for each in (connection, *idle):
            each.close()
        self._room.release()

    def close(self) -> None:
        """Close every idle connection and interrupt every busy one."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = tuple(self._busy)
        for connection in idle:
            connection.close()
        for connection in busy:
            connection.interrupt()

    def _rested(self) -> Connection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if connection.is_usable() and self._is_current(connection):
                return connection
            connection.close()

    def _is_current(self, connection: Connection) -> bool:
        """Say whether it was opened with the TLS files as they are now: a login shows them."""
        return self._place.tls is None or connection.context is self._place.tls()

    def _lend(self, connection: Connection) -> None:
        with self._lock:
            if not self._closed:
                self._busy.add(connection)
                return
        connection.close()
        raise UnsentError("the provider was closed")
