"""Intentions on the wire, in Consul's words; ``Observe`` is ours.

Source: Consul's published pages on the intentions API. What is read-only there is taken in a
request, and has no effect.
"""

from typing import Any

import msgspec

SOURCE_TYPE = "consul"
"""The one type of source there is."""


class HeaderBody(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """A condition on a header: one of ``Present`` to ``Regex``."""

    name: str = msgspec.field(name="Name", default="")
    present: bool = msgspec.field(name="Present", default=False)
    exact: str = msgspec.field(name="Exact", default="")
    prefix: str = msgspec.field(name="Prefix", default="")
    suffix: str = msgspec.field(name="Suffix", default="")
    contains: str = msgspec.field(name="Contains", default="")
    regex: str = msgspec.field(name="Regex", default="")
    invert: bool = msgspec.field(name="Invert", default=False)
    ignore_case: bool = msgspec.field(name="IgnoreCase", default=False)


class HttpBody(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Conditions on a request; at most one of the three paths."""

    path_exact: str = msgspec.field(name="PathExact", default="")
    path_prefix: str = msgspec.field(name="PathPrefix", default="")
    path_regex: str = msgspec.field(name="PathRegex", default="")
    header: tuple[HeaderBody, ...] = msgspec.field(name="Header", default=())
    methods: tuple[str, ...] = msgspec.field(name="Methods", default=())


class PermissionBody(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What is said of requests that match; ``JWT`` is refused where it says something."""

    action: str = msgspec.field(name="Action", default="")
    http: HttpBody | None = msgspec.field(name="HTTP", default=None)
    jwt: Any = msgspec.field(name="JWT", default=None)


class IntentionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body with which an intention is written.

    Attributes:
        source_peer, source_sameness_group, jwt: refused where they say something.
        meta: None to keep what stands.
        precedence, created_at, updated_at, hash, create_index, modify_index: read-only.
        default_address, default_port: without meaning in Consul too.
    """

    id: str = msgspec.field(name="ID", default="")
    description: str = msgspec.field(name="Description", default="")
    source_partition: str = msgspec.field(name="SourcePartition", default="")
    source_namespace: str = msgspec.field(name="SourceNS", default="")
    source_name: str = msgspec.field(name="SourceName", default="")
    source_peer: str = msgspec.field(name="SourcePeer", default="")
    source_sameness_group: str = msgspec.field(name="SourceSamenessGroup", default="")
    source_type: str = msgspec.field(name="SourceType", default="")
    destination_partition: str = msgspec.field(name="DestinationPartition", default="")
    destination_namespace: str = msgspec.field(name="DestinationNS", default="")
    destination_name: str = msgspec.field(name="DestinationName", default="")
    action: str = msgspec.field(name="Action", default="")
    permissions: tuple[PermissionBody, ...] = msgspec.field(name="Permissions", default=())
    jwt: Any = msgspec.field(name="JWT", default=None)
    meta: dict[str, str] | None = msgspec.field(name="Meta", default=None)
    observe: bool = msgspec.field(name="Observe", default=False)
    precedence: Any = msgspec.field(name="Precedence", default=None)
    created_at: Any = msgspec.field(name="CreatedAt", default=None)
    updated_at: Any = msgspec.field(name="UpdatedAt", default=None)
    hash: Any = msgspec.field(name="Hash", default=None)
    create_index: Any = msgspec.field(name="CreateIndex", default=None)
    modify_index: Any = msgspec.field(name="ModifyIndex", default=None)
    default_address: Any = msgspec.field(name="DefaultAddr", default=None)
    default_port: Any = msgspec.field(name="DefaultPort", default=None)


class IntentionAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One intention as it stands.

    Attributes:
        id: of those that were created without their names in the address; '' otherwise.
        action: '' where ``permissions`` say it.
        precedence: 9 to 1; the higher one decides.
        created_at, updated_at: RFC 3339, UTC; '' where nobody noted it.
    """

    id: str = msgspec.field(name="ID", default="")
    description: str = msgspec.field(name="Description", default="")
    source_namespace: str = msgspec.field(name="SourceNS")
    source_name: str = msgspec.field(name="SourceName")
    destination_namespace: str = msgspec.field(name="DestinationNS")
    destination_name: str = msgspec.field(name="DestinationName")
    source_type: str = msgspec.field(name="SourceType")
    action: str = msgspec.field(name="Action", default="")
    permissions: tuple[PermissionBody, ...] = msgspec.field(name="Permissions", default=())
    meta: dict[str, str] = msgspec.field(name="Meta", default_factory=dict)
    observe: bool = msgspec.field(name="Observe", default=False)
    precedence: int = msgspec.field(name="Precedence")
    created_at: str = msgspec.field(name="CreatedAt", default="")
    updated_at: str = msgspec.field(name="UpdatedAt", default="")
    create_index: int = msgspec.field(name="CreateIndex")
    modify_index: int = msgspec.field(name="ModifyIndex")


class IntentionCreated(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to ``POST /v1/connect/intentions`` and to a change by id."""

    id: str = msgspec.field(name="ID")


class IntentionCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to ``GET /v1/connect/intentions/check``."""

    allowed: bool = msgspec.field(name="Allowed")
