"""Who would refuse whom: handshakes between leaves drawn at random, and how many of them fail."""

from collections import Counter
from datetime import datetime
from typing import NamedTuple

Anchors = frozenset[int]
"""Generations of roots: 0 is the old one, 1 the new one."""


class Standing(NamedTuple):
    """What one leaf is good for, and whom its holder believes.

    Attributes:
        anchor: generation of the root that it leads to; None: it has expired.
        crossed: its chain also leads to the old root.
        trusts: what its holder trusts.
    """

    anchor: int | None
    crossed: bool
    trusts: Anchors


class Mesh:
    """Counts the handshakes that fail, as the mean over all pairs of leaves.

    Attributes:
        failed: handshakes so far, expected; not a whole number.
        worst: the largest share of handshakes that failed at any moment.
    """

    def __init__(self, start: datetime, handshakes: float) -> None:
        self._rate = handshakes
        self._since = start
        self._standings: Counter[Standing] = Counter()
        self._share: float | None = None
        self.cross_ends: datetime | None = None
        self.failed = 0.0
        self.worst = 0.0

    def moved(self, before: Standing | None, after: Standing | None, now: datetime) -> None:
        """Note that a leaf or its holder's bundle changed."""
        if before == after:
            return
        self.passed(now)
        if before is not None:
            self._standings[before] -= 1
            if not self._standings[before]:
                del self._standings[before]
        if after is not None:
            self._standings[after] += 1
        self._share = None

    def passed(self, now: datetime) -> None:
        """Count what happened until ``now``."""
        if now > self._since:
            self.failed += self._rate * self.share() * (now - self._since).total_seconds()
            self._since = now

    def cross_ended(self, now: datetime) -> None:
        """Note that the cross-certificate is good for nothing any more."""
        self.passed(now)
        self._share = None

    def share(self) -> float:
        """Return which share of the handshakes fails now."""
        if self._share is None:
            self._share = self._failing()
            self.worst = max(self.worst, self._share)
        return self._share

    def _failing(self) -> float:
        everybody = sum(self._standings.values())
        good = sum(
            a * b
            for one, a in self._standings.items()
            for other, b in self._standings.items()
            if self._meets(one, other) and self._meets(other, one)
        )
        return 1 - good / everybody**2 if everybody else 0.0

    def _meets(self, presenter: Standing, verifier: Standing) -> bool:
        """Say whether a leaf is believed by the holder of another."""
        if presenter.anchor is None:
            return False
        if presenter.anchor in verifier.trusts:
            return True
        return presenter.crossed and self._is_crossed_now() and 0 in verifier.trusts

    def _is_crossed_now(self) -> bool:
        return self.cross_ends is not None and self._since < self.cross_ends
