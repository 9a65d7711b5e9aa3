"""Everything that an agent remembers: one list, one budget."""

from collections.abc import Iterable, Sequence

from ca_core.agent.cache.entries import Entry, Kept
from ca_core.telemetry.caches import KindFigures

DEFAULT_BUDGET = 64 * 1024 * 1024
"""Bytes."""
_LEFT = 0.9
"""Part of the budget that is left after some was freed: not every new entry costs a look at all."""
_GROWN = 1.01
"""Growth after which it is looked again, where nothing more could be freed."""


class Inventory:
    """All kinds together. Used from one event loop.

    What goes first is what was used longest ago, of whatever kind. What somebody waits for never
    goes, nor do the roots: their keeper refuses.

    Args:
        kept: each kind; whoever keeps it calls ``keep_within`` when it has grown.
        budget: bytes of memory that all of it may take, about.
    """

    def __init__(self, kept: Sequence[Kept], budget: int = DEFAULT_BUDGET) -> None:
        self._kept = {each.kind: each for each in kept}
        self._budget = budget
        self._resigned_at = 0
        self._at_work = False

    @property
    def budget(self) -> int:
        """Return the bytes that all of it may take."""
        return self._budget

    @property
    def size(self) -> int:
        """Return the bytes that all of it takes, about."""
        return sum(kept.size for kept in self._kept.values())

    def resize(self, budget: int) -> None:
        """Set another budget, and keep it at once."""
        self._budget, self._resigned_at = budget, 0
        self.keep_within()

    def keep_within(self) -> None:
        """Forget what was used longest ago until the budget is kept, with some room."""
        size = self.size
        if size <= self._budget:
            self._resigned_at = 0
        elif size > self._resigned_at * _GROWN and not self._at_work:
            self._at_work = True  # whoever forgets something may say that it changed
            left = self._freed(size)
            self._at_work, self._resigned_at = False, left if left > self._budget else 0

    def entries(self) -> Iterable[Entry]:
        """Return every entry, the largest first."""
        found = (entry for kept in self._kept.values() for entry in kept.entries())
        return sorted(found, key=lambda entry: (-entry.bytes, entry.kind, entry.key))

    def figures(self) -> tuple[KindFigures, ...]:
        """Return each kind in figures."""
        return tuple(_figures(kept) for kept in self._kept.values())

    def _freed(self, size: int) -> int:
        """Forget entries; return the size that is left."""
        everything = (entry for kept in self._kept.values() for entry in kept.entries())
        idle = [entry for entry in everything if not entry.busy]
        idle.sort(key=lambda entry: entry.unused, reverse=True)
        for entry in idle:
            if size <= self._budget * _LEFT:
                break
            size -= self._kept[entry.kind].evict(entry.id)
        return size


def _figures(kept: Kept) -> KindFigures:
    standing, counts = kept.standing(), kept.counts
    return KindFigures(
        kind=kept.kind,
        entries=standing.entries,
        bytes=kept.size,
        waiters=standing.waiters,
        age=standing.age,
        hits=counts.hits,
        misses=counts.misses,
        evictions={str(reason): count for reason, count in counts.evictions.items()},
        failures=dict(counts.failures),
    )
