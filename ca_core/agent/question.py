"""One question that waits at a server, put together of what the parts of an agent want to know.

What is answered is handed out, and the rest is asked again. When more is wanted, a newer question
is sent; the server answers the one before with nothing, so that its connection stays.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ca_core.agent.asking import SLACK
from ca_core.agent.backoff import backoff
from ca_core.agent.contact import Contact
from ca_core.agent.joining import Draw
from ca_core.agent.pace import Pace
from ca_core.agent.upstream import Servers
from ca_core.agent.waiting import stopped, within
from ca_core.clock import Clock
from ca_core.durations import format_duration
from ca_core.errors import DeniedError, Error, RequestError, UnavailableError
from ca_core.wire.watch import RootsFound, WatchAnswer, WatchRequest

GATHERING_TURNS = 16
"""Turns of the event loop in which parts that were answered together ask together again. Far less
than a millisecond, unless there is much to do."""
_FEW_TURNS = 6
"""Turns in which others may join whoever wants something new."""
RESET_AFTER = 30.0
"""Seconds without an answer after which a server may be behind what was seen before: it was
restored, and nobody knows more."""
_SOON = 1.0
"""A part that has waited less than this goes on waiting when the wait of another one is over."""
_EARLY = 0.05
"""Seconds by which two clocks may differ on the end of a wait."""
AT_ONCE = 50.0
"""Questions that are asked without a pause: an agent that begins, a host with many services."""
PER_SECOND = 20.0
"""Questions that follow: nothing waits longer than a twentieth of a second for the next."""
NAMES = 1000
"""Names in a question that make it as dear as another one."""
GRANTS = 200
"""Grants that do: each is opened and made anew, 25 us with a rule or two."""
_MOST_ENDING = 2
"""Questions that were overtaken and are not answered yet; an older one is broken off."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Wish:
    """What one part asks for.

    Attributes:
        asked: as it stands in the question.
        at_once: an answer is due at once, whether or not it is news.
        quick: the server has something to say at once.
        since, ends: when it was asked, and how long it may wait, by ``Clock.monotonic``.
        told: its part of an answer; None if there is no news.
    """

    asked: Any
    at_once: bool = False
    quick: bool = False
    since: float
    ends: float
    told: asyncio.Future[Any] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Question:
    """What the parts of an agent wish to know, asked together. Used from one event loop.

    Args:
        servers: who is asked.
        contact: notes what becomes of it.
        draw: spreads what comes again.

    Attributes:
        roots: as they were told last; None before.
    """

    def __init__(self, servers: Servers, contact: Contact, clock: Clock, draw: Draw) -> None:
        self._servers = servers
        self._contact = contact
        self._clock = clock
        self._draw = draw
        self._pace = Pace(clock, at_once=AT_ONCE, per_second=PER_SECOND)
        self._wishes: dict[str, _Wish] = {}
        self._wanted = asyncio.Event()
        self._ending: list[asyncio.Future[WatchAnswer]] = []
        self._seen = (0, "")
        self._roots_epoch = ""
        self._just_told: set[str] = set()
        self._fruitless = 0
        self._failing_since: float | None = None
        self.roots: RootsFound | None = None

    async def run(self) -> None:
        """Ask for ever; cancel to end."""
        try:
            while True:
                await self._wanted.wait()
                await self._pace.turn(_cost(self._wishes))
                await self._gathered()
                self._wanted.clear()
                if self._wishes:
                    await self._ask(dict(self._wishes))
        finally:
            await stopped(*self._ending)

    async def told(
        self, part: str, asked: Any, wait: timedelta, *, at_once: bool = False, quick: bool = False
    ) -> Any:
        """Return one part of an answer, None if there was no news in ``wait``.

        Args:
            part: its name in ``WatchRequest``; a part asks one thing at a time.
            asked: as it stands there.
            wait: how long there may be no news.
            at_once: an answer is due at once, whether or not there is news.
            quick: what is asked is known to be answered at once.

        Raises:
            Error: why no server answered.
        """
        now = self._clock.monotonic()
        ends = now + wait.total_seconds()
        wish = _Wish(asked=asked, at_once=at_once, quick=quick or at_once, since=now, ends=ends)
        wish.told.add_done_callback(_looked_at)
        self._wishes[part] = wish
        self._wanted.set()
        try:
            return await wish.told
        finally:
            if self._wishes.get(part) is wish:
                del self._wishes[part]

    def refuse(self, failure: Error) -> None:
        """Tell everybody who waits why they are not told."""
        self._refused(self._wishes, failure)

    async def _gathered(self) -> None:
        """Return once everybody who was just told something has asked again, or soon."""
        for turn in range(GATHERING_TURNS):
            if turn >= _FEW_TURNS and self._just_told <= self._wishes.keys():
                break
            await asyncio.sleep(0)
        self._just_told = set()

    async def _ask(self, wishes: Mapping[str, _Wish], *, briefly: bool = False) -> None:
        """Ask once, and hand out what is told, unless more is wanted meanwhile."""
        wait = timedelta() if briefly else self._wait(wishes)
        began = self._clock.monotonic()
        question = self._question(wishes, wait)
        asking = self._contact.noted(self._servers.watch(question))
        limited = within(asking, wait + SLACK, self._clock, what="asking for news")
        told, wanted = asyncio.ensure_future(limited), asyncio.ensure_future(self._wanted.wait())
        comes_soon = not wait or any(wish.quick for wish in wishes.values())
        ends = {told} if comes_soon else {told, wanted}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            await stopped(told)
            raise
        finally:
            await stopped(wanted)
        if not told.done():
            await self._overtake(told)
            return
        is_over = self._clock.monotonic() - began >= wait.total_seconds() - _EARLY
        await self._take(wishes, told, is_over=is_over)
        if self._wishes:
            self._wanted.set()

    def _wait(self, wishes: Mapping[str, _Wish]) -> timedelta:
        """Return how long servers may wait: not after a failure, so that they are heard of."""
        is_lost = self._contact.lost_at is not None or self._failing_since is not None
        if is_lost or any(wish.at_once for wish in wishes.values()):
            return timedelta()
        left = min(wish.ends for wish in wishes.values()) - self._clock.monotonic()
        return timedelta(seconds=max(0.0, left))

    def _question(self, wishes: Mapping[str, _Wish], wait: timedelta) -> WatchRequest:
        asked = {part: wish.asked for part, wish in wishes.items()}
        if "roots" in asked:
            held = self.roots if self._roots_epoch == self._seen[1] else None
            asked["roots"] = 0 if held is None else held.index
        since = self._failing_since
        if since is not None and self._clock.monotonic() - since > RESET_AFTER:
            self._seen = (0, self._seen[1])
        index, epoch = self._seen
        return WatchRequest(index=index, epoch=epoch, wait=format_duration(wait), **asked)

    async def _overtake(self, told: asyncio.Future[WatchAnswer]) -> None:
        """Leave a question to the newer one, which ends it."""
        ending = [one for one in self._ending if not one.done()]
        self._ending = [*ending, told][-_MOST_ENDING:]
        told.add_done_callback(_looked_at)
        await stopped(*(one for one in ending if one not in self._ending))

    async def _take(
        self, wishes: Mapping[str, _Wish], told: asyncio.Future[WatchAnswer], *, is_over: bool
    ) -> None:
        error = UnavailableError("the question was broken off") if told.cancelled() else None
        failure = error or told.exception()
        if _is_about_one(failure) and len(wishes) > 1:
            await self._ask_each(wishes)
            return
        if failure is not None:
            if self._failing_since is None:
                self._failing_since = self._clock.monotonic()
            self._refused(wishes, failure)
            return
        self._failing_since = None
        self._hand_out(wishes, told.result(), is_over=is_over)
        if is_over or any(wish.told.done() for wish in wishes.values()):
            self._fruitless = 0
            return
        self._fruitless += 1  # somebody else asks in the name of this agent, or a network reorders
        if self._fruitless > 1:
            await self._clock.sleep(backoff(self._fruitless - 1, self._draw()))

    async def _ask_each(self, wishes: Mapping[str, _Wish]) -> None:
        """Ask for each part alone: only one that servers cannot take is told so."""
        for part, wish in wishes.items():
            if not wish.told.done():
                await self._ask({part: wish}, briefly=True)

    def _hand_out(self, wishes: Mapping[str, _Wish], answer: WatchAnswer, *, is_over: bool) -> None:
        if answer.index:
            self._seen = (answer.index, answer.epoch)
        if answer.roots is not None:
            self.roots, self._roots_epoch = answer.roots, answer.epoch
        now, counts = self._clock.monotonic(), answer.index  # else a newer question ended this one
        for part, wish in wishes.items():
            news = _part_of(answer, part)
            has_waited = now - wish.since >= _SOON or now >= wish.ends
            due = news is not None or (counts and (wish.at_once or (is_over and has_waited)))
            if due and not wish.told.done():
                wish.told.set_result(news)
                self._just_told.add(part)

    def _refused(self, wishes: Mapping[str, _Wish], failure: BaseException) -> None:
        for wish in wishes.values():
            if not wish.told.done():
                wish.told.set_exception(failure.with_traceback(None))


def _cost(wishes: Mapping[str, _Wish]) -> float:
    """Return how much a question is to send and to answer, one that names little being 1."""
    named = sum(len(getattr(wish.asked, "held", ())) for wish in wishes.values())
    grants = sum(len(getattr(wish.asked, "grants", ())) for wish in wishes.values())
    return 1 + named / NAMES + grants / GRANTS


def _is_about_one(failure: BaseException | None) -> bool:
    """Say whether servers cannot take something in the question; not that they refuse the agent."""
    return isinstance(failure, RequestError) and not isinstance(failure, DeniedError)


def _part_of(answer: WatchAnswer, part: str) -> Any:
    if part == "registered":
        return answer.out_of_sync or None
    return getattr(answer, part)


def _looked_at(told: asyncio.Future[Any]) -> None:
    """Look at what became of it, so that asyncio does not report it as forgotten."""
    if not told.cancelled():
        told.exception()
