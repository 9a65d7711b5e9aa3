"""Telling the enabled plugins what happened, without ever waiting for one of them."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from ca_core.authority.loading import fault_of
from ca_core.authority.registry import HookPlugin
from ca_core.clock import Clock, SystemClock
from ca_core.contract.events import EventType
from ca_core.contract.plugin import Event

MOST_WAITING = 1000
"""Events kept for a plugin that is slower than they come; a leaf a millisecond for a second."""

FAREWELL = 1.0
"""Seconds the plugins get for what still waits when the server stops."""

_log = logging.getLogger("ca_core.plugins")


def _ignored(_plugin: str) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCounters:
    """Called with a plugin's name, on the thread where it happens."""

    on_dropped: Callable[[str], None] = _ignored
    on_failed: Callable[[str], None] = _ignored


@dataclass(frozen=True, slots=True)
class Events:
    """Tells events to every plugin that implements ``ca_event``; nothing of it changes anything.

    Each plugin has a queue and a thread of its own, so that a slow one loses its own events and
    nobody else's. Thread-safe.
    """

    plugins: Sequence[HookPlugin] = ()
    clock: Clock = field(default_factory=SystemClock)
    counters: EventCounters = field(default_factory=EventCounters)
    most_waiting: int = MOST_WAITING
    _feeds: list["_Feed"] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._feeds.extend(
            _Feed(plugin, self.counters, self.most_waiting)
            for plugin in self.plugins
            if plugin.observes
        )

    @property
    def has_listeners(self) -> bool:
        """Say whether any plugin is told anything."""
        return bool(self._feeds)

    def tell(self, what: EventType, **fields: str) -> None:
        """Hand an event to every plugin's queue and return at once.

        Args:
            what: the type of event.
            fields: exactly those that ``EVENT_FIELDS`` promises for it; no secret.
        """
        if not self._feeds:
            return
        event = Event(type=what, at=self.clock.now(), fields=MappingProxyType(fields))
        for feed in self._feeds:
            feed.put(event)

    def close(self, within: float = FAREWELL) -> None:
        """Let plugins have what still waits for ``within`` seconds together, then leave them."""
        until = self.clock.monotonic() + within
        for feed in self._feeds:
            feed.end()
        for feed in self._feeds:
            feed.join(max(0.0, until - self.clock.monotonic()))


class _Feed:
    """One plugin's queue and the thread that empties it; the thread never keeps a process alive."""

    def __init__(self, plugin: HookPlugin, counters: EventCounters, most: int) -> None:
        self._plugin = plugin
        self._counters = counters
        self._most = most
        self._waiting: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._deliver, name=f"ca-event-{plugin.name}", daemon=True
        )
        self._starting = threading.Lock()
        self._behind = False

    def put(self, event: Event) -> None:
        """Queue an event; one too many is dropped and counted, and logged once until it catches up.

        The thread starts with the first event: a server that never starts leaves none behind.
        """
        if self._waiting.qsize() >= self._most:
            self._drop()
            return
        self._waiting.put(event)
        with self._starting:
            if self._thread.ident is None:
                self._thread.start()

    def end(self) -> None:
        """Ask the thread to end after what waits."""
        self._waiting.put(None)

    def join(self, within: float) -> None:
        """Wait until the thread has ended, if it ever began."""
        if self._thread.ident is not None:
            self._thread.join(within)

    def _drop(self) -> None:
        self._counters.on_dropped(self._plugin.name)
        if not self._behind:
            self._behind = True
            _log.warning("%s is too slow for ca_event(); events are dropped", self._plugin.origin)

    def _deliver(self) -> None:
        while (event := self._waiting.get()) is not None:
            self._told(event)
            self._behind = self._behind and not self._waiting.empty()

    def _told(self, event: Event) -> None:
        try:
            self._plugin.manager.hook.ca_event(event=event)
        except BaseException as error:  # noqa: BLE001 - not even sys.exit() may end this thread
            self._counters.on_failed(self._plugin.name)
            whose, what, fault = self._plugin.origin, event.type, fault_of(error)
            _log.error("%s: ca_event() of %s raised %s", whose, what, fault)
