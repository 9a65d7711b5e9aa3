"""``--listen``: ``HOST:PORT``, ``[IPv6]:PORT`` or ``unix:PATH``, parsed once."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from ca_core.errors import ConfigError

MAX_PORT = 65535

MAX_UNIX_PATH = 107
"""Bytes; ``sun_path`` holds 108 with its terminating zero. Source: unix(7)."""

_ALL_INTERFACES = "0.0.0.0"  # noqa: S104 - what an empty host means, as in Go and Consul


@dataclass(frozen=True, slots=True)
class TcpListen:
    """An address to listen on; ``host`` has no brackets, port 0 is any free one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Say whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixListen:
    """A unix socket to listen on."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"


Listen = TcpListen | UnixListen
"""Where a process listens."""


def parse_listen(text: str, *, where: str = "listen") -> Listen:
    """Return the address that ``text`` names.

    An empty host (``:8501``) means every interface.

    Raises:
        ConfigError: no port, a port out of range, an IPv6 address without brackets, or an empty or
            too long socket path; ``where`` names the key or flag.
    """
    if text.startswith("unix:"):
        return _unix(text.removeprefix("unix:"), where)
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ConfigError(
            f"{text[:80]!r} has no port; write HOST:PORT, [IPv6]:PORT or unix:PATH", where=where
        )
    return TcpListen(_host(host, text, where), _port(port, text, where))


def _unix(path: str, where: str) -> UnixListen:
    path = path.removeprefix("//")
    if not path:
        raise ConfigError("unix: needs a path, for example unix:/run/ca-core.sock", where=where)
    if len(path.encode(errors="replace")) > MAX_UNIX_PATH:
        raise ConfigError(f"a socket path has at most {MAX_UNIX_PATH} bytes", where=where)
    return UnixListen(Path(path))


def _host(host: str, text: str, where: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1]
    if ":" in host:
        raise ConfigError(
            f"{text[:80]!r}: put an IPv6 address in brackets, for example [::1]:8500", where=where
        )
    return host or _ALL_INTERFACES


def _port(port: str, text: str, where: str) -> int:
    if port.isascii() and port.isdigit() and int(port[:6]) <= MAX_PORT:
        return int(port)
    raise ConfigError(f"{text[:80]!r}: {port[:20]!r} is not a port (0 to 65535)", where=where)
