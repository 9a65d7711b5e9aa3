"""Records fetched each by itself: with one blocking query each, or whenever somebody asks."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from ca_core.agent.asking import asked_within
from ca_core.agent.backoff import record_backoff
from ca_core.agent.cache.kinds import Kind
from ca_core.agent.cache.sources import Told
from ca_core.agent.joining import Draw
from ca_core.agent.pauses import HOT_SECONDS
from ca_core.clock import Clock
from ca_core.errors import DeniedError, Error, ProviderError

log = logging.getLogger(__name__)

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Fetched(Generic[ValueT]):
    """What came; any index below 1 stands for none."""

    value: ValueT
    index: int


Fetch = Callable[[KeyT, int, timedelta], Coroutine[Any, Any, Fetched[ValueT] | None]]
"""``fetch(key, min_index, timeout)``: at once with ``min_index`` 0, else once there is another
index, or the same after ``timeout``; None says that nothing has changed."""


@dataclass(slots=True, eq=False)
class _Following:
    """One key.

    Attributes:
        index: is asked with next.
        not_before: no caller may ask sooner; ``at_least`` is the server's part in that, seconds.
        parked: the task waits for something newer, or to go on; whoever asks does not join it.
    """

    index: int = 0
    failures: int = 0
    not_before: float = 0.0
    at_least: float = 0.0
    parked: bool = False
    task: asyncio.Task[None] | None = None


class OneByOne(Generic[KeyT, ValueT]):
    """A ``Source``: one task for each key while it is fetched or followed. One event loop."""

    def __init__(
        self,
        told: Told[KeyT, ValueT],
        *,
        kind: Kind[ValueT],
        fetch: Fetch[KeyT, ValueT],
        clock: Clock,
        draw: Draw,
    ) -> None:
        self._told = told
        self._kind = kind
        self._fetch = fetch
        self._clock = clock
        self._draw = draw
        self._followed: dict[KeyT, _Following] = {}

    def ask(self, key: KeyT) -> bool:
        """Fetch now: join what will answer at once, overtake what waits for something newer.

        Returns False if it is too soon after failures.
        """
        one = self._followed.setdefault(key, _Following())
        if self._clock.monotonic() < one.not_before:
            return False
        if one.task is not None and not one.task.done():
            if not one.parked:
                return True
            one.task.cancel()
        one.index, one.parked = 0, False
        one.task = asyncio.create_task(self._follow(key, one))
        return True

    def forget(self, key: KeyT) -> None:
        """Fetch it no more; what is in flight ends, and nobody hears of it."""
        one = self._followed.pop(key, None)
        if one is not None and one.task is not None:
            one.task.cancel()

    async def _follow(self, key: KeyT, one: _Following) -> None:
        """Fetch until it need not be followed; between two fetches nobody can ask."""
        goes_on = True
        while goes_on:
            goes_on = await self._once(key, one)
            pause = max(record_backoff(one.failures, self._draw()), one.at_least)
            one.not_before, one.parked = self._clock.monotonic() + pause, True
            if goes_on and pause:
                await self._clock.sleep(pause)

    async def _once(self, key: KeyT, one: _Following) -> bool:
        """Fetch once and tell; say whether it is followed further."""
        began, asked = self._clock.monotonic(), one.index
        one.parked = asked > 0
        try:
            found = await self._found(key, asked)
        except Error as error:
            self._note_failure(key, one, error)
            return self._kind.followed and not isinstance(error, DeniedError)
        if found is None:
            self._told.unchanged(key)
        else:
            self._told.arrived(key, found.value, found.index)
        is_quick = self._clock.monotonic() - began < HOT_SECONDS
        self._note_success(one, asked, asked if found is None else found.index, is_quick=is_quick)
        return self._kind.followed

    async def _found(self, key: KeyT, asked: int) -> Fetched[ValueT] | None:
        """Fetch.

        Raises:
            Error: any.
        """
        timeout = self._kind.query_timeout
        wait = timeout if asked else timedelta()
        fetching = self._fetch(key, asked, timeout)
        found = await asked_within(fetching, wait, self._clock, what=f"asking for {key}")
        if found is None and not asked:
            raise ProviderError(f"the server answered nothing about {key}")
        return found

    def _note_failure(self, key: KeyT, one: _Following, error: Error) -> None:
        if not one.failures:
            log.warning("%s %s: no news: %s", self._kind.name, key, error)
        one.failures, one.index = one.failures + 1, 0
        one.at_least = getattr(error, "retry_after", timedelta()).total_seconds()
        self._told.failed(key, error)

    def _note_success(self, one: _Following, asked: int, index: int, *, is_quick: bool) -> None:
        """Note the index to ask with next: 0 after one that ran backwards."""
        found, one.at_least = max(index, 1), 0.0
        is_bad = index < 1 or (is_quick and found == asked)
        one.failures = one.failures + 1 if is_bad and self._kind.followed else 0
        one.index = found if found >= asked and self._kind.followed else 0
