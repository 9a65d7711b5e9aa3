"""Auth methods, binding rules and login on the wire, in Consul's words; ``JWKSFile`` is ours.

Source: Consul's published pages on auth methods of type ``jwt``, binding rules and login.
"""

from typing import Any

import msgspec

from ca_core.wire.acl import HIDDEN


class JwtConfigBody(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """How JWTs are verified; exactly one of the three sources of keys.

    Attributes:
        jwks_file: absolute path of a JWKS on the servers.
        jwks_url: ``https``, or ``http`` on loopback; ``jwks_ca_cert`` is PEM of its roots.
        public_keys: PEM.
        algorithms: empty for every one that is asymmetric.
        bound_issuer, bound_audiences: what a JWT must say; both are needed.
        claim_mappings: claim → name under which rules know it; ``list_claim_mappings`` for lists.
        clock_skew: a span like ``60s``; at most 5m.
    """

    jwks_file: str = msgspec.field(name="JWKSFile", default="")
    jwks_url: str = msgspec.field(name="JWKSURL", default="")
    jwks_ca_cert: str = msgspec.field(name="JWKSCACert", default="")
    public_keys: tuple[str, ...] = msgspec.field(name="JWTValidationPubKeys", default=())
    algorithms: tuple[str, ...] = msgspec.field(name="JWTSupportedAlgs", default=())
    bound_issuer: str = msgspec.field(name="BoundIssuer", default="")
    bound_audiences: tuple[str, ...] = msgspec.field(name="BoundAudiences", default=())
    claim_mappings: dict[str, str] = msgspec.field(name="ClaimMappings", default_factory=dict)
    list_claim_mappings: dict[str, str] = msgspec.field(
        name="ListClaimMappings", default_factory=dict
    )
    clock_skew: str = msgspec.field(name="ClockSkewLeeway", default="")


class AuthMethodRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body with which an auth method is written.

    Attributes:
        type: ``jwt``.
        max_token_ttl: a span like ``1h``; 1m to 24h, 1h if left out.
        token_locality: '' or ``global``.
        token_name_format, namespace, namespace_rules, partition: refused where they say something.
    """

    name: str = msgspec.field(name="Name", default="")
    type: str = msgspec.field(name="Type", default="")
    display_name: str = msgspec.field(name="DisplayName", default="")
    description: str = msgspec.field(name="Description", default="")
    max_token_ttl: str = msgspec.field(name="MaxTokenTTL", default="")
    token_locality: str = msgspec.field(name="TokenLocality", default="")
    config: JwtConfigBody = msgspec.field(name="Config", default_factory=JwtConfigBody)
    token_name_format: str = msgspec.field(name="TokenNameFormat", default="")
    namespace: str = msgspec.field(name="Namespace", default="")
    namespace_rules: Any = msgspec.field(name="NamespaceRules", default=None)
    partition: str = msgspec.field(name="Partition", default="")
    create_index: Any = msgspec.field(name="CreateIndex", default=None)
    modify_index: Any = msgspec.field(name="ModifyIndex", default=None)


class AuthMethodAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One auth method; ``config`` is absent in a list."""

    name: str = msgspec.field(name="Name")
    type: str = msgspec.field(name="Type")
    display_name: str = msgspec.field(name="DisplayName")
    description: str = msgspec.field(name="Description")
    max_token_ttl: str = msgspec.field(name="MaxTokenTTL")
    token_locality: str = msgspec.field(name="TokenLocality")
    config: JwtConfigBody | msgspec.UnsetType = msgspec.field(name="Config", default=msgspec.UNSET)
    create_index: int = msgspec.field(name="CreateIndex")
    modify_index: int = msgspec.field(name="ModifyIndex")


class BindingRuleRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body with which a binding rule is written.

    Attributes:
        selector: what must be so of a login; '' is true of every one.
        bind_type: ``service`` or ``policy``.
        bind_name: of ``service`` with ``${value.NAME}``, of ``policy`` a name as it is.
        bind_vars, namespace, partition: refused where they say something.
    """

    id: str = msgspec.field(name="ID", default="")
    description: str = msgspec.field(name="Description", default="")
    auth_method: str = msgspec.field(name="AuthMethod", default="")
    selector: str = msgspec.field(name="Selector", default="")
    bind_type: str = msgspec.field(name="BindType", default="")
    bind_name: str = msgspec.field(name="BindName", default="")
    bind_vars: Any = msgspec.field(name="BindVars", default=None)
    namespace: str = msgspec.field(name="Namespace", default="")
    partition: str = msgspec.field(name="Partition", default="")
    create_index: Any = msgspec.field(name="CreateIndex", default=None)
    modify_index: Any = msgspec.field(name="ModifyIndex", default=None)


class BindingRuleAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One binding rule."""

    id: str = msgspec.field(name="ID")
    description: str = msgspec.field(name="Description")
    auth_method: str = msgspec.field(name="AuthMethod")
    selector: str = msgspec.field(name="Selector")
    bind_type: str = msgspec.field(name="BindType")
    bind_name: str = msgspec.field(name="BindName")
    create_index: int = msgspec.field(name="CreateIndex")
    modify_index: int = msgspec.field(name="ModifyIndex")


class LoginRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a login; ``meta`` is kept in the token's description."""

    auth_method: str = msgspec.field(name="AuthMethod", default="")
    bearer_token: str = msgspec.field(name="BearerToken", default="")
    meta: dict[str, str] = msgspec.field(name="Meta", default_factory=dict)

    def __repr__(self) -> str:
        return f"LoginRequest(auth_method={self.auth_method!r}, bearer_token={HIDDEN})"
