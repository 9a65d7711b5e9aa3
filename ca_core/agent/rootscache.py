"""The trusted roots in memory: filled at once, kept fresh by one blocking query.

While no server answers the last known roots are served, with their age told honestly.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509

from ca_core.agent.backoff import backoff
from ca_core.agent.joining import Draw
from ca_core.agent.signing import Signing, signing_of
from ca_core.agent.upstream import DEFAULT_WAIT, RootsAnswer, Upstream
from ca_core.agent.waiting import Gathering, within
from ca_core.clock import Clock
from ca_core.errors import Error, NotReadyError, ProviderError, RequestError
from ca_core.identity.certificates import parsed_chain
from ca_core.wire.roots import CARoot, CARoots

log = logging.getLogger(__name__)

FILL_PATIENCE = timedelta(seconds=10)
"""How long a first reader waits for the roots before it is told that there are none yet."""
_POLL_WAIT = timedelta(minutes=1)
"""Short enough that a connection which died silently is noticed, and the age told, in a minute."""
_POLL_SLACK = timedelta(seconds=60)
"""Added to a poll's own wait: an upstream that hangs longer than that is given up."""
_HOT_SECONDS = 1.0
"""An answer that comes sooner than this and brings nothing new is counted as a failure."""


@dataclass(frozen=True, slots=True)
class KnownRoots:
    """Roots as they were answered, parsed.

    Attributes:
        value: the answer.
        index: what readers see: it differs from the index of the roots known before.
        anchors: in the order of ``value.roots``.
        signing: what signs leaves.
    """

    value: CARoots
    index: int
    anchors: tuple[x509.Certificate, ...]
    signing: Signing


