"""A view of a store that holds given tokens and policies."""

from ca_core.acl.documents import parse_document
from ca_core.acl.policies import POLICIES, POLICY_NAMES, PolicyRow, name_key
from ca_core.acl.tokens import TOKEN_HASHES, TOKENS, TokenRow, secret_hash
from ca_core.acl.wirerules import wired
from ca_core.state.protocol import Row
from ca_core.state.rows import encoded
from ca_core.state.tables import persistent
from ca_core.state.view import View


def policy_row(name, document, *, key=None):
    """Return a policy; its id is its name's, unless said."""
    compiled = wired(parse_document(document))
    return PolicyRow(id=key or f"id-{name.lower()}", name=name, rules=document, compiled=compiled)


def token_row(accessor, **held):
    """Return a token whose secret is ``secret of ACCESSOR``."""
    secret = secret_hash(f"secret of {accessor}")
    return TokenRow(accessor=accessor, secret_hash=secret, **held)


def view_of(*rows):
    """Return what a store would show after these rows were written."""
    tables = {TOKENS: {}, TOKEN_HASHES: {}, POLICIES: {}, POLICY_NAMES: {}}
    for row in rows:
        if isinstance(row, TokenRow):
            tables[TOKENS][row.accessor] = Row(encoded(row), 2, 2)
            tables[TOKEN_HASHES][row.secret_hash] = Row(row.accessor.encode(), 2, 2)
        else:
            tables[POLICIES][row.id] = Row(encoded(row), 2, 2)
            tables[POLICY_NAMES][name_key(row.name)] = Row(row.id.encode(), 2, 2)
    return View(2, "epoch", persistent(tables))
