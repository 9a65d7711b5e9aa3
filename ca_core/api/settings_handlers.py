"""``GET /v1/connect/ca/settings``: what stands, as a configuration file would say it."""

from datetime import timedelta
from typing import Any

import msgspec

from ca_core.acl.access import Action
from ca_core.api.http import Request, Response, json_response
from ca_core.api.rooms import ServerRoom, require
from ca_core.authority.configuration import settings_of, shown
from ca_core.authority.rows import ConfigurationRow
from ca_core.config.rules import MIN_LEAF_TTL
from ca_core.errors import NotReadyError


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What stands; ``settings`` has the keys of ``[ca]``, every secret is ``<hidden:ID>``."""

    settings: dict[str, Any] = msgspec.field(name="Settings")


async def settings(room: ServerRoom, request: Request) -> Response:
    """Return the CA configuration that stands in the file's spelling, secrets hidden."""
    require(room.may, request, Action.OPERATOR_WRITE)
    row = room.manager.configuration
    if row is None:
        raise NotReadyError("the CA has not finished initializing: no configuration yet")
    return json_response(Settings(settings=section_of(row)))


def section_of(row: ConfigurationRow) -> dict[str, Any]:
    """Return the ``[ca]`` section that would make this configuration, every secret hidden."""
    return {
        "provider": row.provider,
        **row.settings,
        **_permission(settings_of(row).leaf_ttl),
        "config": shown(row),
    }


def _permission(leaf_ttl: timedelta) -> dict[str, bool]:
    """Return the key without which lives as short as these would be refused."""
    return {"unsafe_short_ttls": True} if leaf_ttl < MIN_LEAF_TTL else {}
