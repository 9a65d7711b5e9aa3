"""From a body on the wire to an intention that cannot be wrong; every rule names its field.

Source of rules and texts: Consul's published pages on intentions and service-intentions entries.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ca_core.errors import RequestError
from ca_core.intentions.model import WILDCARD, Intention, Name
from ca_core.intentions.naming import checked_name
from ca_core.intentions.permissions import parsed_permissions, parsed_verdict
from ca_core.wire.intentions import SOURCE_TYPE, IntentionRequest

MOST_DESCRIPTION = 512
"""Characters of a description."""

MOST_META = 64
"""Pairs of meta data."""

MOST_META_KEY = 128
MOST_META_VALUE = 512

_JWT = "requirements on JWTs are not supported; leave the field out"


def parsed_intention(body: IntentionRequest, source: Name, destination: Name) -> Intention:
    """Return what ``body`` says about this pair of names; names in the body have no effect.

    Its ``meta`` is empty if the body says nothing of it; nobody noted its times, it has no id.

    Raises:
        RequestError: a rule is broken, or something is asked for that is not supported; ``field``
            is the place in the body.
    """
    require_supported(body)
    _require_short(body.description, "Description", MOST_DESCRIPTION)
    permissions = parsed_permissions(body.permissions)
    _require_one_way(body, destination)
    return Intention(
        source=source,
        destination=destination,
        action=None if permissions else parsed_verdict(body.action, "Action"),
        permissions=permissions,
        observe=body.observe,
        description=body.description,
        meta=parsed_meta(body.meta or {}),
    )


def named_in(
    body: IntentionRequest, source: Name | None = None, destination: Name | None = None
) -> tuple[Name, Name]:
    """Return source and destination as the body names them, else the ones given.

    Raises:
        RequestError: one is missing, or no name.
    """
    from_parts = (body.source_name, body.source_namespace, body.source_partition)
    to_parts = (body.destination_name, body.destination_namespace, body.destination_partition)
    return (
        _named(from_parts, source, "SourceName"),
        _named(to_parts, destination, "DestinationName"),
    )


def require_supported(body: IntentionRequest) -> None:
    """Refuse what would change the meaning and is not served here.

    Raises:
        RequestError: a peer, a sameness group, a JWT, or a source of another type.
    """
    if body.source_peer:
        raise RequestError("is not supported: peers are not served", field="SourcePeer")
    if body.source_sameness_group:
        raise RequestError("is not supported: there are none", field="SourceSamenessGroup")
    if body.jwt:
        raise RequestError(_JWT, field="JWT")
    if body.source_type not in ("", SOURCE_TYPE):
        raise RequestError("must be set to 'consul'", field="SourceType")


def parsed_meta(meta: Mapping[str, str]) -> Mapping[str, str]:
    """Return meta data within its limits, read-only.

    Raises:
        RequestError: too many pairs, or a key or value too long.
    """
    if len(meta) > MOST_META:
        raise RequestError(f"contains {len(meta)} pairs, at most {MOST_META}", field="Meta")
    for key, value in meta.items():
        _require_short(key, "Meta", MOST_META_KEY)
        _require_short(value, f"Meta[{key}]", MOST_META_VALUE)
    return MappingProxyType(dict(meta))


def _named(parts: tuple[str, str, str], otherwise: Name | None, field: str) -> Name:
    if otherwise is not None and not any(parts):
        return otherwise
    return checked_name(*parts, field=field)


def _require_one_way(body: IntentionRequest, destination: Name) -> None:
    """Refuse an action beside permissions, and permissions where no service is named."""
    if not body.permissions:
        return
    if body.action:
        raise RequestError("must be omitted if Permissions are specified", field="Action")
    if WILDCARD in destination:
        raise RequestError(
            "cannot be specified on intentions with wildcarded destinations", field="Permissions"
        )


def _require_short(text: str, field: str, most: int) -> None:
    if len(text) > most:
        raise RequestError(f"exceeds maximum length {most}", field=field[:80])
