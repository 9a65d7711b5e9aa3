"""Sockets: where we listen, with which certificate, and how both change without a restart."""

import asyncio
import contextlib
import errno
import logging
import os
import socket
import ssl
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from ca_core.api.authentication import hosts_of
from ca_core.api.protocol import LinkedProtocol, protocol_factory
from ca_core.config.listen import Listen, TcpListen, UnixListen
from ca_core.errors import ConfigError

_log = logging.getLogger("ca_core.api")

BACKLOG = 4096
STOP_LIMIT = 5.0
"""Seconds that running requests get when the process stops."""

PART_LIMIT = 1.0
"""Seconds that clients get to close their side after that."""


class PortInUseError(ConfigError):
    """Somebody else listens at ``address``."""

    def __init__(self, address: Listen) -> None:
        hint = "stop that process, or give this one another address or data folder"
        super().__init__(f"{address} is in use by another process", where="listen", hint=hint)
        self.address = address


class Listener:
    """One listening socket in front of one ASGI application.

    Args:
        app: the application; it sees ``scope["ca_core.link"]``.
        tls: None for plain HTTP, allowed on loopback and unix sockets only.
        mode: permissions of a unix socket.
    """

    def __init__(
        self, app: Any, address: Listen, *, tls: ssl.SSLContext | None = None, mode: int = 0o600
    ) -> None:
        if tls is None and isinstance(address, TcpListen) and not address.is_loopback:
            raise ConfigError(
                f"plain HTTP on {address} would show keys to the network",
                where="listen",
                hint="listen on 127.0.0.1 or a unix socket",
            )
        self._address = address
        self._mode = mode
        self._tls = tls
        self._state = ServerState()
        self._config = Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
        )
        self._config.load()
        self._socket: socket.socket | None = None
        self._servers: list[asyncio.Server] = []

    @property
    def address(self) -> Listen:
        """Return where it listens; after ``start`` with the real port."""
        if self._socket is None or isinstance(self._address, UnixListen):
            return self._address
        return TcpListen(self._address.host, self._socket.getsockname()[1])

    async def start(self) -> None:
        """Bind and listen.

        Raises:
            PortInUseError: somebody else listens there.
            ConfigError: the address cannot be bound for another reason.
        """
        self._socket = _bound(self._address, self._mode)
        self._servers.append(await self._serve())

    async def replace_tls(self, tls: ssl.SSLContext) -> None:
        """Use another context for every connection from now on; the ones that exist stay.

        asyncio loses a connection that its server accepted in the very turn in which it is closed:
        the old one stops accepting a turn earlier.
        """
        old = list(self._servers)
        self._tls = tls
        self._servers = [await self._serve()]
        for sock in (sock for server in old for sock in server.sockets):
            asyncio.get_running_loop().remove_reader(sock.fileno())
        await asyncio.sleep(0)
        for server in old:
            server.close()

    def refuse(self) -> None:
        """Accept nobody any more, not even into the kernel's queue; who is connected stays."""
        for server in self._servers:
            server.close()
        self._servers = []
        self._release()

    async def close(self) -> None:
        """Stop accepting, let running requests end (5 s), drop the rest; safe to repeat."""
        self.refuse()
        for connection in list(self._state.connections):
            connection.shutdown()
        if self._state.tasks:
            _, left = await asyncio.wait(list(self._state.tasks), timeout=STOP_LIMIT)
            for task in left:
                task.cancel()
        await self._part()

    async def _part(self) -> None:
        """Let clients say goodbye (TLS waits for theirs), then cut off who does not."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + PART_LIMIT
        while self._state.connections and loop.time() < ends:  # noqa: ASYNC110 - uvicorn keeps a set and tells nobody of its changes
            await asyncio.sleep(0.005)
        for connection in list(self._state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)

    def cut_waiting(self) -> None:
        """End blocked queries, so that a stop is not as long as they are; the rest is finished."""
        for connection in tuple(self._state.connections):
            if isinstance(connection, LinkedProtocol):
                connection.give_up_waiting()

    def _release(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            if isinstance(self._address, UnixListen):
                self._address.path.unlink(missing_ok=True)

    async def _serve(self) -> asyncio.Server:
        if self._socket is None:
            raise RuntimeError("start() comes first")
        loop = asyncio.get_running_loop()
        address = self.address
        hosts = None
        if isinstance(address, TcpListen) and self._tls is None:
            hosts = hosts_of(address.host, address.port)
        factory = protocol_factory(self._config, self._state, hosts)
        create: Callable[..., Any] = (
            loop.create_server if isinstance(address, TcpListen) else loop.create_unix_server
        )
        extra = {"ssl_handshake_timeout": 10.0} if self._tls else {}
        server: asyncio.Server = await create(
            factory, sock=self._socket.dup(), ssl=self._tls, backlog=BACKLOG, **extra
        )
        return server


async def close_all(listeners: Sequence[Listener]) -> None:
    """Close listeners, all at the same time."""
    for listener in listeners:
        listener.refuse()
    for listener in listeners:
        listener.cut_waiting()
    await asyncio.gather(*(listener.close() for listener in listeners))


def _bound(address: Listen, mode: int) -> socket.socket:
    try:
        match address:
            case UnixListen(path=path):
                return _bound_unix(path, mode)
            case TcpListen():
                return _bound_tcp(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and isinstance(address, TcpListen):
            raise PortInUseError(address) from None
        raise ConfigError(f"cannot listen on {address}: {error.strerror}", where="listen") from None


def _bound_tcp(address: TcpListen) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # asyncio switches Nagle's 40 ms off only for sockets that name their protocol
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address.host, address.port))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)  # noqa: FBT003 - the library's signature
    return sock


def _bound_unix(path: Path, mode: int) -> socket.socket:
    """Bind a unix socket, replacing one that a dead process left, never one that answers."""
    _remove_stale(path)
    _warn_if_closed(path, mode)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old = os.umask(0o177)  # the umask is the whole process's: never wider than 0600 meanwhile
    try:
        sock.bind(str(path))
        path.chmod(mode)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(old)
    sock.setblocking(False)  # noqa: FBT003 - the library's signature
    return sock


def _warn_if_closed(path: Path, mode: int) -> None:
    """Say so if others may use the socket, but may not reach it."""
    closed = not path.parent.stat().st_mode & stat.S_IXOTH
    if mode & stat.S_IWOTH and closed:
        _log.warning("other users cannot reach %s; chmod o+x %s lets them", path, path.parent)


def _remove_stale(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError(f"{path} exists and is not a socket", where="listen")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)  # noqa: FBT003 - the library's signature
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
            except BlockingIOError:  # its queue is full: somebody owns it
                raise PortInUseError(UnixListen(path)) from None
            else:
                raise PortInUseError(UnixListen(path))
