"""How often a large view is asked for anew.

Whoever looks at a list of the whole mesh once makes the agent follow it for days, and any check
anywhere changes it.
"""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)

BYTES_PER_SECOND = 1_000_000
LARGE = 100_000
"""Bytes of a view that has no rest at all if it is smaller."""
LONGEST = 5.0
"""Seconds; shorter than anybody waits for a view."""


class Rests(Generic[KeyT]):
    """Until when each view rests, by the monotonic clock."""

    def __init__(self) -> None:
        self._until: dict[KeyT, float] = {}

    def came(self, key: KeyT, size: int, now: float) -> None:
        """Let a view rest that has just come, of so many bytes."""
        if size > LARGE:
            self._until[key] = now + min(size / BYTES_PER_SECOND, LONGEST)

    def awake(self, keys: Iterable[KeyT], now: float) -> set[KeyT]:
        """Return the keys that do not rest; whose rest is over is forgotten."""
        self._until = {key: until for key, until in self._until.items() if until > now}
        return {key for key in keys if key not in self._until}

    def left(self, now: float) -> float | None:
        """Return the seconds until the first of them wakes; None if none rests."""
        return min(self._until.values()) - now if self._until else None
