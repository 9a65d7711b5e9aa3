"""Waiting for news: the one loop behind questions that are answered once something differs.

A subject is looked at by a function that says what holds now, whether that is news to whoever asks,
and on which topics it depends. The loop waits on the topics of all subjects of a question, and
looks again only at those that were touched: unrelated changes wake nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ca_core.clock import Clock
from ca_core.state.store import Store

AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True, kw_only=True)
class News(Generic[AnswerT]):
    """What one look at a subject found.

    Attributes:
        answer: what holds.
        is_news: whoever asks does not hold it yet.
        topics: what it depends on.
        index: of the newest commit on these topics that it takes into account.
        look_at: when it may differ although nothing is written, by ``Clock.monotonic``; None if
            never.
    """

    answer: AnswerT
    is_news: bool
    topics: tuple[str, ...]
    index: int
    look_at: float | None = None


Look = Callable[[], Awaitable[News[Any]]]
"""Looks at a subject now."""


async def first_news(
    store: Store, clock: Clock, looks: Mapping[str, Look], seconds: float
) -> dict[str, News[Any]]:
    """Return what holds of every subject, once anything of it is news or ``seconds`` have passed.

    At once when the store closes.

    Raises:
        Error: whatever a look raises.
    """
    ends = clock.monotonic() + seconds
    found = {name: await look() for name, look in looks.items()}
    while True:
        now = clock.monotonic()
        if any(one.is_news for one in found.values()) or now >= ends or store.closed:
            return found
        await _touched(store, found.values(), now, ends)
        for name, one in found.items():
            if _may_differ(one, store, clock.monotonic()):
                found[name] = await looks[name]()


async def _touched(store: Store, found: Collection[News[Any]], now: float, ends: float) -> None:
    """Return once a subject may differ, or at ``ends``."""
    view = store.snapshot
    if any(view.topic_index(*one.topics) > one.index for one in found):
        await asyncio.sleep(0)  # what was looked at is an instant behind the store
        return
    topics = [topic for one in found for topic in one.topics]
    until = min([ends, *(one.look_at for one in found if one.look_at is not None)])
    await store.wait(topics, view.topic_index(*topics), max(0.0, until - now))


def _may_differ(one: News[Any], store: Store, now: float) -> bool:
    overdue = one.look_at is not None and now >= one.look_at
    return overdue or store.snapshot.topic_index(*one.topics) > one.index
