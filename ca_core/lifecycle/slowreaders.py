"""Which readers hold an agent's acknowledgement back: what agents said, for people to see.

Nothing is decided by it. It is bounded on arrival, kept in this process's memory, and forgotten
with the lease.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from ca_core.lifecycle.reachability import LEASE
from ca_core.wire.operations import Acknowledgement, HoldingReader, SlowReader
from ca_core.wire.times import wire_time

MOST_NAMED = 5
LONGEST_NAME = 64
MOST_BEHIND = 1_000_000
"""No host has that many programs."""
LONGEST_WAIT = 600.0
"""Seconds; an agent of ours waits for two minutes."""


@dataclass(frozen=True, slots=True)
class Behind:
    """How many readers of an agent are behind, and some of them."""

    count: int = 0
    readers: tuple[HoldingReader, ...] = ()


def bounded(said: Acknowledgement, now: datetime) -> Behind:
    """Return what an agent says about its readers: a few, with short printable names."""
    readers = tuple(_bounded(one, now) for one in said.readers[:MOST_NAMED])
    return Behind(min(max(said.readers_behind, len(readers)), MOST_BEHIND), readers)


def _bounded(one: SlowReader, now: datetime) -> HoldingReader:
    name = "".join(c if c.isascii() and c.isprintable() else "?" for c in one.name[:LONGEST_NAME])
    left = timedelta(seconds=min(max(0.0, one.seconds), LONGEST_WAIT))
    return HoldingReader(name=name, until=wire_time(now + left))


class SlowReaders:
    """What each agent said last, by node name."""

    def __init__(self) -> None:
        self._told: OrderedDict[str, tuple[Behind, datetime]] = OrderedDict()

    def __len__(self) -> int:
        """Return of how many agents something is kept."""
        return len(self._told)

    def told(self, node: str, said: Acknowledgement, now: datetime) -> None:
        """Keep what an agent says; it is known by its leaf, its words are bounded."""
        self._told.pop(node, None)
        while self._told and next(iter(self._told.values()))[1] + LEASE < now:
            self._told.popitem(last=False)
        behind = bounded(said, now)
        if behind.count:
            self._told[node] = (behind, now)

    def of(self, node: str, now: datetime) -> Behind:
        """Return what an agent said, as long as its lease lives."""
        behind, at = self._told.get(node, (Behind(), now))
        return behind if now <= at + LEASE else Behind()
