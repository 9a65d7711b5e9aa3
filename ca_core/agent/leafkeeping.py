"""Keeping leaves over a restart: read before the agent answers, written after each change."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from cryptography import x509

from ca_core.agent.backoff import backoff
from ca_core.agent.joining import Draw
from ca_core.agent.keptleaves import Kept, kept_of, restored
from ca_core.agent.leaffile import LeafFile
from ca_core.agent.leafrecord import LeafRecord
from ca_core.agent.leaves import LeafCache
from ca_core.agent.rootscache import RootsCache
from ca_core.agent.waiting import Gathering
from ca_core.clock import Clock
from ca_core.errors import Error
from ca_core.identity.certificates import bundle_digest, parsed_chain
from ca_core.wire.roots import CARoots
from ca_core.wire.times import wire_time

log = logging.getLogger(__name__)

GATHERING = 2.0
"""Seconds in which changes gather before the file is written: a crash costs those leaves."""
REST_FOR_EACH = 0.01
"""Seconds of rest for each leaf that was written: all are written anew for one that changed.

A thousand leaves, 2 MB, are written every 12 s at most; ten thousand every two minutes.
"""
AT_LEAST_EVERY = 3600.0
"""Seconds after which it is written although no leaf changed: by then others were used."""


class LeafKeeping:
    """Writes leaves and roots to a file whenever they changed. Used from one event loop."""

    def __init__(
        self, file: LeafFile, leaves: LeafCache, roots: RootsCache, clock: Clock, draw: Draw
    ) -> None:
        self._file = file
        self._leaves = leaves
        self._roots = roots
        self._clock = clock
        self._draw = draw
        self._bell = Gathering()
        self._is_news = False
        self._failures = 0
        self._error = ""
        self._written_at: datetime | None = None
        self._restored = 0
        self._written = 0
        self._under_way: asyncio.Task[int] | None = None
        leaves.subscribe(self._changed)
        roots.subscribe(lambda _known: self._changed())

    async def restore(self, anchors: Sequence[x509.Certificate]) -> None:
        """Give the agent what was kept. Once, before it starts.

        Roots are taken over if they are ``anchors``: a bundle that is older is no help.

        Args:
            anchors: the roots that this agent trusts, as they stand in its folder.

        Raises:
            ConfigError: a file that does not open cannot be set aside.
        """
        kept = await asyncio.to_thread(self._file.read)
        if kept is None:
            return
        try:
            await self._take(kept, anchors)
        except (Error, ValueError) as error:  # it opened: another version wrote it
            log.warning("kept leaves: not understood: %s", error)
        log.info("kept leaves: %d of %d are good", self._restored, len(kept.leaves))

    async def run(self) -> None:
        """Write after each change, for ever; cancel to end."""
        while True:
            if not self._is_news:
                await self._bell.changed(AT_LEAST_EVERY, self._clock)
            await self._clock.sleep(GATHERING)
            await self.write()
            rest = REST_FOR_EACH * self._written
            if self._failures:
                rest += backoff(self._failures, self._draw())
            await self._clock.sleep(rest)

    async def write(self) -> None:
        """Write now; a failure is logged, once until it works again."""
        self._is_news = False
        now, known = self._clock.now(), self._roots.latest
        roots = None if known is None else (known.value, known.index)
        records = tuple(self._leaves.records())
        try:  # a leaf never changes, so that the thread may read while other leaves come
            self._written = await self._in_turn(partial(self._write, records, roots, now))
        except Error as error:
            self._failed(error)
        else:
            self._failures, self._error, self._written_at = 0, "", now

    def describe(self) -> Mapping[str, object]:
        """Return how the file stands; no secret is in it."""
        return {
            "file": str(self._file.path),
            "restored": self._restored,
            "written_at": wire_time(self._written_at) if self._written_at else "",
            "last_error": self._error,
        }

    async def _take(self, kept: Kept, anchors: Sequence[x509.Certificate]) -> None:
        now = self._clock.now()
        found = await asyncio.to_thread(restored, kept, anchors, now, self._draw)
        self._take_roots(kept, anchors, now)
        self._leaves.restore(found)
        self._restored = len(found.absent) + sum(1 for each in found.present if each.leaf)

    def _take_roots(self, kept: Kept, anchors: Sequence[x509.Certificate], now: datetime) -> None:
        if kept.roots is None:
            return
        theirs = [parsed_chain(root.root_cert)[0] for root in kept.roots.roots]
        if bundle_digest(theirs) == bundle_digest(anchors):
            age = max(now - kept.saved_at, timedelta())
            self._roots.restore(kept.roots, kept.roots_index, age)

    async def _in_turn(self, write: Callable[[], int]) -> int:
        """Write after whatever is being written: a thread that nobody waits for goes on."""
        if self._under_way is not None:
            await asyncio.wait({self._under_way})
        task = self._under_way = asyncio.ensure_future(asyncio.to_thread(write))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    def _write(
        self, records: tuple[LeafRecord, ...], roots: tuple[CARoots, int] | None, now: datetime
    ) -> int:
        """Write; return how many leaves. Blocks."""
        kept = kept_of(records, roots, now)
        self._file.write(kept)
        return len(kept.leaves)

    def _changed(self) -> None:
        self._is_news = True
        self._bell.wake()

    def _failed(self, error: Error) -> None:
        if not self._failures:
            log.error("kept leaves: not written: %s", error)
        self._failures, self._error, self._is_news = self._failures + 1, str(error), True
