"""Which bundle those programs hold that read roots here: what an agent may say it uses; pure.

A reader says what it holds by the index that it comes back with. One that was told of a newer
bundle counts as holding the older one until it comes back with the newer index, or for two minutes.
A process that has ended holds nothing any more; of one behind a TCP connection nobody knows whether
it ended, for a program outlives its connections. Who turns up with a bundle
that was replaced more than two minutes ago holds nobody up: it is given the newer one at once.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptography import x509

Anchors = tuple[x509.Certificate, ...]

HasEnded = Callable[[str], bool]
"""Says whether the process that a reader is named after is known to have ended."""

SILENCE = 120.0
"""Seconds after which a reader that was told of a newer bundle holds nothing of ours any more."""
SLOW = 2.0
"""Seconds after which a reader that holds an older bundle is called slow; most are back by then."""
MOST_READERS = 10_000
"""Readers that are told apart; of more of them only the bundles are remembered."""
MOST_BUNDLES = 32
"""Bundles that are remembered: there are that many in a day only if somebody tries things out."""


@dataclass(slots=True)
class _Reader:
    """What one reader holds.

    Attributes:
        held: number of the bundle.
        since: seconds; when it last showed or was given that bundle, or, once it was given a newer
            one, when that was for the first time.
        heard: seconds; when anything was last heard of it.
        waiting: how many of its requests wait for news.
        was_told: whether it was given a newer bundle and has not come back with it.
        is_process: whether its name was that of a living process whenever it asked, so that the end
            of that process is its end: a connection may be handed down to another one.
    """

    held: int
    since: float
    heard: float
    waiting: int = 0
    was_told: bool = False
    is_process: bool = True

    def counts(self, now: float) -> bool:
        """Say whether it still holds its bundle, as far as anybody knows."""
        return self.is_waiting or now - self.since <= SILENCE

    @property
    def is_waiting(self) -> bool:
        """Say whether it waits for the news that are to be told."""
        return self.waiting > 0 and not self.was_told

    def is_gone(self, now: float) -> bool:
        """Say whether nothing was heard of it for so long that it is forgotten."""
        return not self.waiting and now - self.heard > SILENCE


@dataclass(frozen=True, slots=True)
class Slow:
    """A reader that holds an older bundle, and for how many seconds more it counts at most."""

    name: str
    left: float


def _never_ends(_who: str) -> bool:
    """Know of no process."""
    return False


class Pollers:
    """The readers of an agent's roots. Times are seconds of one monotonic clock.

    Args:
        most: readers that are told apart.
        has_ended: asks about processes.
    """

    def __init__(self, most: int = MOST_READERS, has_ended: HasEnded = _never_ends) -> None:
        self._most = most
        self._has_ended = has_ended
        self._bundles: OrderedDict[int, Anchors] = OrderedDict()
        self._numbers: OrderedDict[int, int] = OrderedDict()
        self._readers: OrderedDict[str, _Reader] = OrderedDict()
        self._crowd: dict[int, float] = {}
        self._replaced: dict[int, float] = {}
        self._newest = 0

    def __len__(self) -> int:
        """Return how many readers are told apart."""
        return len(self._readers)

    def published(self, index: int, anchors: Anchors, now: float) -> None:
        """Note the bundle that is given out from ``now`` on under ``index``."""
        newest = self._bundles.get(self._newest)
        if newest is None or set(newest) != set(anchors):
            self._replaced[self._newest] = now
            self._newest += 1
            self._bundles[self._newest] = anchors
        self._numbers[index] = self._newest
        self._numbers.move_to_end(index)
        while len(self._bundles) > MOST_BUNDLES:
            number, _ = self._bundles.popitem(last=False)
            self._replaced.pop(number, None)
        while len(self._numbers) > MOST_BUNDLES:
            self._numbers.popitem(last=False)

    def asks(self, who: str, index: int, now: float) -> None:
        """Note that a reader asks.

        Args:
            who: names the reader.
            index: that of the bundle it holds; 0 says nothing.
            now: seconds.
        """
        reader = self._readers.get(who)
        if index:
            reader = self._shown(who, index, now)
        if reader is not None:
            reader.waiting += 1
            reader.is_process = reader.is_process and not self._has_ended(who)

    def answered(self, who: str, asked: int, given: int, now: float) -> None:
        """Note that its request is over.

        Args:
            who: as in ``asks``.
            asked: the index that it asked with.
            given: the index of what it was given; 0 if it went away without an answer.
            now: seconds.
        """
        reader = self._readers.get(who)
        if reader is None and given:
            reader = self._entered(who, self._number(asked or given), now)
            reader.is_process = not self._has_ended(who)
        if reader is None:
            return
        reader.waiting, reader.heard = max(0, reader.waiting - 1), now
        if not given:
            reader.since = reader.since if reader.was_told else now
        elif not asked:
            reader.held, reader.since, reader.was_told = self._number(given), now, False
        elif self._number(given) == reader.held:
            reader.since, reader.was_told = now, False
        elif not reader.was_told:
            reader.since, reader.was_told = now, True

    def oldest(self, now: float) -> Anchors:
        """Return the oldest bundle that a reader holds; the newest if nobody holds an older one.

        Nothing was published: nothing is held.
        """
        for who in [who for who, reader in self._readers.items() if reader.is_gone(now)]:
            del self._readers[who]
        self._forget_ended()
        self._crowd = {n: seen for n, seen in self._crowd.items() if now - seen <= SILENCE}
        held = {reader.held for reader in self._counting(now)} | self._crowd.keys()
        known = [number for number in held if number in self._bundles]
        return self._bundles.get(min(known, default=self._newest), ())

    def behind(self, now: float) -> tuple[str, ...]:
        """Return the readers that hold an older bundle than the newest, by name."""
        return tuple(
            who
            for who, reader in sorted(self._readers.items())
            if reader.counts(now) and reader.held != self._newest
        )

    def slow(self, now: float) -> tuple[Slow, ...]:
        """Return the readers that were told and hold an older bundle still, by what is left.

        One that waits for news is about to be told, and one that was told just now is on its way.
        """
        held_up = (
            Slow(who, max(0.0, SILENCE - (now - reader.since)))
            for who, reader in self._readers.items()
            if reader.held != self._newest and reader.counts(now) and not reader.is_waiting
        )
        return tuple(sorted((one for one in held_up if one.left <= SILENCE - SLOW), key=_by_left))

    def _forget_ended(self) -> None:
        """Forget the readers with an older bundle whose process has ended."""
        asked = [who for who, one in self._readers.items() if self._may_have_ended(one)]
        for who in asked:
            if self._has_ended(who):
                del self._readers[who]

    def _may_have_ended(self, reader: _Reader) -> bool:
        return reader.held != self._newest and reader.is_process and not reader.waiting

    def _counting(self, now: float) -> Iterator[_Reader]:
        return (reader for reader in self._readers.values() if reader.counts(now))

    def _shown(self, who: str, index: int, now: float) -> _Reader:
        """Return the reader, holding what its index says; an index never seen says nothing new."""
        held, reader = self._number(index), self._readers.get(who)
        if reader is None:
            return self._entered(who, held, now)
        self._readers.move_to_end(who)
        reader.heard = now
        if held != reader.held:
            reader.held, reader.since, reader.was_told = held, *self._standing(held, now)
        return reader

    def _standing(self, held: int, now: float) -> tuple[float, bool]:
        """Return since when a bundle that is shown now counts, and whether it is known as replaced.

        One that was replaced long ago counts no more.
        """
        replaced = self._replaced.get(held, now)
        is_late = now - replaced > SILENCE
        return (replaced, True) if is_late else (now, False)

    def _number(self, index: int) -> int:
        """Return the number of a bundle; under an index of another time, the one before the newest.

        An agent that was started anew knows the bundle on its disk as that one.
        """
        before = self._newest - 1 if self._newest - 1 in self._bundles else self._newest
        return self._numbers.get(index, before)

    def _entered(self, who: str, held: int, now: float) -> _Reader:
        while len(self._readers) >= self._most:
            _, dropped = self._readers.popitem(last=False)
            self._crowd[dropped.held] = now
        since, was_told = self._standing(held, now)
        reader = self._readers[who] = _Reader(held, since, now, was_told=was_told)
        return reader


def _by_left(one: Slow) -> tuple[float, str]:
    return one.left, one.name
