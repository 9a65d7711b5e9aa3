"""The server's side of tokens at agents: grants made, renewed, and accepted again."""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from ca_core.acl.grants import KEY_BYTES, Terms, life_left, new_terms, opened, sealed
from ca_core.acl.rights import DefaultPolicy, merged
from ca_core.acl.tokens import (
    ANONYMOUS,
    ANONYMOUS_ACCESSOR,
    TokenRow,
    rules_of_token,
    token,
    token_by_secret,
)
from ca_core.acl.wirerules import wired
from ca_core.allowances import Allowances
from ca_core.api.requesttokens import unknown_token
from ca_core.clock import Clock
from ca_core.errors import DeniedError
from ca_core.identity.spiffe import AgentId
from ca_core.state.secrets import EncryptedSecrets
from ca_core.state.view import View
from ca_core.wire.grants import Granted, GrantsAnswer

NAMESPACE = "acl"
"""Of the secrets that tokens need."""

KEY_NAME = "grant-key"

GUESSES_PER_SECOND = 1.0
GUESSES_AT_ONCE = 50.0
"""Unknown secrets that one agent may bring; beyond, all its new ones wait: guessing takes for ever,
and a program with an old token does not notice."""


class Granting:
    """Makes grants of tokens for agents, and says whose a grant is. Used from one event loop.

    Args:
        view: gives the newest view.
        kept: secrets with the namespace ``NAMESPACE``; the key is made there at the first use.
        clock: says what has expired.
        default: what holds where no rule decides.
    """

    def __init__(
        self,
        view: Callable[[], View],
        kept: EncryptedSecrets,
        clock: Clock,
        default: DefaultPolicy = DefaultPolicy.DENY,
    ) -> None:
        self._view = view
        self._kept = kept
        self._clock = clock
        self._default = default
        self._made_key: bytes | None = None
        self._guesses: Allowances[str] = Allowances(
            clock,
            at_once=GUESSES_AT_ONCE,
            per_second=GUESSES_PER_SECOND,
            said=lambda _: "too many unknown tokens came from this node",
        )

    async def granted(self, secret: str, agent: AgentId) -> Granted:
        """Return the token with that secret, for this agent.

        Raises:
            DeniedError: there is none, or no longer.
            RateLimitedError: this agent brought too many that are none.
            UnavailableError: the key of grants can be neither read nor made now.
        """
        self._guesses.check(agent.node)
        row = token_by_secret(self._view(), secret, self._clock.now())
        if row is None:
            self._guesses.charge(agent.node)
            raise unknown_token()
        return self._granted(self._view(), row, agent, await self._key())

    async def holder(self, grant: str, agent: AgentId) -> str:
        """Return the accessor of the living token that a grant of this agent is of.

        Raises:
            DeniedError: the grant is not of this cluster, not this agent's, or has expired; or the
                token is no longer.
            UnavailableError: the key of grants cannot be had now.
        """
        now = self._clock.now()
        terms = opened(grant, await self._key(), agent=str(agent), now=now)
        if token(self._view(), terms.accessor, now) is None:
            raise unknown_token()
        return terms.accessor

    async def held(self, grants: Iterable[str], agent: AgentId) -> tuple[str, ...]:
        """Return the accessors that good grants of this agent are of; the others are left out.

        Raises:
            UnavailableError: the key of grants cannot be had now.
        """
        key, now = await self._key(), self._clock.now()
        found = (_terms(grant, key, agent, now) for grant in grants)
        return tuple(sorted({terms.accessor for terms in found if terms is not None}))

    async def answer(self, view: View, accessors: Iterable[str], agent: AgentId) -> GrantsAnswer:
        """Return what an agent shall know of these tokens, and of callers without one.

        Raises:
            UnavailableError: the key of grants cannot be had now.
        """
        key, now = await self._key(), self._clock.now()
        rows = (token(view, accessor, now) for accessor in accessors)
        granted = tuple(self._granted(view, row, agent, key) for row in rows if row is not None)
        nobody = token(view, ANONYMOUS_ACCESSOR, now) or ANONYMOUS
        anonymous = self._granted(view, nobody, agent, key)
        return GrantsAnswer(
            digest=_digest(self._default, anonymous, granted),
            default_policy=self._default,
            anonymous=anonymous,
            granted=granted,
        )

    def next_end(self, view: View, accessors: Iterable[str]) -> timedelta | None:
        """Return how soon the first of these tokens expires by itself; None if none does."""
        now = self._clock.now()
        rows = (token(view, accessor, now) for accessor in accessors)
        ends = [row.expires for row in rows if row is not None and row.expires is not None]
        return min(ends) - now if ends else None

    def _granted(self, view: View, row: TokenRow, agent: AgentId, key: bytes) -> Granted:
        now = self._clock.now()
        terms = new_terms(row.accessor, str(agent), now, row.expires)
        rules = msgspec.json.encode(wired(merged(rules_of_token(view, row))))
        return Granted(
            accessor=row.accessor,
            grant=sealed(terms, key),
            seconds=max(0.0, life_left(terms, now).total_seconds()),
            rules=msgspec.Raw(rules),
        )

    async def _key(self) -> bytes:
        if self._made_key is None:
            fresh = secrets.token_bytes(KEY_BYTES)
            self._made_key = await asyncio.to_thread(self._kept.create, KEY_NAME, fresh)
        return self._made_key


def _terms(grant: str, key: bytes, agent: AgentId, now: datetime) -> Terms | None:
    try:
        return opened(grant, key, agent=str(agent), now=now)
    except DeniedError:
        return None


def _digest(default: DefaultPolicy, *parts: Granted | tuple[Granted, ...]) -> str:
    """Return what names the rights in an answer; a fresh grant of the same changes nothing."""
    said = hashlib.sha256(default.encode())
    for part in parts:
        for one in (part,) if isinstance(part, Granted) else part:
            said.update(f"\n{one.accessor} ".encode() + bytes(one.rules))
    return said.hexdigest()