class RootsCache:
    """The roots one agent knows. Used from one event loop; ``run`` is its only fetcher."""

    def __init__(self, upstream: Upstream, clock: Clock, draw: Draw) -> None:
        self._upstream = upstream
        self._clock = clock
        self._draw = draw
        self._known: KnownRoots | None = None
        self._poll_index = 0
        self._lost_at: float | None = None
        self._error: Error | None = None
        self._failures = 0
        self._closed = False
        self._readers = Gathering()
        self._impatience = Gathering()
        self._listeners: list[Callable[[KnownRoots], None]] = []

    def subscribe(self, listener: Callable[[KnownRoots], None]) -> None:
        """Call ``listener`` on the loop after every change; it must not block or raise."""
        self._listeners.append(listener)

    async def get(self, *, min_index: int = 0, wait: timedelta = DEFAULT_WAIT) -> RootsAnswer:
        """Return the roots: at once, or, if ``min_index`` is their index, once they differ.

        After ``wait`` the same roots are answered again.

        Raises:
            Error: there are none yet; the reason of the last attempt.
        """
        if self._known is None:
            await self.known()
            return self._answer(hit=False)
        if min_index != self._known.index:
            return self._answer(hit=True)
        await self._changed(self._known, wait)
        return self._answer(hit=False)

    async def known(self) -> KnownRoots:
        """Return the roots, waiting for the first attempt to get them.

        Raises:
            Error: that attempt failed, or took longer than ``FILL_PATIENCE``.
        """
        if self._known is None:
            self._impatience.wake()
            await self._readers.changed(FILL_PATIENCE.total_seconds(), self._clock)
        if self._known is None:
            raise self._error or NotReadyError("the roots are not known yet")
        return self._known

    def hurry(self) -> None:
        """Ask now, if a failure is being waited out."""
        self._impatience.wake()

    async def newer_than(self, known: KnownRoots, patience: timedelta) -> KnownRoots:
        """Return the roots after a change, or the same after ``patience``."""
        await self._changed(known, patience)
        return await self.known()

    @property
    def latest(self) -> KnownRoots | None:
        """Return the roots without waiting, or None if there are none yet."""
        return self._known

    @property
    def age(self) -> timedelta:
        """Return how long ago contact with the server was lost; zero while it stands."""
        if self._lost_at is None:
            return timedelta()
        return timedelta(seconds=self._clock.monotonic() - self._lost_at)

    @property
    def known_leader(self) -> bool:
        """Say whether the server answered last time."""
        return self._lost_at is None and self._known is not None

    @property
    def last_error(self) -> Error | None:
        """Return why the last attempt failed, or None if it did not."""
        return self._error

    async def run(self) -> None:
        """Keep the roots fresh for ever; cancel to end."""
        while True:
            began = self._clock.monotonic()
            try:
                changed = self._accept(await self._poll())
            except Error as error:
                await self._after_failure(error)
                continue
            if changed or self._clock.monotonic() - began >= _HOT_SECONDS:
                self._failures = 0
            else:
                await self._pause(timedelta())

    async def close(self) -> None:
        """Let every waiting reader go with what is known; nothing is fetched any more."""
        self._closed = True
        self._readers.wake()

    async def _poll(self) -> RootsAnswer:
        index = self._poll_index if self._lost_at is None else 0
        poll = self._upstream.roots(index=index, wait=_POLL_WAIT)
        try:
            return await within(
                poll, _POLL_WAIT + _POLL_SLACK, self._clock, what="asking for roots"
            )
        except Error:
            raise
        except Exception as error:
            log.exception("roots: the upstream failed in a way it should not")
            raise ProviderError(f"asking for roots failed: {type(error).__name__}") from error

    def _accept(self, answer: RootsAnswer) -> bool:
        """Take an answer over; say whether the roots changed. A lower index is a reset, not old."""
        before = self._known
        if before is None or before.value != answer.value:
            self._publish(answer)
        self._poll_index = max(answer.index, 1)
        self._lost_at, self._error = None, None
        return self._known is not before

    def _publish(self, answer: RootsAnswer) -> None:
        index = max(answer.index, 1)
        if self._known is not None and self._known.index == index:
            index += 1  # other roots under the same number: readers that hold it must be answered
        self._known = _parsed(answer.value, index)
        self._readers.wake()
        for listener in self._listeners:
            listener(self._known)

    async def _after_failure(self, error: Error) -> None:
        if self._lost_at is None:
            self._lost_at = self._clock.monotonic()
            log.warning("roots: no answer from the server: %s", error)
        self._error = error
        if self._known is None:
            self._readers.wake()
        await self._pause(getattr(error, "retry_after", timedelta()))

    async def _pause(self, at_least: timedelta) -> None:
        """Wait after a failure; a first reader may cut it short, but not before ``at_least``."""
        self._failures += 1
        asked = at_least.total_seconds()
        seconds = backoff(self._failures, self._draw(), at_least=at_least)
        if asked:
            await self._clock.sleep(asked)
        await self._impatience.changed(seconds - asked, self._clock)

    async def _changed(self, known: KnownRoots, wait: timedelta) -> None:
        deadline = self._clock.monotonic() + wait.total_seconds()
        while self._known is known and not self._closed:
            left = deadline - self._clock.monotonic()
            if not await self._readers.changed(left, self._clock):
                return

    def _answer(self, *, hit: bool) -> RootsAnswer:
        known = self._known
        if known is None:
            raise self._error or NotReadyError("the roots are not known yet")
        return RootsAnswer(
            value=known.value,
            index=known.index,
            hit=hit,
            age=self.age,
            known_leader=self.known_leader,
        )


def _parsed(value: CARoots, index: int) -> KnownRoots:
    """Return an answer, parsed.

    Raises:
        ProviderError: a root is no certificate, there is none, or none is active.
    """
    active = _active(value)
    return KnownRoots(value, index, _anchors(value), signing_of(active))


def _active(value: CARoots) -> CARoot:
    active = next((root for root in value.roots if root.id == value.active_root_id), None)
    if active is None:
        raise ProviderError("the server's answer has no active root")
    return active


def _anchors(value: CARoots) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(parsed_chain(root.root_cert)[0] for root in value.roots)
    except (ValueError, IndexError, RequestError) as error:
        raise ProviderError(f"a root of the server's answer is no certificate: {error}") from error
