"""Intentions in the agent: those of the services it decides for, kept fresh by one blocking query.

A destination is asked for when the first caller needs it, and forgotten when nobody asked for
long. While no server answers, what is known still decides, with its age told honestly.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from ca_core.agent.asking import asked_within
from ca_core.agent.cache.entries import Counts, Reason
from ca_core.agent.destinations import IDLE, Destinations
from ca_core.agent.joining import Draw
from ca_core.agent.parked import Parked
from ca_core.agent.pauses import Pauses
from ca_core.agent.upstream import Upstream
from ca_core.agent.waiting import Gathering
from ca_core.clock import Clock
from ca_core.durations import format_duration
from ca_core.errors import Error, UnavailableError
from ca_core.intentions.building import changed
from ca_core.intentions.lists import (
    Held,
    gone,
    intentions_in,
    name_of,
    needed,
    pairs_to,
    parsed_default,
)
from ca_core.intentions.model import Name
from ca_core.wire.intentionlists import ListsAnswer, ListsRequest

log = logging.getLogger(__name__)

FILL_PATIENCE = timedelta(seconds=10)
"""How long the first caller of a destination waits before it is told that nobody answers."""
_POLL_WAIT = timedelta(minutes=1)


class IntentionCache:
    """The intentions one agent knows. Used from one event loop; ``run`` is its only fetcher.

    Args:
        upstream: answers with lists.
        max_staleness: how old what is known may be to decide by; zero for any age.

    Attributes:
        destinations: the services that are decided for here.
        held: what is known, whole; replaced in one assignment.
        counts: what happened to callers and fetches.
        on_growth: called whenever something else is known than before.
    """

    def __init__(
        self, upstream: Upstream, clock: Clock, draw: Draw, max_staleness: timedelta = timedelta()
    ) -> None:
        self._upstream = upstream
        self._clock = clock
        self.decide_up_to(max_staleness)
        self._anew = False
        self._dropped: set[Name] = set()
        self._parked: Parked[ListsAnswer] = Parked()
        self._fresh_at = clock.monotonic()
        self._error: Error | None = None
        self._attempts = 0
        self._pauses = Pauses(clock, draw)
        self._readers = Gathering()
        self._wanted = Gathering()
        self.destinations = Destinations(clock)
        self.held = Held()
        self.counts = Counts()
        self.on_growth: Callable[[], None] = lambda: None

    def decide_up_to(self, max_staleness: timedelta) -> None:
        """Let what is known be so old, and no older, to decide by; zero for any age."""
        self._longest = max_staleness.total_seconds()
        self._wait = min(_POLL_WAIT, max_staleness / 2) if max_staleness else _POLL_WAIT

    def known(self, destination: Name) -> Held | None:
        """Return what decides for ``destination``, without waiting; None if it is not here."""
        if not self._is_here(destination):
            return None
        self.touch(destination)
        return self.held

    def touch(self, destination: Name) -> None:
        """Note that what is held of ``destination`` is used now."""
        self.destinations.touch(destination)
        self.counts.hits += 1

    def _is_here(self, destination: Name) -> bool:
        return destination in self.destinations and self.held.decides_for(destination)

    async def fetched(self, destination: Name) -> Held:
        """Return what decides for ``destination``, waiting for one call to a server.

        Raises:
            Error: that call failed, or took longer than ``FILL_PATIENCE``.
        """
        self.counts.misses += 1
        attempts, ends = self._attempts, self._clock.monotonic() + FILL_PATIENCE.total_seconds()
        self._want(destination)
        with self.destinations.waiting_for(destination):
            while not self._is_here(destination):
                if self._error is not None and self._attempts != attempts:
                    raise self._error
                left = ends - self._clock.monotonic()
                if not await self._readers.changed(left, self._clock):
                    raise self._error or UnavailableError(
                        f"the intentions of {destination} are not known yet: nobody has answered"
                    )
        self.destinations.touch(destination)
        return self.held

    async def asked_anew(self) -> None:
        """Have a server asked now; all who want that meanwhile wait for one answer.

        Raises:
            Error: none answered.
        """
        if self._error is not None and not self._pauses.may_ask:
            raise self._error.with_traceback(None)
        attempts, ends = self._attempts, self._clock.monotonic() + FILL_PATIENCE.total_seconds()
        self._anew = True
        self._parked.overtake()
        self._pauses.cut_short()
        while len(self.destinations) and self._attempts == attempts:
            if not await self._readers.changed(ends - self._clock.monotonic(), self._clock):
                raise self._error or UnavailableError("no server has answered yet")
        if self._error is not None:
            raise self._error.with_traceback(None)

    def evict(self, destination: Name) -> bool:
        """Forget a destination, unless somebody waits for it; say whether it was there."""
        destinations = self.destinations
        if destination not in destinations or destination in destinations.awaited:
            return False
        self._forget([destination])
        self.counts.evictions[Reason.BUDGET] += 1
        return True

    def hurry(self) -> None:
        """Ask now, if a failure is being waited out."""
        self._pauses.cut_short()

    @property
    def age(self) -> timedelta:
        """Return how old what is known is; zero while a server answers."""
        return timedelta(seconds=self._old) if self._error is not None else timedelta()

    @property
    def is_stale(self) -> bool:
        """Say whether what is known is too old to decide by."""
        return self._longest > 0.0 and self._old > self._longest

    @property
    def is_fresh(self) -> bool:
        """Say whether a server answered last time, and not too long ago."""
        return self._error is None and not self.is_stale

    def describe(self) -> Mapping[str, object]:
        """Return how it stands, for ``/v1/agent/self``."""
        return {
            "destinations": len(self.destinations),
            "intentions": len(self.held.index),
            "age_seconds": round(self.age.total_seconds()),
            "stale": self.is_stale,
            "last_error": str(self._error or ""),
        }

    async def run(self) -> None:
        """Keep what is wanted fresh for ever; cancel to end."""
        while True:
            self._forget_idle()
            if not len(self.destinations):
                await self._wanted.changed(IDLE.total_seconds(), self._clock)
                continue
            try:
                await self._refreshed()
            except Error as error:
                await self._after_failure(error)

    async def close(self) -> None:
        """Let every waiting caller go."""
        self._error = self._error or UnavailableError("this agent is stopping")
        self._attempts += 1
        self._readers.wake()

    @property
    def _old(self) -> float:
        return self._clock.monotonic() - self._fresh_at

    def _want(self, destination: Name) -> None:
        """Ask for it with the next question, and ask now: a question that waits begins anew."""
        if destination not in self.destinations:
            self.destinations.touch(destination)
            while self.destinations.is_full:
                self._forget([self.destinations.oldest()])
            self._parked.overtake()
        self._wanted.wake()
        self._pauses.cut_short()

    async def _refreshed(self) -> None:
        """Ask once and take over what is answered.

        Raises:
            Error: nobody answered, or not as expected.
        """
        began, before = self._clock.monotonic(), self.held
        answer = await self._asked()
        if answer is None:
            return
        self.held = await self._after(answer)
        if self.held is not before:
            self.on_growth()
        is_back = self._error is not None
        self._fresh_at, self._error = self._clock.monotonic(), None
        self._attempts += 1
        self._readers.wake()
        await self._pauses.after_answer(began, is_news=is_back or self.held is not before)

    async def _asked(self) -> ListsAnswer | None:
        """Return the answer, None if meanwhile more is wanted than was asked for."""
        question = self._question()
        waits = bool(question.default) and all(question.held.values())
        return await self._parked.answer(self._answered(question), waits=waits)

    async def _answered(self, question: ListsRequest) -> ListsAnswer:
        asking = self._upstream.intentions(question)
        return await asked_within(asking, self._wait, self._clock, what="asking for intentions")

    def _question(self) -> ListsRequest:
        held, lists = self.held, self.held.lists
        # The answer comes at once, and tells that contact is back.
        lost, self._anew = self._anew or self._error is not None, False
        return ListsRequest(
            held={str(name): lists.get(name, 0) for name in sorted(needed(self.destinations))},
            epoch=held.epoch,
            default="" if lost else held.default,
            wait=format_duration(self._wait),
        )

    async def _after(self, answer: ListsAnswer) -> Held:
        """Return what is known after an answer, made in slices; the same if it brings nothing."""
        held, dropped = self.held, self._dropped - needed(self.destinations)
        same = (answer.epoch, answer.default) == (held.epoch, held.default)
        if same and not answer.lists and not dropped:
            return held
        index = held.index.with_default(parsed_default(answer.default))
        came = (one for found in answer.lists for one in intentions_in(found))
        ended = (*gone(index, answer), *pairs_to(index, dropped))
        index = await changed(index, came, ended, pause=partial(asyncio.sleep, 0))
        self._dropped -= dropped
        found = {name_of(each.destination): each.index for each in answer.lists}
        wanted = needed(self.destinations)  # something may have been forgotten meanwhile
        self._dropped |= found.keys() - wanted
        known = held.lists if answer.epoch == held.epoch else dict.fromkeys(held.lists, 0)
        lists = {name: at for name, at in {**known, **found}.items() if name in wanted}
        return Held(index, answer.epoch, answer.default, lists)

    def _forget_idle(self) -> None:
        idle = self.destinations.idle()
        if idle:
            self._forget(idle)
            self.counts.evictions[Reason.IDLE] += len(idle)

    def _forget(self, destinations: Sequence[Name]) -> None:
        """Decide for them no more; what is left of them goes with the next answer."""
        for name in destinations:
            self.destinations.drop(name)
        wanted, lists = needed(self.destinations), self.held.lists
        self._dropped |= lists.keys() - wanted
        kept = {name: at for name, at in lists.items() if name in wanted}
        self.held = replace(self.held, lists=kept)

    async def _after_failure(self, error: Error) -> None:
        if self._error is None:
            log.warning("intentions: no news: %s", error)
        self._error = error
        self.counts.failed(error)
        self._attempts += 1
        self._readers.wake()
        await self._pauses.after_failure(error)
