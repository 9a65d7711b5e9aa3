"""What a caller may, as a key: whoever may the same can be given the same answer.

A list is cut to each caller's rights on every request. Where two callers, or one caller twice, have
the very same rights, the cut is the same too, and need not be made again.
"""

from collections.abc import Hashable

import msgspec

from ca_core.acl.access import AllowAll, May
from ca_core.acl.principal import Node, Peer, Principal, Token
from ca_core.acl.replaceable import Replaceable
from ca_core.acl.resolving import TokenRules
from ca_core.acl.rights import Chain, DefaultPolicy
from ca_core.acl.tokens import ANONYMOUS_ACCESSOR


class Same:
    """A thing as a key by its identity; holds it, so that no other one takes its place."""

    __slots__ = ("_thing",)

    def __init__(self, thing: object) -> None:
        self._thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self._thing is other._thing

    def __hash__(self) -> int:
        return id(self._thing)


class Sight(msgspec.Struct, frozen=True, gc=False):
    """Equal sights may the same: every question about rights has one answer for both.

    Attributes:
        who: what counts of the connection, and the rules for it.
        chain: the compiled rights of the token; they never change, another token state has others.
    """

    who: Hashable
    chain: Hashable = None


EVERYTHING = Sight("everything")


def sight_of(may: May, caller: Principal) -> Sight | None:
    """Return what the caller may, as a key; None for rules that are not known here."""
    match may:
        case AllowAll():
            return EVERYTHING
        case TokenRules():
            return _among_tokens(may, caller)
        case _:
            return None


def has_ended(may: May, caller: Principal) -> bool:
    """Say whether the caller's token is none any more: deleted, or expired."""
    if not isinstance(may, TokenRules) or not isinstance(caller, Token):
        return False
    return may.chain_of(caller.accessor) is None


def default_policy(may: May) -> DefaultPolicy:
    """Return what holds where no rule decides, for callers without a token."""
    match may:
        case AllowAll():
            return DefaultPolicy.MANAGE
        case TokenRules(chain_of=chain_of):
            chain = chain_of(ANONYMOUS_ACCESSOR)
            return DefaultPolicy.DENY if chain is None else chain.default
        case _:
            return DefaultPolicy.DENY


def _among_tokens(rules: TokenRules, caller: Principal) -> Sight:
    """Return what ``TokenRules`` looks at when it is asked about this caller, and nothing else."""
    if isinstance(caller, Token):
        return Sight(None, _key(rules.chain_of(caller.accessor)))
    current = rules.local.now if isinstance(rules.local, Replaceable) else rules.local
    if isinstance(current, AllowAll):
        return EVERYTHING
    local = Same(current)
    if isinstance(caller, Node):
        return Sight((local, caller.identity))
    who = caller.uid if isinstance(caller, Peer) else caller
    return Sight((local, who), _key(rules.chain_of(ANONYMOUS_ACCESSOR)))


def _key(chain: Chain | None) -> Hashable:
    return None if chain is None else Same(chain)
