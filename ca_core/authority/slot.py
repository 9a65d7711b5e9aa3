"""The place where a provider is opened, kept, and kept trying."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from cryptography import x509

from ca_core.authority.guard import GuardedProvider
from ca_core.authority.hands import Hands, HandsClosedError
from ca_core.authority.signingpace import SigningPace
from ca_core.clock import Clock
from ca_core.contract.requests import LeafRequest
from ca_core.errors import Error, NotReadyError, RateLimitedError, UnavailableError

T = TypeVar("T")

FIRST_RETRY = timedelta(seconds=1)
LAST_RETRY = timedelta(seconds=30)

_log = logging.getLogger("ca_core.authority")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A provider that is not open yet: since when, and why not."""

    since: datetime
    error: Error | None = None

    @property
    def last_error(self) -> str:
        """Return why the last attempt failed; empty before one has."""
        return str(self.error) if self.error is not None else ""


def retry_pause(failures: int, error: Error | None = None) -> timedelta:
    """Return how long to wait after the n-th failure in a row: 1, 2, 4 … 30 s.

    Longer if ``error`` says how long the backend wants to be left alone.
    """
    ours = min(LAST_RETRY, FIRST_RETRY * (1 << min(failures - 1, 10)))
    match error:
        case RateLimitedError() | UnavailableError():
            return max(ours, error.retry_after)
        case _:
            return ours


class ProviderSlot:
    """Holds one guarded provider and the threads it may use.

    A provider that cannot be opened does not stop the server: the slot stays *opening* and tells
    why; ``call`` raises ``NotReadyError`` until it is open.

    Attributes:
        opening: since when it is opening, and why it failed.
        pace: how long signatures take.

    Args:
        make: opens the provider; runs in a thread, may fail, is tried again.
    """

    def __init__(self, clock: Clock, make: Callable[[], GuardedProvider]) -> None:
        self._clock = clock
        self._make = make
        self._provider: GuardedProvider | None = None
        self._hands: Hands | None = None
        self._opened = asyncio.Event()
        self._failed = asyncio.Event()
        self.opening = Opening(since=clock.now())
        self.pace = SigningPace(clock.monotonic)

    @property
    def signing_rate(self) -> float:
        """Return the leaves a second that the provider can sign, as measured; 0 if it never did."""
        return self.pace.rate(max(1, self.provider.concurrency)) if self.is_open else 0.0

    async def sign(self, request: LeafRequest) -> x509.Certificate:
        """Have a leaf signed, and measure how long that takes.

        On the loop itself, where the provider promises that it only computes and is quick at it.

        Raises:
            NotReadyError: as ``call``.
            Error: as ``Provider.sign_leaf``.
        """
        pace, here = self.pace, self.provider.only_computes and self.pace.is_quick
        return await self._done(
            lambda provider: pace.timed(lambda: provider.sign_leaf(request)), here=here
        )

    @property
    def provider(self) -> GuardedProvider:
        """Return the open provider.

        Raises:
            NotReadyError: it is still opening; the message holds the last error.
        """
        if self._provider is None:
            reason = self.opening.last_error or "it is being opened"
            raise NotReadyError(f"the CA provider is not open: {reason}")
        return self._provider

    @property
    def is_open(self) -> bool:
        """Say whether the provider is open."""
        return self._provider is not None

    async def open(self) -> None:
        """Return when the provider is open; keep trying until then."""
        failures = 0
        while self._provider is None:
            try:
                provider = await asyncio.to_thread(self._make)
            except Error as error:
                failures += 1
                await self._pause(failures, error)
                continue
            self._hands = Hands(max(1, provider.concurrency))
            self._provider = provider
            self._opened.set()

    async def opened(self) -> None:
        """Return when the provider is open, at once if it is; somebody else opens it."""
        await self._opened.wait()

    async def failed(self) -> None:
        """Return when an attempt to open the provider has failed, at once if one has."""
        await self._failed.wait()

    async def _pause(self, failures: int, error: Error) -> None:
        self.opening = Opening(since=self.opening.since, error=error)
        self._failed.set()
        _log.warning("the CA provider cannot be opened, trying again: %s", error)
        await self._clock.sleep(retry_pause(failures, error).total_seconds())

    async def call(self, work: Callable[[GuardedProvider], T]) -> T:
        """Run ``work`` on one of the provider's threads and return its answer.

        Never more calls at once than the provider's ``concurrency``. A caller that gives up does
        not stop the call.

        Raises:
            NotReadyError: the provider is not open, or no more.
        """
        return await self._done(work, here=False)

    async def _done(self, work: Callable[[GuardedProvider], T], *, here: bool) -> T:
        provider = self.provider
        if self._hands is None:
            raise NotReadyError("the CA provider is not open")
        submit = self._hands.submit_here if here else self._hands.submit
        try:
            return await submit(partial(work, provider))
        except HandsClosedError as closed:
            raise NotReadyError("the CA provider has been closed") from closed

    def close(self) -> None:
        """Let running calls end, then close the provider."""
        if self._hands is not None:
            self._hands.close()
        if self._provider is not None:
            self._provider.close()
