"""From a proven JWT to a token: what the auth method's rules give it, and until when."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from ca_core.acl.bindingrules import BindType, applies, binding_rules, bound_name
from ca_core.acl.methods import AUTH_METHODS, AuthMethodRow, auth_method
from ca_core.acl.naming import given_description
from ca_core.acl.policies import policy_by_name
from ca_core.acl.tokendrafts import MOST_LINKS, TokenDraft
from ca_core.acl.tokens import TOKENS
from ca_core.acl.tokenwriting import made
from ca_core.acl.verifying import Proven, UnprovenError
from ca_core.errors import RateLimitedError
from ca_core.state.protocol import Transaction
from ca_core.state.view import View
from ca_core.wire.acl import PolicyLink

MOST_TOKENS = 100_000
"""Tokens beyond which nobody logs in any more: whoever holds a JWT must not fill the store."""

_PAUSE = timedelta(seconds=60)


def described(meta: Mapping[str, str]) -> str:
    """Return the description of a login's token.

    Raises:
        RequestError: too long.
    """
    note = f": {json.dumps(meta, sort_keys=True)}" if meta else ""
    return given_description(f"token created via login{note}")


def drafted(
    view: View, method: AuthMethodRow, login: Proven, description: str, now: datetime
) -> TokenDraft:
    """Return what a login gets; policies that are not there give nothing.

    Raises:
        UnprovenError: no rule gives it anything.
    """
    given = [
        (rule.kind, name)
        for rule in binding_rules(view, method.name)
        if applies(rule, login.claims) and (name := bound_name(rule, login.claims)) is not None
    ]
    services = tuple(dict.fromkeys(name for kind, name in given if kind is BindType.SERVICE))
    named = (policy_by_name(view, name) for kind, name in given if kind is BindType.POLICY)
    policies = tuple(dict.fromkeys(row.id for row in named if row is not None))
    if not (services or policies):
        raise UnprovenError("no binding rule gives it anything")
    return TokenDraft(
        description=description,
        policies=tuple(PolicyLink(id=each) for each in policies[:MOST_LINKS]),
        service_identities=services[:MOST_LINKS],
        expires=min(now + method.max_ttl, login.until),
    )


def logged_in(
    view: View, method: AuthMethodRow, draft: TokenDraft, ids: tuple[str, str], now: datetime
) -> Transaction:
    """Write the token of a login under the accessor and secret that were drawn for it.

    Raises:
        UnprovenError: the auth method went, or is another one by now.
        RateLimitedError: there are too many tokens.
    """
    if len(view.table(TOKENS)) >= MOST_TOKENS:
        raise RateLimitedError(f"more than {MOST_TOKENS} tokens", retry_after=_PAUSE)
    stored = view.get(AUTH_METHODS, method.name)
    if stored is None or auth_method(view, method.name) != method:
        raise UnprovenError("its auth method changed meanwhile")
    transaction = made(view, draft, *ids, now, method=method.name)
    standing = {(AUTH_METHODS, method.name): stored.version}
    return replace(transaction, expect={**transaction.expect, **standing})
