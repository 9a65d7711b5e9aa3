"""From a caller to an answer: a token's rights compiled once, and the rules of a whole process."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from ca_core.acl import tokens
from ca_core.acl.access import Action, May
from ca_core.acl.policies import BUILTIN_POLICIES, POLICIES, PolicyRow, rules_of_policy
from ca_core.acl.principal import Anonymous, Node, Peer, Principal, Token, describe
from ca_core.acl.rights import Chain, DefaultPolicy, Rights
from ca_core.acl.tokens import ANONYMOUS, TOKENS, TokenRow, rules_of_identities
from ca_core.acl.users import UserOf, local_user
from ca_core.clock import Clock
from ca_core.state.rows import decoded, encoded
from ca_core.state.view import View

CACHED_RIGHTS = 1024
"""Sets of policies whose compiled rights are kept; tokens that hold the same ones share them."""

CACHED_TOKENS = 10_240
"""Tokens whose rows are kept decoded."""

MOST_SHOWN = 200
"""Characters of a name that a message repeats."""

ChainOf = Callable[[str], Chain | None]
"""``chain_of(accessor)``: what a token may, or None if there is none (or no longer)."""


class Resolver:
    """A server's ``ChainOf``: answers from the store's newest view, and never from an older one.

    What is kept is keyed by the very bytes it was made of, so a change of a token or policy is
    seen by the next question, whatever happened in between. Thread-safe.

    Args:
        view: gives the newest view.
        clock: says whether a token has expired.
        default: what holds where no rule decides.
    """

    def __init__(
        self, view: Callable[[], View], clock: Clock, default: DefaultPolicy = DefaultPolicy.DENY
    ) -> None:
        self._view = view
        self._clock = clock
        self._default = default
        self._token = lru_cache(CACHED_TOKENS)(_token_row)
        self._chain = lru_cache(CACHED_RIGHTS)(self._compiled)

    def __call__(self, accessor: str) -> Chain | None:
        """Return the rights of a token and the default behind them; None without such a token."""
        view = self._view()
        stored = view.get(TOKENS, accessor)
        if stored is not None:
            row = self._token(stored.value)
        elif accessor == tokens.ANONYMOUS_ACCESSOR:
            row = ANONYMOUS
        else:
            return None
        if row.expires is not None and not row.alive(self._clock.now()):
            return None
        return self._chain(_policies(view, row), row.service_identities, row.node_identities)

    def _compiled(
        self, policies: frozenset[bytes], services: tuple[str, ...], nodes: tuple[str, ...]
    ) -> Chain:
        rows = (decoded(PolicyRow, value) for value in policies)
        rules = (rule for row in rows for rule in rules_of_policy(row))
        return Chain(Rights((*rules, *rules_of_identities(services, nodes))), self._default)


def _token_row(value: bytes) -> TokenRow:
    return decoded(TokenRow, value)


def _policies(view: View, row: TokenRow) -> frozenset[bytes]:
    """Return the rows of a token's policies; one that no longer exists is left out."""
    stored = view.table(POLICIES)
    found = (stored.get(policy_id) for policy_id in row.policies)
    builtin = (_BUILTIN[policy_id] for policy_id in row.policies if policy_id in _BUILTIN)
    return frozenset((*builtin, *(policy.value for policy in found if policy is not None)))


_BUILTIN = {policy_id: encoded(policy) for policy_id, policy in BUILTIN_POLICIES.items()}
"""The builtin policies, as if they were stored."""


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What everybody may where tokens exist; a ``May``.

    A token has its own rights, and nothing of the connection it came over. A local caller without
    one has what the kernel's word gives, and the anonymous token's rights. A holder of a leaf has
    what mTLS gives, and no default: it is a machine, and says so.

    Attributes:
        chain_of: the rights of tokens; a ``Resolver`` on servers.
        local: what holds without tokens.
    """

    chain_of: ChainOf
    local: May

    def __call__(self, caller: Principal, action: Action, name: str) -> bool:
        """Say whether ``caller`` may do ``action`` on ``name``."""
        match caller:
            case Token(accessor=accessor):
                return self._token_may(accessor, action, name)
            case Node():
                return self.local(caller, action, name)
            case _:
                local = self.local(caller, action, name)
                return local or self._token_may(tokens.ANONYMOUS_ACCESSOR, action, name)

    def _token_may(self, accessor: str, action: Action, name: str) -> bool:
        chain = self.chain_of(accessor)
        return chain is not None and chain.allows(action, name)


def denial(
    caller: Principal, action: Action, name: str = "", *, user_of: UserOf = local_user
) -> str:
    """Return the sentence that refuses ``caller``, as Consul's clients know it; holds no secret."""
    where = f" on {quoted(name)}" if name else ""
    return denial_of(caller, f"'{action}'{where}", user_of=user_of)


def denial_of(caller: Principal, rights: str, *, user_of: UserOf = local_user) -> str:
    """Return the sentence for rights that take more words than one action on one name."""
    lacks = f"lacks permission {rights}"
    match caller:
        case Anonymous() | Token(accessor=tokens.ANONYMOUS_ACCESSOR):
            return f"Permission denied: anonymous token {lacks}. {_IMPLICIT}"
        case Peer(uid=uid):  # which of its processes asks does not matter
            user = user_of(uid)
            return f"Permission denied: uid {uid}{f' ({user})' if user else ''} {lacks}"
        case Token(accessor=accessor):
            return f"Permission denied: token with AccessorID '{accessor}' {lacks}"
        case _:
            return f"Permission denied: {describe(caller)} {lacks}"


_IMPLICIT = "The anonymous token is used implicitly when a request does not specify a token."


def quoted(name: str) -> str:
    """Return it as JSON writes it; what cannot be printed is escaped, and its length bounded."""
    shown = name[:MOST_SHOWN]
    return json.dumps(shown, ensure_ascii=not shown.isprintable())
