"""The providers that are open: one for each authority that lives, as the store says.

An authority that drains is still reached by the configuration that made it, beside the new one's,
so a change can be undone and old leaves can be revoked. Every server follows the store; nobody
tells it which provider to open.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ca_core.authority.guard import GuardedProvider
from ca_core.authority.opening import Opener
from ca_core.authority.rows import (
    BOOTSTRAP,
    CONFIGURATION,
    CONFIGURATION_TOPIC,
    ROOTS_TOPIC,
    SIGNERS_TOPIC,
    AuthorityRow,
    BootstrapRow,
    ConfigurationRow,
    Phase,
    authorities,
    read,
)
from ca_core.authority.slot import ProviderSlot
from ca_core.errors import Error
from ca_core.state.store import Store
from ca_core.state.view import View

_TOPICS = (ROOTS_TOPIC, SIGNERS_TOPIC, CONFIGURATION_TOPIC)
_LOOK_EVERY = 60.0
_GONE = frozenset({Phase.RETIRED})

_log = logging.getLogger("ca_core.authority")


@dataclass(frozen=True, slots=True)
class Place:
    """An authority, and the id of the configuration by which it is reached."""

    authority: str
    configuration: str


def place_of(row: AuthorityRow) -> Place:
    """Return where an authority is reached."""
    return Place(row.id, row.configuration)


def places(view: View) -> frozenset[Place]:
    """Return every place that a server keeps open: authorities that live, or the first to be."""
    made = [row for row in authorities(view) if row.phase not in _GONE]
    if made:
        return frozenset(place_of(row) for row in made)
    first = read(view, BootstrapRow, BOOTSTRAP, "first")
    standing = read(view, ConfigurationRow, CONFIGURATION, "ca")
    if first is None or standing is None:
        return frozenset()
    return frozenset({Place(first.authority, standing.id)})


async def until_open(store: Store, slot_now: Callable[[], ProviderSlot]) -> ProviderSlot:
    """Return the slot that ``slot_now`` names once it is open.

    Which one that is may change meanwhile: another configuration stands, another authority signs.
    """
    while not (slot := slot_now()).is_open:
        seen = store.snapshot.topic_index(*_TOPICS)
        ready = asyncio.ensure_future(slot.opened())
        news = asyncio.ensure_future(store.wait(_TOPICS, seen, _LOOK_EVERY))
        try:
            await asyncio.wait({ready, news}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
            news.cancel()
    return slot


class Slots:
    """Opens and closes providers as the store asks. Lives on one event loop."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._slots: dict[Place, ProviderSlot] = {}
        self._opening: dict[Place, asyncio.Task[None]] = {}
        self._held: dict[Place, int] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def at(self, place: Place) -> ProviderSlot:
        """Return the slot of a place; one that nobody asked for before is not open yet."""
        if place not in self._slots:
            make = partial(self._opened, place)
            self._slots[place] = ProviderSlot(self._opener.clock, make)
        return self._slots[place]

    def open(self, place: Place) -> ProviderSlot:
        """Return the slot of a place, and begin to open it; it tells why while it is not."""
        slot = self.at(place)
        if not slot.is_open and place not in self._opening:
            task = asyncio.create_task(slot.open(), name=f"open {place.authority}")
            task.add_done_callback(partial(self._opened_at, place))
            self._opening[place] = task
        return slot

    def _opened_at(self, place: Place, task: asyncio.Task[None]) -> None:
        if self._opening.get(place) is task:  # a later attempt may have taken its place
            del self._opening[place]

    def hold(self, place: Place) -> ProviderSlot:
        """Open a place that the store does not ask for, until as many ``release`` it."""
        self._held[place] = self._held.get(place, 0) + 1
        return self.open(place)

    def release(self, place: Place) -> None:
        """Let go of a place; it is closed if the store does not ask for it either."""
        left = self._held.get(place, 0) - 1
        if left > 0:
            self._held[place] = left
            return
        self._held.pop(place, None)
        if place not in places(self._opener.store.snapshot):
            self._close(place)

    async def run(self) -> None:
        """Open what lives and close what does not, for ever; cancel to end."""
        store = self._opener.store
        while True:
            view = store.snapshot
            wanted = places(view)
            for place in wanted:
                self.open(place)
            for place in set(self._slots) - wanted - set(self._held):
                self._close(place)
            await store.wait(_TOPICS, view.topic_index(*_TOPICS), _LOOK_EVERY)

    async def close(self) -> None:
        """Let running calls end, then close every provider."""
        for place in tuple(self._slots):
            self._close(place)
        await asyncio.gather(*self._closing)

    def _close(self, place: Place) -> None:
        """Take a provider out of use at once; one that hangs in a call is waited for elsewhere."""
        slot, task = self._slots.pop(place, None), self._opening.pop(place, None)
        closing = asyncio.create_task(_closed(slot, task), name=f"close {place.authority}")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _opened(self, place: Place) -> GuardedProvider:
        return self._opener.opened(place.authority, place.configuration)


async def _closed(slot: ProviderSlot | None, task: asyncio.Task[None] | None) -> None:
    """Give up opening, let running calls end, then close the provider."""
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    try:
        if slot is not None:
            await asyncio.to_thread(slot.close)
    except Error as error:
        _log.warning("a CA provider did not close as it should: %s", error)
