"""Telling the server which bundle this agent and everybody it feeds use, and keeping the lease.

What is told is kept on disk first: after a restart an agent trusts no less than it said.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import lru_cache

from ca_core.agent.backoff import backoff
from ca_core.agent.joining import Draw
from ca_core.agent.knownroots import KnownRoots
from ca_core.agent.pollers import Anchors, Pollers, Slow
from ca_core.agent.renewal import ROOT_CHANGE_SPREAD
from ca_core.agent.reports import Reports
from ca_core.agent.rootscache import RootsCache
from ca_core.agent.upstream import Upstream
from ca_core.agent.waiting import Gathering
from ca_core.clock import Clock
from ca_core.errors import Error, RequestError
from ca_core.identity.certificates import bundle_digest, fingerprint
from ca_core.wire.observations import ObservedAnswer
from ca_core.wire.operations import Acknowledgement, Lease, SlowReader

log = logging.getLogger(__name__)

EVERY = 10.0
"""Seconds between two acknowledgements at most while there is something to say."""
CALM_EVERY = 300.0
"""Seconds between two at most otherwise: the question that waits at a server keeps the lease."""
CALM_AFTER = 300.0
"""Seconds after a change of roots in which servers may still say another spread each time."""
CATCHING_UP = 0.5
"""Seconds between two looks while a reader holds an older bundle."""
NAMED = 3
"""Readers that are named to the server: those that may be waited for longest."""
LONGEST_SPREAD = 7 * 86400.0
"""Seconds; no server of ours says more than twelve hours."""

Keep = Callable[[Anchors], Awaitable[None]]
"""Keeps a bundle where a restart finds it; done when it returns."""


async def kept_nowhere(_anchors: Anchors) -> None:
    """An agent without a disk of its own has nothing to keep."""


def statement(
    anchors: Anchors, slow: tuple[Slow, ...] = (), report: ObservedAnswer | None = None
) -> Acknowledgement:
    """Return the acknowledgement of a bundle, and who holds a newer one back: the last few.

    A report of would-be denials goes with it.
    """
    digest, marks = _named(anchors)
    return Acknowledgement(
        digest=digest,
        anchors=marks,
        readers_behind=len(slow),
        readers=tuple(SlowReader(name=one.name, seconds=round(one.left)) for one in slow[-NAMED:]),
        observations=report,
    )


@lru_cache(maxsize=4)
def _named(anchors: Anchors) -> tuple[str, tuple[str, ...]]:
    """Return the digest of a bundle and its fingerprints; remembered: the same is said for days."""
    return bundle_digest(anchors), tuple(sorted({fingerprint(anchor) for anchor in anchors}))


class Acknowledging:
    """Acknowledges after every change, and every few seconds. Used from one event loop.

    Attributes:
        spread: over what time leaves are re-issued after a change; the server says so each time.
        on_urgent: called when it says a shorter one than before.
        reports: go with acknowledgements; a report that is refused costs no lease.
    """

    def __init__(
        self,
        upstream: Upstream,
        roots: RootsCache,
        pollers: Pollers,
        clock: Clock,
        draw: Draw,
        keep: Keep = kept_nowhere,
    ) -> None:
        self._upstream = upstream
        self._roots = roots
        self._pollers = pollers
        self._clock = clock
        self._draw = draw
        self._keep = keep
        self._news = Gathering()
        self._said: Anchors = ()
        self._named_slow = False
        self._said_at = self._say_again = 0.0
        self._changed_at = 0.0
        self._failures = 0
        self._is_hurried = False
        self.spread = ROOT_CHANGE_SPREAD
        self.on_urgent: Callable[[], None] = _nobody
        self.reports = Reports(clock)
        roots.subscribe(self._published)

    async def run(self) -> None:
        """Acknowledge for ever; cancel to end."""
        while True:
            known = self._roots.latest
            pause = EVERY if known is None else await self._looked(known)
            if self._roots.latest is known:
                await self._news.changed(pause, self._clock)

    def hurry(self) -> None:
        """Look now: a server answers again."""
        self._is_hurried = True
        self._news.wake()

    def _published(self, known: KnownRoots) -> None:
        self._changed_at = self._clock.monotonic()
        self._pollers.published(known.index, known.anchors, self._changed_at)
        self._news.wake()

    async def _looked(self, known: KnownRoots) -> float:
        """Keep what is known, say what is held; return the seconds until the next look."""
        try:
            await self._keep(known.anchors)
        except Error as error:
            return await self._failed(error)
        if self._roots.latest is not known:
            return 0.0  # what is newest is not kept yet
        now = self._clock.monotonic()
        held, slow = self._pollers.oldest(now), self._pollers.slow(now)
        is_new = held != self._said or (slow != () and not self._named_slow)
        reports_at = self._said_at + EVERY if self.reports.waiting else self._say_again
        left = min(self._say_again, reports_at) - now
        if is_new or left <= 0:
            return await self._told(held, slow)
        return min(left, CATCHING_UP if set(held) != set(known.anchors) else EVERY)

    async def _told(self, held: Anchors, slow: tuple[Slow, ...]) -> float:
        report = self.reports.begun()
        try:
            lease = await self._upstream.acknowledge(statement(held, slow, report))
        except Error as error:
            if report is not None and isinstance(error, RequestError):
                log.warning("a report of would-be denials was refused: %s", error)
                self.reports.ended()
                return 0.0  # the bundle is acknowledged without it, at once
            self.reports.failed()
            return await self._failed(error)
        self.reports.ended()
        self._failures, self._said, self._named_slow = 0, held, slow != ()
        former, self.spread = self.spread, _spread(lease)
        if self.spread < former:
            self.on_urgent()
        self._said_at = now = self._clock.monotonic()
        is_calm = slow == () and report is None and now - self._changed_at > CALM_AFTER
        pause = CALM_EVERY if is_calm else EVERY
        self._say_again = now + pause * (1 - self._draw() / 10)  # who started together part
        return 0.0

    async def _failed(self, error: Error) -> float:
        """Return how long to wait after a failure; what the server asked for has passed then."""
        if not self._failures:
            log.warning("the bundle in use is not acknowledged: %s", error)
        self._failures, self._is_hurried = self._failures + 1, False
        asked = getattr(error, "retry_after", timedelta())
        pause = backoff(self._failures, self._draw(), at_least=asked)
        await self._clock.sleep(asked.total_seconds())
        return 0.0 if self._is_hurried else pause - asked.total_seconds()


def _nobody() -> None:
    """Whoever has no leaves has nothing to hurry with."""


def _spread(lease: Lease) -> timedelta:
    return timedelta(seconds=min(max(0.0, lease.reissue_spread_seconds), LONGEST_SPREAD))
