"""All views of the catalog that an agent keeps, followed by one question."""

import asyncio
import logging
from typing import Protocol

from ca_core.agent.asking import sound
from ca_core.agent.cache.rests import Rests
from ca_core.agent.cache.sources import Told
from ca_core.agent.joining import Draw
from ca_core.agent.parked import Parked
from ca_core.agent.pauses import Pauses
from ca_core.agent.waiting import Gathering, stopped
from ca_core.catalog.views import ViewKey
from ca_core.clock import Clock
from ca_core.errors import DeniedError, Error, ProviderError
from ca_core.wire.watch import FoundView, ViewsAnswer, ViewsRequest

log = logging.getLogger(__name__)

_LONGEST_SLEEP = 3600.0


class AnswersViews(Protocol):
    """A server, as far as it answers with views."""

    async def views(self, asked: ViewsRequest) -> ViewsAnswer:
        """Return the views that differ from what is held: at once if any does, else when one does.

        Nothing after a while: none does.

        Raises:
            Error: any; ``UnavailableError`` if no server answers.
        """
        ...


class ViewFollower:
    """A ``Source`` of views. Used from one event loop; ``run`` is its only fetcher.

    Args:
        upstream: is asked.
        told: hears what came, as it came, and why nothing did; raises ``ProviderError`` if it is no
            view.
    """

    def __init__(
        self,
        upstream: AnswersViews,
        told: Told[ViewKey, bytes],
        clock: Clock,
        draw: Draw,
    ) -> None:
        self._upstream = upstream
        self._told = told
        self._clock = clock
        self._held: dict[ViewKey, int] = {}
        self._epoch = ""
        self._parked: Parked[ViewsAnswer] = Parked()
        self._pauses = Pauses(clock, draw)
        self._error: Error | None = None
        self._wanted = Gathering()
        self._rests: Rests[ViewKey] = Rests()

    def ask(self, key: ViewKey) -> bool:
        """Ask for it now, and follow it from now on; a question that waits begins anew.

        Returns False if an attempt has failed a moment ago; that is told once more.
        """
        self._held[key] = 0
        if self._error and not self._pauses.may_ask:
            self._told.failed(key, self._error)
            return False
        self._parked.overtake()
        self._wanted.wake()
        self._pauses.cut_short()
        return True

    def hurry(self) -> None:
        """Ask now, if a failure is being waited out."""
        self._pauses.cut_short()

    def forget(self, key: ViewKey) -> None:
        """Ask for it no more, from the next question on."""
        self._held.pop(key, None)

    async def run(self) -> None:
        """Follow what is wanted for ever; cancel to end."""
        while True:
            if not self._held:
                await self._wanted.changed(_LONGEST_SLEEP, self._clock)
                continue
            try:
                await self._once()
            except Error as error:
                await self._after_failure(error)

    async def _once(self) -> None:
        """Ask once and tell what came.

        Raises:
            Error: nobody answered, or not as expected.
        """
        asked, began = self._question(), self._clock.monotonic()
        if not asked:
            await self._wanted.changed(self._rests.left(began) or 0.0, self._clock)
            return
        waker = asyncio.ensure_future(self._look_again())
        try:
            answer = await self._answered(asked)
        finally:
            await stopped(waker)
        if answer is None:
            return
        was_lost, self._error = self._error is not None, None
        is_news = self._tell(asked, answer)
        await self._pauses.after_answer(began, is_news=is_news or was_lost)

    def _question(self) -> dict[ViewKey, int]:
        """Return what to ask: view → index of it that is held; large views rest in between.

        After a failure one of them is asked for as if it were not held: the answer comes at once
        and tells that contact is back.
        """
        awake = self._rests.awake(self._held, self._clock.monotonic())
        asked = {key: index for key, index in self._held.items() if key in awake}
        if self._error and asked and all(asked.values()):
            asked[min(asked)] = 0
        return asked

    async def _look_again(self) -> None:
        """End a question that waits once a view that it leaves out has rested."""
        left = self._rests.left(self._clock.monotonic())
        if left is not None:
            await self._clock.sleep(left)
            self._parked.overtake()

    async def _answered(self, asked: dict[ViewKey, int]) -> ViewsAnswer | None:
        """Return the answer, None if meanwhile more is wanted than was asked for."""
        held = {str(key): index for key, index in asked.items()}
        asking = self._guarded(ViewsRequest(held=held, epoch=self._epoch))
        return await self._parked.answer(asking, waits=all(asked.values()))

    async def _guarded(self, asked: ViewsRequest) -> ViewsAnswer:
        return await sound(self._upstream.views(asked), what="asking for views")

    def _tell(self, asked: dict[ViewKey, int], answer: ViewsAnswer) -> bool:
        """Hand over what came; say whether it brought anything.

        What was asked for as held and did not come is as it was, within one epoch; but for what
        is wanted anew meanwhile, which is asked for next.
        """
        same_epoch = answer.epoch == self._epoch
        if not same_epoch:
            self._epoch, self._held = answer.epoch, dict.fromkeys(self._held, 0)
        keys = {str(key): key for key in self._held}
        found = {keys[one.key]: one for one in answer.views if one.key in keys}
        taken = [self._taken(key, one) for key, one in found.items()]
        for key, index in asked.items():
            if same_epoch and index and key not in found and self._held.get(key) == index:
                self._told.unchanged(key)
        return any(taken)

    def _taken(self, key: ViewKey, found: FoundView) -> bool:
        encoded, before = bytes(found.value), self._held[key]
        self._held[key] = max(found.index, 1)
        try:
            self._told.arrived(key, encoded, found.index)
        except ProviderError as error:
            log.warning("views: %s", error)
            self._held[key] = before
            self._told.failed(key, error)
            return False
        self._rests.came(key, len(encoded), self._clock.monotonic())
        return before != found.index

    async def _after_failure(self, error: Error) -> None:
        if self._error is None:
            log.warning("views: no news: %s", error)
        self._error = error
        if isinstance(error, DeniedError):
            self._held = dict.fromkeys(self._held, 0)  # what is refused is not kept
        for key in tuple(self._held):
            self._told.failed(key, error)
        await self._pauses.after_failure(error)
