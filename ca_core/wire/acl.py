"""Tokens and policies on the wire, in Consul's words.

Source: Consul's published pages on the ACL API. What is read-only there is taken in a request, and
has no effect; what is not served is refused where it says something.
"""

from typing import Any, Final

import msgspec

HIDDEN: Final = "<hidden>"
"""What stands where a secret is not shown."""


class PolicyLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy by its id, its name, or both, if they are of one."""

    id: str = msgspec.field(name="ID", default="")
    name: str = msgspec.field(name="Name", default="")


class ServiceIdentity(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What a service needs; ``datacenters`` may name the one that there is."""

    service_name: str = msgspec.field(name="ServiceName")
    datacenters: tuple[str, ...] = msgspec.field(name="Datacenters", default=())


class NodeIdentity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an agent on a node needs; ``datacenter`` is '' or the one that there is."""

    node_name: str = msgspec.field(name="NodeName")
    datacenter: str = msgspec.field(name="Datacenter", default="")


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body with which a token is made or changed; what is left out, it has not.

    Attributes:
        accessor_id, secret_id: not chosen by clients; in a change they may say what stands.
        expiration_ttl: a span like ``24h``, from now.
        expiration_time: RFC 3339.
        roles, templated_policies, local, namespace, partition: refused where they say something.
        auth_method, create_time, hash, create_index, modify_index: read-only.
    """

    accessor_id: str = msgspec.field(name="AccessorID", default="")
    secret_id: str = msgspec.field(name="SecretID", default="")
    description: str = msgspec.field(name="Description", default="")
    policies: tuple[PolicyLink, ...] = msgspec.field(name="Policies", default=())
    service_identities: tuple[ServiceIdentity, ...] = msgspec.field(
        name="ServiceIdentities", default=()
    )
    node_identities: tuple[NodeIdentity, ...] = msgspec.field(name="NodeIdentities", default=())
    expiration_ttl: str = msgspec.field(name="ExpirationTTL", default="")
    expiration_time: str = msgspec.field(name="ExpirationTime", default="")
    roles: Any = msgspec.field(name="Roles", default=None)
    templated_policies: Any = msgspec.field(name="TemplatedPolicies", default=None)
    local: bool = msgspec.field(name="Local", default=False)
    namespace: str = msgspec.field(name="Namespace", default="")
    partition: str = msgspec.field(name="Partition", default="")
    auth_method: Any = msgspec.field(name="AuthMethod", default=None)
    create_time: Any = msgspec.field(name="CreateTime", default=None)
    hash: Any = msgspec.field(name="Hash", default=None)
    create_index: Any = msgspec.field(name="CreateIndex", default=None)
    modify_index: Any = msgspec.field(name="ModifyIndex", default=None)

    def __repr__(self) -> str:
        return f"TokenRequest(accessor_id={self.accessor_id!r}, secret_id={HIDDEN})"


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One token.

    Attributes:
        secret_id: in the one answer that made it; ``<hidden>`` in every other.
        expiration_time: RFC 3339; '' for never.
        auth_method: whose login made it, or ''.
        create_time: RFC 3339; '' for the anonymous token as the program brings it.
        hash: changes with what it may; nothing else may be read from it.
    """

    accessor_id: str = msgspec.field(name="AccessorID")
    secret_id: str = msgspec.field(name="SecretID")
    description: str = msgspec.field(name="Description")
    policies: tuple[PolicyLink, ...] = msgspec.field(name="Policies", default=())
    service_identities: tuple[ServiceIdentity, ...] = msgspec.field(
        name="ServiceIdentities", default=()
    )
    node_identities: tuple[NodeIdentity, ...] = msgspec.field(name="NodeIdentities", default=())
    local: bool = msgspec.field(name="Local")
    auth_method: str = msgspec.field(name="AuthMethod", default="")
    create_time: str = msgspec.field(name="CreateTime", default="")
    expiration_time: str = msgspec.field(name="ExpirationTime", default="")
    hash: str = msgspec.field(name="Hash")
    create_index: int = msgspec.field(name="CreateIndex")
    modify_index: int = msgspec.field(name="ModifyIndex")

    def __repr__(self) -> str:
        return f"TokenAnswer(accessor_id={self.accessor_id!r}, secret_id={HIDDEN})"


class BootstrapRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a bootstrap: nothing; a secret of the caller's choice is refused."""

    bootstrap_secret: str = msgspec.field(name="BootstrapSecret", default="")

    def __repr__(self) -> str:
        return f"BootstrapRequest({HIDDEN})"


class PolicyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body with which a policy is made or changed; what is left out is empty.

    Attributes:
        rules: a document in HCL, JSON or TOML.
        datacenters: none, or the one that there is.
        namespace, partition: refused where they say something.
        hash, create_index, modify_index: read-only.
    """

    id: str = msgspec.field(name="ID", default="")
    name: str = msgspec.field(name="Name", default="")
    description: str = msgspec.field(name="Description", default="")
    rules: str = msgspec.field(name="Rules", default="")
    datacenters: tuple[str, ...] = msgspec.field(name="Datacenters", default=())
    namespace: str = msgspec.field(name="Namespace", default="")
    partition: str = msgspec.field(name="Partition", default="")
    hash: Any = msgspec.field(name="Hash", default=None)
    create_index: Any = msgspec.field(name="CreateIndex", default=None)
    modify_index: Any = msgspec.field(name="ModifyIndex", default=None)


class PolicyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One policy; ``rules`` is the document as its author wrote it, absent in a list."""

    id: str = msgspec.field(name="ID")
    name: str = msgspec.field(name="Name")
    description: str = msgspec.field(name="Description")
    rules: str | msgspec.UnsetType = msgspec.field(name="Rules", default=msgspec.UNSET)
    hash: str = msgspec.field(name="Hash")
    create_index: int = msgspec.field(name="CreateIndex")
    modify_index: int = msgspec.field(name="ModifyIndex")
