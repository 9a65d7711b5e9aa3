"""What every step of an operation works with."""

import asyncio
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from ca_core.authority.configuration import provider_config, settings_of
from ca_core.authority.events import Events
from ca_core.authority.opening import Opener
from ca_core.authority.pending import PendingCalls
from ca_core.authority.record import IssuanceRecord
from ca_core.authority.settings import CASettings
from ca_core.authority.slots import Slots
from ca_core.clock import Clock
from ca_core.lifecycle.companions import Companions
from ca_core.lifecycle.evidence import Counted, counted
from ca_core.lifecycle.slowreaders import SlowReaders
from ca_core.state.store import Store
from ca_core.state.view import View

CALL_LIMIT = timedelta(seconds=30)
"""A provider gets this long for one step before it must answer or say ``PendingError``."""

_LONGEST_WAIT = 600.0


def _uncounted(_kind: str, _outcome: str) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The server's parts that operations use. Lives on one event loop.

    Attributes:
        slots: the open providers.
        opener: how a configuration is read and a provider opened.
        record: what was issued.
        reachable: names of the nodes whose lease lives, as this server knows it.
        companions: agents in this process.
        slow_readers: which programs hold agents back, as these said.
        events: tells plugins what happened.
        on_ended: called with kind and outcome of every operation that is over.
        locks: one per authority id, while somebody uses it: what makes it and what removes it
            never overlap here.
    """

    store: Store
    clock: Clock
    slots: Slots
    opener: Opener
    record: IssuanceRecord
    reachable: Callable[[], Collection[str]] = frozenset
    companions: Companions = field(default_factory=Companions)
    slow_readers: SlowReaders = field(default_factory=SlowReaders)
    events: Events = field(default_factory=Events)
    on_ended: Callable[[str, str], None] = _uncounted
    locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    @property
    def view(self) -> View:
        """Return everything stored, as of now."""
        return self.store.snapshot

    @property
    def pending(self) -> PendingCalls:
        """Return the calls that a backend answers later."""
        return PendingCalls(self.store, self.clock)

    def everybody(self) -> tuple[Counted, ...]:
        """Return everybody whose acknowledgement counts now: agents, then those that run here."""
        now = self.clock.now()
        return counted(self.view, self.reachable(), now) + self.companions.counted(now)

    def standing(self) -> CASettings:
        """Return the configuration that stands, secrets in clear. Blocks.

        Raises:
            NotReadyError: there is none yet.
            UnavailableError: a secret or its key-encryption key is missing.
        """
        row = self.opener.configuration()
        return replaced(settings_of(row), config=provider_config(row, self.opener.own_secrets))

    def leaf_ttl(self) -> timedelta:
        """Return the longest life that a leaf is given under the configuration that stands."""
        return settings_of(self.opener.configuration()).leaf_ttl

    def lock(self, authority: str) -> asyncio.Lock:
        """Return the lock of an authority's making and removing."""
        return self.locks.setdefault(authority, asyncio.Lock())

    async def rest(self, topics: tuple[str, ...], seen: int, pause: timedelta) -> None:
        """Wait until a topic has news after ``seen``, or ``pause`` is over."""
        if pause <= timedelta():
            await asyncio.sleep(0)
            return
        news = asyncio.ensure_future(self.store.wait(topics, seen, _LONGEST_WAIT))
        late = asyncio.ensure_future(self.clock.sleep(pause.total_seconds()))
        try:
            await asyncio.wait({news, late}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
            late.cancel()

    def deadline(self) -> datetime:
        """Return when a call that begins now must have answered, aware UTC."""
        return self.clock.now() + CALL_LIMIT


def new_request_id() -> str:
    """Return a fresh id for a call that may be repeated without harm."""
    return uuid.uuid4().hex
