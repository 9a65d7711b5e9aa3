"""``PUT /v1/connect/ca/configuration``, as Consul's clients know it."""

from functools import partial
from typing import Any

import msgspec

from ca_core.acl.access import Action
from ca_core.api.consul_spelling import field_named, provider_named, section_from
from ca_core.api.http import Request, Response, text_response
from ca_core.api.operation_answers import actor_of, begun_answer, patience_of
from ca_core.api.places import refuse_other_places
from ca_core.api.rooms import ServerRoom, require
from ca_core.api.wantedsettings import refused, wanted_settings
from ca_core.authority.rows import CONFIGURATION, ConfigurationRow, decoded
from ca_core.authority.settings import CASettings
from ca_core.config.rules import MIN_LEAF_TTL
from ca_core.contract.plugin import ProviderPlugin
from ca_core.errors import ConfigError, ConflictError, RequestError

READ_ONLY = "Provider State is read-only. It must be omitted or identical to the current value"


class ConfigurationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What Consul's clients send; also what ``GET`` answered.

    Attributes:
        config: Consul's spelling; a secret may be its ``<hidden:ID>``.
        state: read-only.
        force, force_as_in_files: taken and never stored: acknowledgements decide.
        create_index: without effect.
        modify_index: if it is not 0, the configuration must not have changed since.
    """

    provider: str = msgspec.field(name="Provider")
    config: dict[str, Any] | None = msgspec.field(name="Config", default=None)
    state: dict[str, str] | None = msgspec.field(name="State", default=None)
    force: bool = msgspec.field(name="ForceWithoutCrossSigning", default=False)
    force_as_in_files: bool = msgspec.field(name="force_without_cross_signing", default=False)
    create_index: int = msgspec.field(name="CreateIndex", default=0)
    modify_index: int = msgspec.field(name="ModifyIndex", default=0)

    def __repr__(self) -> str:
        return f"ConfigurationRequest(provider={self.provider!r}, config=<hidden>)"


async def put_configuration(room: ServerRoom, request: Request) -> Response:
    """Change the CA configuration; 200 once it is active, 202 with its operation after a minute."""
    require(room.may, request, Action.OPERATOR_WRITE)
    refuse_other_places(request, room.manager.datacenter)
    patience = patience_of(request)
    asked = request.json(ConfigurationRequest)
    stood = _check_fixed(room, asked)
    plugin = _plugin(room, provider_named(asked.provider))
    naming = partial(field_named, plugin=plugin)
    section = _kept(room.manager.settings) | section_from(
        provider_named(asked.provider), asked.config or {}, plugin
    )
    settings = await wanted_settings(room, section, naming)
    try:
        row = await room.lifecycle.changes.apply(
            settings, actor=actor_of(request), wishes=room.wishes, stood=stood
        )
    except ConfigError as error:
        raise refused(error, naming) from None
    if row is None:
        return text_response("")
    answer = await begun_answer(room, row, patience)
    return text_response("") if answer.status == 200 else answer  # noqa: PLR2004 - as Consul


def _check_fixed(room: ServerRoom, asked: ConfigurationRequest) -> str:
    """Refuse what nobody may change, and what was decided on something else than what stands.

    Return the id of what stands, if the caller decided on that; else ''.
    """
    if asked.state:
        raise RequestError(READ_ONLY, field="State")
    stored = room.store.snapshot.get(CONFIGURATION, "ca")
    if asked.modify_index and (stored is None or stored.version != asked.modify_index):
        raise ConflictError(
            "ModifyIndex did not match existing",
            field="ModifyIndex",
            hint="read the configuration again, and decide anew",
        )
    return decoded(ConfigurationRow, stored.value).id if asked.modify_index and stored else ""


def _plugin(room: ServerRoom, provider: str) -> ProviderPlugin[Any]:
    if not provider:
        raise RequestError("names no provider", field="Provider")
    return room.manager.opener.registry.get(provider)


def _kept(standing: CASettings) -> dict[str, Any]:
    """Return what Consul's API has no word for: it stays as it stands."""
    return {
        "trust_corporate_root": standing.trust_corporate_root,
        "strict_key_usage": standing.strict_key_usage,
        "unsafe_short_ttls": standing.leaf_ttl < MIN_LEAF_TTL,
    }
