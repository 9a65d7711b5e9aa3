"""What the chaos provider does to requests, answers and tokens."""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from cryptography import x509

from ca_core.contract import (
    IntermediateRequest,
    LeafRequest,
    Request,
    Signer,
    SignerRequest,
    TrustChain,
)
from ca_core.testing.mischief import Fate, Mischief

RequestT = TypeVar("RequestT", bound=Request)
ChainedT = TypeVar("ChainedT", TrustChain, Signer)

REMEMBERED = 256
"""Answers kept for requests that are repeated."""

_TOKEN = re.compile(r"chaos:(\d{1,3}):(.*)\Z", re.DOTALL)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def later_token(polls: int, inner: str | None) -> str:
    """Return a token that says how many polls are left, and the inner provider's own token."""
    return f"chaos:{polls}:{inner or ''}"


def opened_token(token: str | None) -> tuple[int, str | None]:
    """Return how many polls are left, and the token that the inner provider knows."""
    found = _TOKEN.match(token or "")
    return (int(found[1]), found[2] or None) if found else (0, token)


def shortened(request: RequestT, fate: Fate, *, now: datetime) -> RequestT:
    """Return the request, for a shorter life if that is its fate: 55 to 95 % of what was asked."""
    if not fate.has(Mischief.SHORT_LIFE):
        return request
    share = 0.55 + 0.4 * fate.amount
    match request:
        case LeafRequest():
            left = max(timedelta(), request.not_after - now)
            ends = (request.not_after - left * (1 - share)).replace(microsecond=0)
            return replace(request, not_after=ends)
        case SignerRequest() | IntermediateRequest():
            return replace(request, ttl=request.ttl * share)
    return request


def bent(answer: ChainedT, fate: Fate) -> ChainedT:
    """Return the answer, with a crooked chain if that is its fate: doubled or reversed."""
    if not fate.has(Mischief.CROOKED_CHAIN):
        return answer
    if isinstance(answer, TrustChain):
        return replace(answer, certificates=_crooked(answer.certificates, fate.amount))
    return replace(answer, chain=_crooked(answer.chain, fate.amount))


def _crooked(chain: tuple[x509.Certificate, ...], amount: float) -> tuple[x509.Certificate, ...]:
    if amount < 0.5 or len(chain) == 1:  # noqa: PLR2004 - one half of the cases
        return (*chain, chain[-1])
    return chain[::-1]


class Answers:
    """The certificates given out of late. Thread-safe, bounded."""

    def __init__(self) -> None:
        self._given: OrderedDict[str, tuple[Request, x509.Certificate]] = OrderedDict()
        self._lock = threading.Lock()

    def given(
        self,
        request: Request,
        sign: Callable[[], x509.Certificate],
        fate: Fate,
    ) -> x509.Certificate:
        """Return what ``sign`` signs, or what the same request had before, or another's answer."""
        before = self._before(request) if fate.has(Mischief.REPEATED) else None
        answer = before or sign()
        with self._lock:
            other = next(reversed(self._given.values()), (request, answer))[1]
            self._given[request.request_id] = (_timeless(request), answer)
            while len(self._given) > REMEMBERED:
                self._given.popitem(last=False)
        return other if fate.has(Mischief.SWAPPED_ANSWER) else answer

    def _before(self, request: Request) -> x509.Certificate | None:
        with self._lock:
            asked, answer = self._given.get(request.request_id, (None, None))
        return answer if asked == _timeless(request) else None


def _timeless(request: RequestT) -> RequestT:
    """Return the request without what changes when it is repeated."""
    return replace(request, deadline=_NEVER, pending=None)
