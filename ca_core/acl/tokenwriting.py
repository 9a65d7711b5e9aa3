"""What writes tokens: pure, from a view to one transaction.

Each expects the rows it looked at: a lost race is asked again with a newer view.
"""

import hmac
from datetime import datetime

from msgspec.structs import replace

from ca_core.acl.naming import given_description
from ca_core.acl.policies import ACL_TOPIC
from ca_core.acl.tokendrafts import TokenDraft, policy_ids, policy_versions, require_life
from ca_core.acl.tokens import (
    ANONYMOUS_ACCESSOR,
    TOKEN_HASHES,
    TOKENS,
    TokenRow,
    secret_hash,
    token,
)
from ca_core.errors import NotFoundError, RequestError
from ca_core.state.protocol import ABSENT, Change, Transaction
from ca_core.state.rows import put
from ca_core.state.view import View
from ca_core.wire.acl import HIDDEN, TokenRequest

ACL_TOPICS = frozenset({ACL_TOPIC})


def made(
    view: View, draft: TokenDraft, accessor: str, secret: str, now: datetime, *, method: str = ""
) -> Transaction:
    """Write a new token under ids that were drawn for it.

    Raises:
        RequestError: it names a policy that is not there, or ends too soon or too late.
    """
    if not method:  # a login's end is its JWT's, however near
        require_life(draft.expires, now)
    policies = policy_ids(view, draft.policies)
    row = TokenRow(
        accessor=accessor,
        secret_hash=secret_hash(secret),
        description=draft.description,
        policies=policies,
        service_identities=draft.service_identities,
        node_identities=draft.node_identities,
        created=now,
        expires=draft.expires,
        method=method,
    )
    return writing(row, policy_versions(view, policies))


def cloned(
    view: View, accessor: str, description: str, ids: tuple[str, str], now: datetime
) -> Transaction:
    """Write a token that may what another one may, until that one's end, under ids drawn for it.

    Raises:
        NotFoundError: there is no such token.
        RequestError: a login made it, or the description is too long.
    """
    old = require_token(view, accessor, now)
    if old.method:
        raise RequestError("a token that a login made is not cloned", field="AccessorID")
    row = replace(
        old,
        accessor=ids[0],
        secret_hash=secret_hash(ids[1]),
        description=given_description(description or old.description),
        created=now,
    )
    return writing(row, version_of(view, old))


def writing(row: TokenRow, expect: dict[tuple[str, str], int]) -> Transaction:
    """Return the commit that brings a token into being; ``expect`` is what else must hold."""
    changes = (
        put(TOKENS, row.accessor, row),
        Change(TOKEN_HASHES, row.secret_hash, row.accessor.encode()),
    )
    fresh = {(TOKENS, row.accessor): ABSENT, (TOKEN_HASHES, row.secret_hash): ABSENT}
    return Transaction(changes=changes, expect=expect | fresh, topics=ACL_TOPICS)


def changed(
    view: View, accessor: str, body: TokenRequest, draft: TokenDraft, now: datetime
) -> Transaction | None:
    """Write what a token may anew; its ids, its end and its origin stay. None if it is so already.

    Raises:
        NotFoundError: there is no such token.
        RequestError: the body names another id or end than stands, or a policy that is not there.
    """
    old = require_token(view, accessor, now)
    _require_same(old, body, draft)
    policies = policy_ids(view, draft.policies)
    row = replace(
        old,
        description=draft.description,
        policies=policies,
        service_identities=draft.service_identities,
        node_identities=draft.node_identities,
    )
    if row == old:
        return None
    expect = policy_versions(view, policies) | version_of(view, old)
    return Transaction(changes=(put(TOKENS, row.accessor, row),), expect=expect, topics=ACL_TOPICS)


def deleted(view: View, accessor: str, now: datetime) -> Transaction | None:
    """Remove a token; None if there is none, or no longer.

    Raises:
        RequestError: it is the anonymous one, which everybody has.
    """
    row = token(view, accessor, now)
    if row is None:
        return None
    if row.accessor == ANONYMOUS_ACCESSOR:
        raise RequestError(
            "the anonymous token cannot be deleted; take its policies away",
            field="AccessorID",
            hint=f"`ca-core token update {ANONYMOUS_ACCESSOR}` without any",
        )
    return Transaction(changes=removal(row), expect=version_of(view, row), topics=ACL_TOPICS)


def removal(row: TokenRow) -> tuple[Change, Change]:
    """Return the changes that remove a token and the way to it."""
    return Change(TOKENS, row.accessor, None), Change(TOKEN_HASHES, row.secret_hash, None)


def require_token(view: View, accessor: str, now: datetime) -> TokenRow:
    """Return the living token of that accessor.

    Raises:
        NotFoundError: there is none, or no longer.
    """
    row = token(view, accessor, now)
    if row is None:
        raise NotFoundError(
            "Cannot find token of this accessor",  # which somebody may have taken for the secret
            hint="`ca-core token list` shows those there are; an expired one is gone",
        )
    return row


def version_of(view: View, row: TokenRow) -> dict[tuple[str, str], int]:
    """Return what a commit over a token expects; the anonymous one may not be stored yet."""
    stored = view.get(TOKENS, row.accessor)
    return {(TOKENS, row.accessor): ABSENT if stored is None else stored.version}


def _require_same(old: TokenRow, body: TokenRequest, draft: TokenDraft) -> None:
    """Refuse a body that says it is about another token, or would change what never changes."""
    if body.accessor_id and body.accessor_id.lower() != old.accessor:
        raise RequestError("is not the one in the address", field="AccessorID")
    if body.secret_id not in ("", HIDDEN) and not _is_secret(old, body.secret_id):
        raise RequestError("a token's secret never changes; make another token", field="SecretID")
    if body.expiration_ttl or draft.expires not in (None, old.expires):
        raise RequestError(
            "a token's end never changes; make another token", field="ExpirationTime"
        )


def _is_secret(old: TokenRow, secret: str) -> bool:
    return hmac.compare_digest(secret_hash(secret), old.secret_hash)
