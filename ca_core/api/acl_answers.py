"""Rows of tokens, policies, auth methods and binding rules in the words of the wire."""

import base64
import hashlib

import msgspec

from ca_core.acl.bindingrules import BINDING_RULES, BindingRuleRow
from ca_core.acl.methods import AUTH_METHODS, JWT_TYPE, AuthMethodRow
from ca_core.acl.policies import POLICIES, PolicyRow, policy
from ca_core.acl.tokens import ANONYMOUS_ACCESSOR, ANONYMOUS_SECRET, TOKENS, TokenRow
from ca_core.durations import format_duration
from ca_core.state.view import View
from ca_core.wire.acl import (
    HIDDEN,
    NodeIdentity,
    PolicyAnswer,
    PolicyLink,
    ServiceIdentity,
    TokenAnswer,
)
from ca_core.wire.aclmethods import AuthMethodAnswer, BindingRuleAnswer, JwtConfigBody
from ca_core.wire.times import wire_time


def token_answer(view: View, row: TokenRow, datacenter: str, secret: str = "") -> TokenAnswer:
    """Return a token; ``secret`` only in the answer to whoever made it. It is in no repr."""
    known = ANONYMOUS_SECRET if row.accessor == ANONYMOUS_ACCESSOR else HIDDEN
    created, modified = _indexes(view, TOKENS, row.accessor)
    return TokenAnswer(
        accessor_id=row.accessor,
        secret_id=secret or known,
        description=row.description,
        policies=_links(view, row),
        service_identities=tuple(
            ServiceIdentity(service_name=name) for name in row.service_identities
        ),
        node_identities=tuple(
            NodeIdentity(node_name=name, datacenter=datacenter) for name in row.node_identities
        ),
        local=False,
        auth_method=row.method,
        create_time=wire_time(row.created) if row.created else "",
        expiration_time=wire_time(row.expires) if row.expires else "",
        hash=_hash(msgspec.structs.replace(row, secret_hash="")),
        create_index=created,
        modify_index=modified,
    )


def policy_answer(view: View, row: PolicyRow) -> PolicyAnswer:
    """Return a policy with its document."""
    return msgspec.structs.replace(policy_stub(view, row), rules=row.rules)


def policy_stub(view: View, row: PolicyRow) -> PolicyAnswer:
    """Return a policy as lists have it: without its document."""
    created, modified = _indexes(view, POLICIES, row.id)
    return PolicyAnswer(
        id=row.id,
        name=row.name,
        description=row.description,
        hash=_hash(row),
        create_index=created,
        modify_index=modified,
    )


def method_answer(view: View, row: AuthMethodRow) -> AuthMethodAnswer:
    """Return an auth method with its configuration."""
    config = row.config
    body = JwtConfigBody(
        jwks_file=config.jwks_file,
        jwks_url=config.jwks_url,
        jwks_ca_cert=config.jwks_ca_cert,
        public_keys=config.public_keys,
        algorithms=config.algorithms,
        bound_issuer=config.issuer,
        bound_audiences=config.audiences,
        claim_mappings=dict(config.values),
        list_claim_mappings=dict(config.lists),
        clock_skew=format_duration(config.skew),
    )
    return msgspec.structs.replace(method_stub(view, row), config=body)


def method_stub(view: View, row: AuthMethodRow) -> AuthMethodAnswer:
    """Return an auth method as lists have it: without its configuration."""
    created, modified = _indexes(view, AUTH_METHODS, row.name)
    return AuthMethodAnswer(
        name=row.name,
        type=JWT_TYPE,
        display_name=row.display_name,
        description=row.description,
        max_token_ttl=format_duration(row.max_ttl),
        token_locality="global",  # noqa: S106 - no secret, a word of the wire
        create_index=created,
        modify_index=modified,
    )


def rule_answer(view: View, row: BindingRuleRow) -> BindingRuleAnswer:
    """Return a binding rule."""
    created, modified = _indexes(view, BINDING_RULES, row.id)
    return BindingRuleAnswer(
        id=row.id,
        description=row.description,
        auth_method=row.method,
        selector=row.selector,
        bind_type=row.kind,
        bind_name=row.name,
        create_index=created,
        modify_index=modified,
    )


def _links(view: View, row: TokenRow) -> tuple[PolicyLink, ...]:
    """Return a token's policies; one that is gone is left out."""
    found = (policy(view, policy_id) for policy_id in row.policies)
    return tuple(PolicyLink(id=each.id, name=each.name) for each in found if each is not None)


def _indexes(view: View, table: str, key: str) -> tuple[int, int]:
    """Return CreateIndex and ModifyIndex; 0 for what is in the program."""
    row = view.get(table, key)
    return (0, 0) if row is None else (row.created, row.version)


def _hash(row: msgspec.Struct) -> str:
    return base64.b64encode(hashlib.sha256(msgspec.json.encode(row)).digest()).decode()
