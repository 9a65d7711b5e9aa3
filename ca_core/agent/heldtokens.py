"""Tokens that were shown to this agent, in memory: rights and grants, never secrets.

A token is found by the SHA-256 of its secret. It is good until its grant ends; whoever drops it
drops what it gave.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec

from ca_core.acl.principal import Token
from ca_core.acl.rights import Chain, DefaultPolicy, Rights
from ca_core.acl.tokens import ANONYMOUS_ACCESSOR
from ca_core.acl.wirerules import WireRule, unwired
from ca_core.clock import Clock
from ca_core.errors import ProviderError
from ca_core.wire.grants import Granted, GrantsAnswer

MAX_TOKENS: Final = 1000
"""Tokens held; beyond, the one that was idle longest goes. Its holder shows it again."""

IDLE_LIFE: Final = timedelta(hours=72)
"""A token that nobody used in this time is forgotten, as its leaves are."""


@dataclass(slots=True, kw_only=True, eq=False)
class HeldToken:
    """One token; changed on the event loop only.

    Attributes:
        mark: ``mark_of`` its secret; empty for the anonymous one.
        grant: what servers accept from this agent.
        ends: until when it is good, by this host's clock.
        rules: as they came; they are compiled again only if they change.
        used: somebody used it since ``idle_since``.
    """

    token: Token
    mark: bytes
    grant: str = field(repr=False)
    ends: datetime
    rules: bytes
    chain: Chain
    idle_since: datetime
    used: bool = True

    def renewed(self, granted: Granted, chain: Chain, ends: datetime) -> None:
        """Take over what the server says of it now."""
        self.grant, self.rules, self.chain = granted.grant, bytes(granted.rules), chain
        self.ends = ends


def mark_of(secret: str) -> bytes:
    """Return what a secret is remembered by: SHA-256 of it in UTF-8."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


