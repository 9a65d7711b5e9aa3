"""The services of an agent as its configuration and its data folder say."""

import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from ca_core.agent.services.definitions import Registration
from ca_core.agent.services.keeping import KeptInFile
from ca_core.agent.services.localstate import LocalState
from ca_core.agent.services.services import Services
from ca_core.agent.services.servicetables import registrations_in
from ca_core.clock import Clock
from ca_core.config.model import Config
from ca_core.errors import ConfigError


def local_services(config: Config, node: str, clock: Clock, folder: Path | None) -> Services:
    """Return what is registered at an agent: what was kept, and what ``[[services]]`` names.

    Blocks. ``folder`` is where services are kept; None for nowhere.

    Raises:
        ConfigError: a service of the configuration cannot be registered; names the key.
    """
    found = Services(node, clock, None if folder is None else KeptInFile(folder))
    found.replace_configured(configured_services(config, found.state, node))
    return found


def check_services(config: Config) -> None:
    """Refuse ``[[services]]`` that no agent could register, before there is one.

    Raises:
        ConfigError: as ``configured_services``.
    """
    configured_services(config, LocalState(), None)


def configured_services(
    config: Config, state: LocalState, node: str | None
) -> Sequence[Registration]:
    """Return what ``[[services]]`` names, sidecars included; the keys are those of the API.

    Args:
        config: what holds.
        state: what is registered now: sidecars keep their ports.
        node: the agent's; None where it is not known yet.

    Raises:
        ConfigError: what is wrong, and in which table.
    """
    found: list[Registration] = []
    for at, table in enumerate(config.services):
        where = f"services[{at}]"
        named = registrations_in(table, _with(state, found), node, where=where)
        known = {each.service.id for each in found}
        twice = next((e.service.id for e in named if e.service.id in known), "")
        if twice:
            raise ConfigError(f"two services have the id {twice!r}", where=where)
        found += (replace(each, configured=True) for each in named)
    return tuple(found)


def _with(state: LocalState, more: Sequence[Registration]) -> LocalState:
    """Return the state with services whose ports are taken too."""
    return LocalState.of((*state.services.values(), *more))


def outward_address(server_url: str) -> str:
    """Return the address by which this host reaches a server; '' if it is not known. Blocks.

    Nothing is sent: a datagram's socket knows its own address once it has a destination.
    """
    parts = urlsplit(server_url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, there = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(there)
            return str(probe.getsockname()[0])
    except OSError:
        return ""
