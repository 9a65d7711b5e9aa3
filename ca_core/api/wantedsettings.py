"""From a configuration in a request to the settings that it means, under the rules of the file."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ca_core.api.casettings import settings_from
from ca_core.api.rooms import ServerRoom
from ca_core.authority.hiddenmarks import has_marks, unhidden
from ca_core.authority.settings import CASettings
from ca_core.config.load import parse_ca
from ca_core.errors import ConfigError, PluginError, RequestError

Naming = Callable[[str], str]
"""From a dotted key (``ca.config.address``) to the part of the request that it stands in."""


def in_settings(where: str) -> str:
    """Return where a dotted key stands in a ``ChangeRequest``."""
    return f"Settings.{where.removeprefix('ca.')}"


async def wanted_settings(
    room: ServerRoom, section: Mapping[str, Any], naming: Naming = in_settings
) -> CASettings:
    """Return the settings that a ``[ca]`` section means, its hidden secrets put back.

    Args:
        room: whose configuration stands.
        section: in our spelling, as TOML has it; a secret may be its ``<hidden:ID>``.
        naming: names the part of the request that is wrong.

    Raises:
        RequestError: a rule is broken, or a secret must be sent again; ``field`` names the part.
        UnavailableError: a secret or its key-encryption key is missing.
    """
    raw = dict(section)
    config = raw.get("config")
    if isinstance(config, Mapping) and has_marks(config):
        raw["config"] = await _put_back(room, str(raw.get("provider", "builtin")), config, naming)
    try:
        return settings_from(parse_ca(raw))
    except ConfigError as error:
        raise refused(error, naming) from None


def refused(error: ConfigError, naming: Naming) -> RequestError | PluginError:
    """Return what the operator did wrong as what the caller did wrong."""
    if isinstance(error, PluginError):
        return error
    message = str(error).removeprefix(f"{error.where}: ")
    return RequestError(message, field=naming(error.where) if error.where else "", hint=error.hint)


async def _put_back(
    room: ServerRoom, provider: str, config: Mapping[str, Any], naming: Naming
) -> dict[str, Any]:
    opener = room.manager.opener
    standing = opener.configuration()
    keys = opener.registry.get(standing.provider).secret_keys()
    put_back = partial(unhidden, provider, config, standing, opener.own_secrets, secret_keys=keys)
    try:
        return await asyncio.to_thread(put_back)
    except RequestError as error:
        message = str(error).removeprefix(f"{error.field}: ")
        raise RequestError(message, field=naming(f"ca.config.{error.field}")) from None
