"""Where a client command asks: flag, environment, local socket, usual port; in this order."""

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from ca_core.errors import ConfigError

DEFAULT_ADDRESS = "http://127.0.0.1:8500"
"""Where ``dev`` and the agent answer, as Consul's agent does."""

SERVER_SOCKET = "server.sock"
AGENT_SOCKET = "agent.sock"


@dataclass(frozen=True, slots=True)
class Address:
    """An HTTP API to ask.

    Attributes:
        url: scheme, host and port; for a socket the stand-in ``http://localhost``.
        socket: path of the unix socket, or None.
    """

    url: str
    socket: Path | None = None

    def __str__(self) -> str:
        return self.url if self.socket is None else f"unix:{self.socket}"


def parse_address(text: str) -> Address:
    """Return the address that ``text`` names: an URL, ``HOST:PORT`` or ``unix:PATH``.

    Raises:
        ConfigError: anything else; user names and passwords in it are refused and not shown.
    """
    if text.startswith("unix:"):
        path = text.removeprefix("unix:").removeprefix("//")
        return Address("http://localhost", Path(path or _refuse("the path is empty")))
    if "@" in text:
        _refuse("it holds a user or a password")
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        sound = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port out of range, brackets that do not close
        _refuse(f"{text[:80]!r} is not one")
    if not sound or parts.scheme not in {"http", "https"}:
        _refuse(f"{text[:80]!r} is not one")
    return Address(f"{parts.scheme}://{parts.netloc}")


def _refuse(why: str) -> NoReturn:
    raise ConfigError(
        f"{why}; write http://HOST:PORT, https://HOST:PORT or unix:PATH", where="--http-addr"
    )


def local_address(data_dir: Path, socket_name: str) -> Address:
    """Return the local socket of a data folder if it is there, else the usual port.

    A folder that we may not look into counts as one that has it: the refusal names the socket,
    where the usual port could be another cluster's.
    """
    socket = data_dir / socket_name
    try:
        present = socket.is_socket()
    except PermissionError:
        present = True
    except OSError:  # a name that cannot be one
        present = False
    return Address("http://localhost", socket) if present else parse_address(DEFAULT_ADDRESS)
