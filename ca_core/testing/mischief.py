"""What the chaos provider may do to a call, how often, and in which order: drawn from a seed.

======================  ==================================================  =======================
mischief                what the caller sees                                who copes with it
======================  ==================================================  =======================
``rate_limited``        ``RateLimitedError``; nothing was done              core: comes back later
``unavailable``         ``UnavailableError``; nothing was done              core: comes back later
``slow``                ``PendingError`` one to three times, then work      core: keeps the token
``lost_answer``         it was done, and ``OutcomeUnknownError`` comes      core: repeats the id
``forgotten``           it was done, ``PendingError`` comes, and with the   core: a second leaf is
                        token it begins anew                                allowed and recorded
``stalled``             the call blocks its thread for ``stall``            core: ``concurrency``
``short_life``          leaf, signer, intermediate live 55 to 95 % of what  core: asks no more than
                        was asked                                           it can renew in time
``repeated``            a request id asked again gets the certificate it    guard: tells it from a
                        had; without, one with another serial               replay by the id
``sick``                ``health`` says no                                  core: goes on signing
``crooked_chain``       a certificate twice, or the chain reversed          guard: refuses
``swapped_answer``      the certificate of another request                  guard: refuses
======================  ==================================================  =======================

The last two break the contract: no profile but ``lying`` has them, and nothing of them may be
released. The order of a chain is fixed (own certificate first, anchor last) and the chain of an id
is the same for ever, so there is no legal way to duplicate or reorder one.
Source: RFC 5280 §6.1 (no certificate twice in a path), RFC 8446 §4.4.2 (each certifies the one
before it).
"""

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Mischief(StrEnum):
    """One thing that may happen to a call; the value is its key in the configuration."""

    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    SLOW = "slow"
    LOST_ANSWER = "lost_answer"
    FORGOTTEN = "forgotten"
    STALLED = "stalled"
    SHORT_LIFE = "short_life"
    REPEATED = "repeated"
    SICK = "sick"
    CROOKED_CHAIN = "crooked_chain"
    SWAPPED_ANSWER = "swapped_answer"


REFUSED = frozenset({Mischief.CROOKED_CHAIN, Mischief.SWAPPED_ANSWER})
"""What breaks the contract; the guard must release none of it."""

DISTURBING = REFUSED | {
    Mischief.RATE_LIMITED,
    Mischief.UNAVAILABLE,
    Mischief.SLOW,
    Mischief.LOST_ANSWER,
    Mischief.FORGOTTEN,
}
"""What keeps a caller from a good answer; at most one of them strikes a call."""

_ROUGH = {
    Mischief.RATE_LIMITED: 0.15,
    Mischief.UNAVAILABLE: 0.1,
    Mischief.SLOW: 0.2,
    Mischief.LOST_ANSWER: 0.15,
    Mischief.FORGOTTEN: 0.1,
    Mischief.SHORT_LIFE: 0.3,
    Mischief.REPEATED: 0.5,
    Mischief.SICK: 0.3,
}

PROFILES: Mapping[str, Mapping[Mischief, float]] = MappingProxyType(
    {
        "calm": {},
        "mild": {
            Mischief.RATE_LIMITED: 0.1,
            Mischief.SLOW: 0.2,
            Mischief.SHORT_LIFE: 0.2,
            Mischief.REPEATED: 0.5,
        },
        "rough": _ROUGH,
        "lying": {**_ROUGH, Mischief.CROOKED_CHAIN: 0.2, Mischief.SWAPPED_ANSWER: 0.2},
    }
)
"""How likely each mischief is, 0 to 1, by the name of a profile; what is not named never happens.

``mild`` has only what a patient caller waits out, ``rough`` everything that is legal."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one call.

    Attributes:
        strikes: what happens; at most one of ``DISTURBING``.
        amount: at least 0, below 1: how much of it.
    """

    strikes: frozenset[Mischief]
    amount: float

    def has(self, mischief: Mischief) -> bool:
        """Say whether ``mischief`` happens."""
        return mischief in self.strikes


class Fates:
    """Draws the fate of every call. Thread-safe.

    Each kind of call (``sign_leaf``, ``prepare_signer`` …) has a random stream of its own, and
    every call takes the same number of draws from it. So the n-th ``sign_leaf`` of an object has
    the same fate whatever other threads do, and whichever odds of other mischiefs are changed.
    Calls of one kind at once share their fates in the order in which they arrive.

    Args:
        seed: of all streams; equal seeds give equal fates.
        odds: how likely each mischief is, 0 to 1.
        streak: how many calls of one kind may be disturbed in a row; the next one is not.
        life: number of the object whose calls these are; each has streams of its own.
    """

    def __init__(
        self, seed: int, odds: Mapping[Mischief, float], *, streak: int, life: int = 0
    ) -> None:
        self._seed = f"{seed}/{life}"
        self._odds = odds
        self._streak = streak
        self._streams: dict[str, random.Random] = {}
        self._in_a_row: dict[str, int] = {}
        self._lock = threading.Lock()

    def drawn(self, kind: str, possible: frozenset[Mischief]) -> Fate:
        """Return the fate of the next call of ``kind``, to which ``possible`` can happen."""
        with self._lock:
            stream = self._stream(kind)
            draws = {mischief: stream.random() for mischief in Mischief}
            struck = [
                mischief
                for mischief, draw in draws.items()
                if mischief in possible and draw < self._odds.get(mischief, 0.0)
            ]
            return Fate(frozenset(self._bounded(kind, struck)), stream.random())

    def _stream(self, kind: str) -> random.Random:
        if kind not in self._streams:
            self._streams[kind] = random.Random(f"{self._seed}/{kind}")  # noqa: S311 - no secret
        return self._streams[kind]

    def _bounded(self, kind: str, struck: list[Mischief]) -> list[Mischief]:
        """Leave at most one disturbance, and none after ``streak`` of them in a row."""
        disturbing = [mischief for mischief in struck if mischief in DISTURBING]
        in_a_row = self._in_a_row.get(kind, 0)
        happens = disturbing[:1] if in_a_row < self._streak else []
        self._in_a_row[kind] = in_a_row + 1 if happens else 0
        return happens + [mischief for mischief in struck if mischief not in DISTURBING]
