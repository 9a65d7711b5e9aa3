"""The services of an agent as its configuration and its data folder say."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from ca_core.agent.services.definitions import Registration
from ca_core.agent.services.keeping import KeptInFile
from ca_core.agent.services.localstate import LocalState
from ca_core.agent.services.servicebodies import body_of
from ca_core.agent.services.services import Services
from ca_core.agent.services.sidecar import registrations_of
from ca_core.clock import Clock
from ca_core.config.model import Config
from ca_core.errors import ConfigError, RequestError
from ca_core.wire.services import ServiceBody


def local_services(config: Config, node: str, clock: Clock, folder: Path | None) -> Services:
    """Return what is registered at an agent: what was kept, and what ``[[services]]`` names.

    Blocks. ``folder`` is where services are kept; None for nowhere.

    Raises:
        ConfigError: a service of the configuration cannot be registered; names the key.
    """
    found = Services(node, clock, None if folder is None else KeptInFile(folder))
    found.replace_configured(configured_services(config, found.state, node))
    return found


def configured_services(config: Config, state: LocalState, node: str) -> Sequence[Registration]:
    """Return what ``[[services]]`` names, sidecars included; the keys are those of the API.

    ``state`` is what is registered now: sidecars keep their ports.

    Raises:
        ConfigError: what is wrong, and in which table.
    """
    found: list[Registration] = []
    for at, table in enumerate(config.services):
        where = f"services[{at}]"
        try:
            named = registrations_of(_body(table), _with(state, found), node)
        except RequestError as error:
            raise ConfigError(str(error), where=where, hint=error.hint) from None
        known = {each.service.id for each in found}
        twice = next((e.service.id for e in named if e.service.id in known), "")
        if twice:
            raise ConfigError(f"two services have the id {twice!r}", where=where)
        found += (replace(each, configured=True) for each in named)
    return tuple(found)


def _body(table: Mapping[str, Any]) -> ServiceBody:
    """Return a table as if it had come as JSON: as it is kept, and told to servers."""
    plain = msgspec.json.decode(msgspec.json.encode(table))
    return body_of(plain, ServiceBody)


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
