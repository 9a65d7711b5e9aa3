"""From the options of a client command to a connected client."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ca_core.cli.absence import Kind, absence
from ca_core.cli.address import AGENT_SOCKET, SERVER_SOCKET, Address, local_address, parse_address
from ca_core.cli.secretfile import read_secret
from ca_core.errors import ConfigError

if TYPE_CHECKING:
    from ca_core.cli.client import Client
    from ca_core.config import Config


TOKEN_FILES = ("CA_CORE_HTTP_TOKEN_FILE", "CONSUL_HTTP_TOKEN_FILE")
"""Variables that name a file with the token to send; ``--token-file`` sets the first."""

GIVEN_TOKEN_FILE = "CA_CORE_HTTP_TOKEN_FILE_GIVEN"  # noqa: S105 - a name
"""What ``--token-file`` said: an error names what was written, the option or the variable."""


def agent_client(http_addr: str | None, token: str | None) -> "Client":
    """Return a client of the agent on this host, or of the address that was named.

    Raises:
        ConfigError: the address is none, or the file with the token cannot be read.
    """
    return _client(http_addr, token, "agent")


def server_client(http_addr: str | None, token: str | None) -> "Client":
    """Return a client of the server on this host, or of the address that was named.

    Raises:
        ConfigError: the address is none, or the file with the token cannot be read.
    """
    return _client(http_addr, token, "server")


def agent_address(http_addr: str | None) -> Address:
    """Return where the agent of this host answers, or the address that was named.

    Raises:
        ConfigError: the address is none.
    """
    return parse_address(http_addr) if http_addr else _found("agent")[0]


def _client(http_addr: str | None, token: str | None, kind: Kind) -> "Client":
    from ca_core.cli.client import Client  # noqa: PLC0415 - httpx takes 100 ms; help needs none

    address, missing = (parse_address(http_addr), "") if http_addr else _found(kind)
    return Client(address, token or _token_in_file(), absence=missing)


def _token_in_file() -> str | None:
    """Return the token in the file that ``ca-core --token-file`` or a variable names, if any."""
    name = next((name for name in TOKEN_FILES if os.environ.get(name)), "")
    if not name:
        return None
    file = os.environ[name]
    given = os.environ.get(GIVEN_TOKEN_FILE) == file
    return read_secret(Path(file), "--token-file" if given else name)


def _found(kind: Kind) -> tuple[Address, str]:
    """Return where a process of this host answers, and what to do if none does."""
    from ca_core.config import find_config_file  # noqa: PLC0415 - as above

    file = find_config_file()
    config = _config_or_defaults(file)
    folder, name = _PLACES[kind](config)
    return local_address(folder, name), absence(kind, config, file)


_PLACES: Mapping[Kind, Callable[["Config"], tuple[Path, str]]] = {
    "server": lambda config: (config.server.data_dir, SERVER_SOCKET),
    "agent": lambda config: (config.agent.data_dir, AGENT_SOCKET),
}
"""The folder of each kind of process, and the name of its socket there."""


def _config_or_defaults(file: Path | None) -> "Config":
    """Return the configuration; a client must work for users who may not read it."""
    from ca_core.config import Config, load_config  # noqa: PLC0415 - as above

    try:
        return load_config(file)
    except ConfigError:
        return Config()