class HeldTokens:
    """Every token one agent holds, and what callers without one may. Used from one event loop.

    Until a server has answered, callers without a token have nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_mark: dict[bytes, HeldToken] = {}
        self._by_accessor: dict[str, HeldToken] = {}
        self._anonymous: HeldToken | None = None
        self.default = DefaultPolicy.DENY
        """What holds where no rule decides; the server says it."""

    def __len__(self) -> int:
        """Return how many are held, the anonymous one aside."""
        return len(self._by_accessor)

    @property
    def accessors(self) -> tuple[str, ...]:
        """Return the public ids of those that are held."""
        return tuple(self._by_accessor)

    def shown(self, mark: bytes) -> Token | None:
        """Return the token whose secret was just shown, if it is held and good; it is in use."""
        held = self._by_mark.get(mark)
        if held is None or held.ends <= self._clock.now():
            return None
        held.used = True
        return held.token

    def use(self, accessors: Iterable[str]) -> None:
        """Say that tokens are in use although nobody shows them."""
        for accessor in accessors:
            held = self._by_accessor.get(accessor)
            if held is not None:
                held.used = True

    def held(self, accessor: str) -> HeldToken | None:
        """Return a good token by its public id, or None."""
        if accessor == ANONYMOUS_ACCESSOR:
            return self._anonymous
        found = self._by_accessor.get(accessor)
        return None if found is None or found.ends <= self._clock.now() else found

    def grants_of(self, accessors: Iterable[str]) -> tuple[str, ...]:
        """Return the grants of tokens that are held."""
        return tuple(
            self._by_accessor[accessor].grant
            for accessor in accessors
            if accessor in self._by_accessor
        )

    def add(self, granted: Granted, mark: bytes, asked_at: datetime) -> Token:
        """Hold a token that was exchanged now.

        Raises:
            ProviderError: its rules cannot be read.
        """
        if len(self) >= MAX_TOKENS and granted.accessor not in self._by_accessor:
            self.drop(min(self._by_accessor.values(), key=_busy_last).token.accessor)
        self.drop(granted.accessor)
        held = self._new(granted, mark, asked_at)
        self._by_mark[mark] = self._by_accessor[granted.accessor] = held
        return held.token

    def drop(self, accessor: str) -> bool:
        """Hold a token no longer; say whether it was held."""
        held = self._by_accessor.pop(accessor, None)
        if held is not None:
            del self._by_mark[held.mark]
        return held is not None

    def drop_ended(self) -> bool:
        """Drop what is no longer good; say whether anything was."""
        now = self._clock.now()
        ended = [key for key, held in self._by_accessor.items() if held.ends <= now]
        gone = [self.drop(accessor) for accessor in ended]
        if self._nobody_ends() and self._anonymous is not None and self._anonymous.ends <= now:
            self._anonymous = None
            return True
        return bool(gone)

    def next_end(self) -> datetime | None:
        """Return when the first of them is no longer good; None if none is held."""
        held = list(self._by_accessor.values())
        if self._nobody_ends() and self._anonymous is not None:
            held.append(self._anonymous)
        return min((each.ends for each in held), default=None)

    def follow(self, answer: GrantsAnswer, asked: Iterable[str], asked_at: datetime) -> bool:
        """Take over what a server said of the tokens asked for; say whether a right changed.

        Raises:
            ProviderError: something in it cannot be read; what was held stays.
        """
        default = _default(answer.default_policy)
        fresh = {granted.accessor: (granted, _rights(granted)) for granted in answer.granted}
        nobody = (answer.anonymous, _rights(answer.anonymous))
        changed, self.default = default is not self.default, default
        changed |= self._renew_nobody(*nobody, asked_at)
        for accessor in asked:
            told = fresh.get(accessor)
            changed |= self.drop(accessor) if told is None else self._renew(*told, asked_at)
        return changed

    def forget_idle(self) -> bool:
        """Drop what nobody used for long; say whether anything was."""
        now = self._clock.now()
        for held in self._by_accessor.values():
            if held.used:
                held.idle_since, held.used = now, False
        idle = [k for k, held in self._by_accessor.items() if now - held.idle_since >= IDLE_LIFE]
        for accessor in idle:
            self.drop(accessor)
        return bool(idle)

    def _nobody_ends(self) -> bool:
        """Say whether callers without a token lose what they have when no server confirms it.

        Not where everything is allowed to them unless a rule refuses: nothing would be won.
        """
        return self.default is DefaultPolicy.DENY

    def _renew(self, granted: Granted, rights: Rights, asked_at: datetime) -> bool:
        held = self._by_accessor.get(granted.accessor)
        if held is None:
            return False  # it ended meanwhile
        changed = held.rules != bytes(granted.rules)
        held.renewed(granted, Chain(rights, self.default), _end(granted, asked_at))
        return changed

    def _renew_nobody(self, granted: Granted, rights: Rights, asked_at: datetime) -> bool:
        before = self._anonymous.rules if self._anonymous is not None else None
        self._anonymous = self._new(granted, b"", asked_at)
        return before != bytes(granted.rules)

    def _new(self, granted: Granted, mark: bytes, asked_at: datetime) -> HeldToken:
        return HeldToken(
            token=Token(granted.accessor),
            mark=mark,
            grant=granted.grant,
            ends=_end(granted, asked_at),
            rules=bytes(granted.rules),
            chain=Chain(_rights(granted), self.default),
            idle_since=self._clock.now(),
        )


def _busy_last(held: HeldToken) -> tuple[bool, datetime]:
    return held.used, held.idle_since


def _end(granted: Granted, asked_at: datetime) -> datetime:
    """Return until when it is good at most: its life began after it was asked for."""
    return asked_at + timedelta(seconds=granted.seconds)


def _rights(granted: Granted) -> Rights:
    try:
        return Rights(unwired(msgspec.json.decode(granted.rules, type=tuple[WireRule, ...])))
    except msgspec.MsgspecError as error:
        raise ProviderError(f"the server said rules that cannot be read: {error}") from error


def _default(word: str) -> DefaultPolicy:
    try:
        return DefaultPolicy(word)
    except ValueError:
        raise ProviderError(f"the server said an unknown default policy: {word[:40]!r}") from None
