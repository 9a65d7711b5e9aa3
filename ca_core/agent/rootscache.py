"""The trusted roots in memory: filled at once, kept fresh by one blocking query.

While no server answers the last known roots are served, with their age told honestly.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from ca_core.agent.asking import asked_within
from ca_core.agent.cache.entries import Counts
from ca_core.agent.cache.freshening import fresh_enough
from ca_core.agent.joining import Draw
from ca_core.agent.knownroots import KnownRoots, known_roots
from ca_core.agent.parked import Parked
from ca_core.agent.pauses import Pauses
from ca_core.agent.upstream import DEFAULT_WAIT, RootsAnswer, Upstream
from ca_core.agent.waiting import Gathering
from ca_core.clock import Clock
from ca_core.errors import Error, NotReadyError
from ca_core.wire.freshness import ANY_AGE, Freshness
from ca_core.wire.roots import CARoots

log = logging.getLogger(__name__)

FILL_PATIENCE = timedelta(seconds=10)
"""How long a first reader waits for the roots before it is told that there are none yet."""
_POLL_WAIT = timedelta(minutes=1)
"""Short enough that a connection which died silently is noticed, and the age told, in a minute."""


class RootsCache:
    """The roots one agent knows. Used from one event loop; ``run`` is its only fetcher.

    Attributes:
        counts: what happened to readers and fetches.
    """

    def __init__(self, upstream: Upstream, clock: Clock, draw: Draw) -> None:
        self._upstream = upstream
        self._clock = clock
        self._known: KnownRoots | None = None
        self._poll_index = 0
        self._lost_at: float | None = None
        self._error: Error | None = None
        self._pauses = Pauses(clock, draw)
        self._closed = False
        self._readers = Gathering()
        self._parked: Parked[RootsAnswer] = Parked()
        self._answers = Gathering()
        self._attempts = 0
        self._listeners: list[Callable[[KnownRoots], None]] = []
        self.counts = Counts()

    def subscribe(self, listener: Callable[[KnownRoots], None]) -> None:
        """Call ``listener`` on the loop after every change; it must not block or raise."""
        self._listeners.append(listener)

    def restore(self, value: CARoots, index: int, age: timedelta) -> None:
        """Serve roots that were kept over a restart until a server answers; before ``run``.

        Args:
            value: the roots.
            index: under which readers know them.
            age: how long ago a server said so.

        Raises:
            ProviderError: they are damaged.
        """
        self._publish(RootsAnswer(value=value, index=index))
        self._lost_at = self._clock.monotonic() - age.total_seconds()

    async def get(
        self,
        *,
        min_index: int = 0,
        wait: timedelta = DEFAULT_WAIT,
        freshness: Freshness = ANY_AGE,
    ) -> RootsAnswer:
        """Return the roots: at once, or, if ``min_index`` is their index, once they differ.

        After ``wait`` the same roots are answered again.

        Raises:
            Error: there are none yet, or none that are fresh enough; why the last attempt failed.
        """
        if self._known is None:
            await self.known()
            self.counts.misses += 1
            return self._answer(hit=False)
        hit = freshness is ANY_AGE or await fresh_enough(freshness, self._age, self.asked_anew)
        self.counts.read(hit=hit)
        if min_index != self._known.index:
            return self._answer(hit=hit)
        await self._changed(self._known, wait)
        return self._answer(hit=False)

    async def asked_anew(self) -> None:
        """Have a server asked now; all who want that meanwhile wait for one answer.

        Raises:
            Error: none answered.
        """
        if self._error is not None and not self._pauses.may_ask:
            raise self._error.with_traceback(None)
        attempts, ends = self._attempts, self._clock.monotonic() + FILL_PATIENCE.total_seconds()
        self._poll_index = 0
        self._parked.overtake()
        self._pauses.cut_short()
        while self._attempts == attempts and not self._closed:
            left = ends - self._clock.monotonic()
            if not await self._answers.changed(left, self._clock):
                raise self._error or NotReadyError("no server has answered yet")
        if self._error is not None:
            raise self._error.with_traceback(None)

    @property
    def waiters(self) -> int:
        """Return how many readers wait for other roots, or for an answer."""
        return len(self._readers) + len(self._answers)

    async def known(self) -> KnownRoots:
        """Return the roots, waiting for the first attempt to get them.

        Raises:
            Error: that attempt failed, or took longer than ``FILL_PATIENCE``.
        """
        if self._known is None:
            self._pauses.cut_short()
            await self._readers.changed(FILL_PATIENCE.total_seconds(), self._clock)
        if self._known is None:
            raise self._error or NotReadyError("the roots are not known yet")
        return self._known

    def hurry(self) -> None:
        """Ask now, if a failure is being waited out."""
        self._pauses.cut_short()

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
        return self._age()

    def _age(self) -> timedelta:
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
                answer = await self._poll()
                if answer is None:
                    continue  # overtaken: somebody wants them anew
                changed = self._accept(answer)
            except Error as error:
                await self._after_failure(error)
                continue
            await self._pauses.after_answer(began, is_news=changed)

    async def close(self) -> None:
        """Let every waiting reader go with what is known; nothing is fetched any more."""
        self._closed = True
        self._readers.wake()
        self._answers.wake()

    async def _poll(self) -> RootsAnswer | None:
        index = self._poll_index if self._lost_at is None else 0
        return await self._parked.answer(self._asked(index), waits=index > 0)

    async def _asked(self, index: int) -> RootsAnswer:
        poll = self._upstream.roots(index=index, wait=_POLL_WAIT)
        return await asked_within(poll, _POLL_WAIT, self._clock, what="asking for roots")

    def _accept(self, answer: RootsAnswer) -> bool:
        """Take an answer over; say whether the roots changed. A lower index is a reset, not old."""
        before = self._known
        if before is None or before.value != answer.value:
            self._publish(answer)
        self._poll_index = max(answer.index, 1)
        self._lost_at, self._error = None, None
        self._attempt_ended()
        return self._known is not before

    def _publish(self, answer: RootsAnswer) -> None:
        index = max(answer.index, 1)
        if self._known is not None and self._known.index == index:
            index += 1  # other roots under the same number: readers that hold it must be answered
        self._known = known_roots(answer.value, index)
        self._readers.wake()
        for listener in self._listeners:
            listener(self._known)

    async def _after_failure(self, error: Error) -> None:
        if self._lost_at is None:
            self._lost_at = self._clock.monotonic()
            log.warning("roots: no news: %s", error)
        self._error = error
        self.counts.failed(error)
        self._attempt_ended()
        if self._known is None:
            self._readers.wake()
        await self._pauses.after_failure(error)

    def _attempt_ended(self) -> None:
        self._attempts += 1
        self._answers.wake()

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
            body=known.body,
        )
