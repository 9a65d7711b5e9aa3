"""What clears up behind tokens and policies: nothing of it changes what anybody may."""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from ca_core.acl.methods import AUTH_METHODS
from ca_core.acl.policies import BUILTIN_POLICIES, POLICIES
from ca_core.acl.tokens import TOKENS, TokenRow, expired_tokens, tokens
from ca_core.acl.tokenwriting import ACL_TOPICS, removal, version_of
from ca_core.state.protocol import MAX_CHANGES, Change, Fence, Transaction
from ca_core.state.rows import decoded, put
from ca_core.state.view import View

MOST_SWEPT = (MAX_CHANGES - 1) // 2
"""Tokens that one commit removes: two rows each, and the topic."""

MOST_DETACHED = MAX_CHANGES - 1
"""Tokens from which one commit takes policies that are gone."""


def swept(view: View, now: datetime, fence: Fence | None = None) -> Transaction | None:
    """Remove tokens that have expired, or whose auth method is gone; None if there are none.

    As many as one commit may; the ones whose method is gone have been alive until then.
    """
    gone = (*expired_tokens(view, now), *_of_nobody(view, now))[:MOST_SWEPT]
    return _written(view, gone, (change for row in gone for change in removal(row)), fence)


def detached(view: View, fence: Fence | None = None) -> Transaction | None:
    """Take policies that are gone out of tokens, as many as one commit may; None if all is so.

    Their ids are never used again, so they give nothing meanwhile.
    """
    stored = view.table(POLICIES)
    rows = (decoded(TokenRow, row.value) for row in view.table(TOKENS).values())
    kept = (
        (row, tuple(p for p in row.policies if p in stored or p in BUILTIN_POLICIES))
        for row in rows
    )
    stale = [(row, policies) for row, policies in kept if policies != row.policies]
    few = stale[:MOST_DETACHED]
    changes = (put(TOKENS, row.accessor, replace(row, policies=held)) for row, held in few)
    return _written(view, [row for row, _ in few], changes, fence)


def _of_nobody(view: View, now: datetime) -> Iterable[TokenRow]:
    methods = view.table(AUTH_METHODS)
    return (row for row in tokens(view, now) if row.method and row.method not in methods)


def _written(
    view: View, rows: Iterable[TokenRow], changes: Iterable[Change], fence: Fence | None
) -> Transaction | None:
    expect = {key: version for row in rows for key, version in version_of(view, row).items()}
    if not expect:
        return None
    return Transaction(changes=tuple(changes), expect=expect, topics=ACL_TOPICS, fence=fence)
