"""Tokens in a running store, as if somebody had made them."""

from ca_core.acl.policies import ACL_TOPIC, POLICIES, POLICY_NAMES, PolicyRow, name_key
from ca_core.acl.tokens import TOKEN_HASHES, TOKENS, TokenRow
from ca_core.state.protocol import Change, Transaction
from ca_core.state.rows import put, read


def keep(store, *rows):
    """Write tokens and policies, new or changed."""
    changes = []
    for row in rows:
        if isinstance(row, TokenRow):
            changes.append(put(TOKENS, row.accessor, row))
            changes.append(Change(TOKEN_HASHES, row.secret_hash, row.accessor.encode()))
        else:
            assert isinstance(row, PolicyRow)
            changes.append(put(POLICIES, row.id, row))
            changes.append(Change(POLICY_NAMES, name_key(row.name), row.id.encode()))
    store.commit(Transaction(changes=tuple(changes), topics=frozenset({ACL_TOPIC})))


def revoke(store, accessor):
    """Delete a token."""
    row = read(store.snapshot, TokenRow, TOKENS, accessor)
    changes = (Change(TOKENS, accessor, None), Change(TOKEN_HASHES, row.secret_hash, None))
    store.commit(Transaction(changes=changes, topics=frozenset({ACL_TOPIC})))
