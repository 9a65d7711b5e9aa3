"""Which server an agent asks: the same one while it does its work, and what comes after it; pure.

Agents begin at servers that are drawn, so that they spread. Whoever has moved stays where it is: a
server that returns is not stormed, and gets its share again when agents draw anew, each in its own
time.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

FIRST_REST = 1.0
"""Seconds that a server is left alone after its first failure."""
LONGEST_REST = 60.0
FORGIVEN_AFTER = 300.0
"""Seconds after its rest in which the failures of a server that nobody asked are forgotten."""
SETTLED = 3600.0
"""Seconds after which an agent draws anew among servers that do their work, on average."""
TWICE = 2.0
"""A server that takes more than this many times as long as another one is not drawn beside it."""
_UNNOTICED = 0.02
"""Seconds by which servers may differ without being told apart."""
_SMOOTHING = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one server did.

    Attributes:
        failures: in a row.
        rests_until: it is not asked before, unless no other server is left.
        seconds: how long its answers take, smoothed; None if it is not known.
    """

    failures: int = 0
    rests_until: float = 0.0
    seconds: float | None = None

    def counted(self, now: float) -> int:
        """Return the failures that count against it."""
        return 0 if now - self.rests_until > FORGIVEN_AFTER else self.failures


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which server is asked, and how all of them did; times are those of ``Clock.monotonic``.

    Attributes:
        current: the place of the one that is asked.
        standings: of each, in the order of the configuration.
        settled_until: when it is drawn anew.
    """

    current: int
    standings: tuple[Standing, ...]
    settled_until: float


def first_choice(servers: int, now: float, fraction: float) -> Choice:
    """Return the choice of an agent that knows of nothing but their number, at least 1.

    ``fraction`` (0 to 1) is drawn, here and below.
    """
    current = min(int(fraction * servers), servers - 1)
    standings = (Standing(),) * servers
    return Choice(current=current, standings=standings, settled_until=_settled_until(now, fraction))


def failed(choice: Choice, server: int, now: float, fraction: float) -> Choice:
    """Return the choice after a server did not do its work; it rests, longer each time."""
    standing = choice.standings[server]
    failures = standing.counted(now) + 1
    rest = min(FIRST_REST * 2.0 ** min(failures - 1, 16), LONGEST_REST)
    until = now + rest * (0.5 + fraction / 2)
    after = _with(choice, server, replace(standing, failures=failures, rests_until=until))
    if server != choice.current:
        return after
    following = next_server(after, now, fraction, tried={server})
    return after if following is None else moved_to(after, following, now, fraction)


def answered(choice: Choice, server: int, seconds: float | None = None) -> Choice:
    """Return the choice after a server did its work, in ``seconds`` if that was measured."""
    standing = choice.standings[server]
    took = standing.seconds
    if seconds is not None:
        took = seconds if took is None else took + _SMOOTHING * (seconds - took)
    return _with(choice, server, Standing(seconds=took))


def next_server(choice: Choice, now: float, fraction: float, tried: Collection[int]) -> int | None:
    """Return the best server that was not tried yet, None if all were.

    Those that rest come last, whose rest ends first; then those that failed least, and of these
    none that is much slower than another. Among equals it is drawn.
    """
    left = [place for place in range(len(choice.standings)) if place not in tried]
    awake = [place for place in left if choice.standings[place].rests_until <= now]
    if not awake:
        return min(left, key=lambda place: choice.standings[place].rests_until, default=None)
    fewest = min(choice.standings[place].counted(now) for place in awake)
    best = [place for place in awake if choice.standings[place].counted(now) == fewest]
    quick = _quick(choice, best)
    return quick[min(int(fraction * len(quick)), len(quick) - 1)]


def reconsidered(choice: Choice, now: float, fraction: float) -> Choice:
    """Return the choice, drawn anew if it has stood for long: servers that returned get a share."""
    if now < choice.settled_until:
        return choice
    following = next_server(choice, now, fraction, tried=())
    assert following is not None  # noqa: S101 - there is at least one server
    return moved_to(choice, following, now, fraction)


def moved_to(choice: Choice, server: int, now: float, fraction: float) -> Choice:
    """Return the choice of a server that is asked from now on."""
    return replace(choice, current=server, settled_until=_settled_until(now, fraction))


def _quick(choice: Choice, places: list[int]) -> list[int]:
    known = [seconds for place in places if (seconds := choice.standings[place].seconds)]
    most = max(TWICE * min(known), min(known) + _UNNOTICED) if known else 0.0
    return [place for place in places if (choice.standings[place].seconds or 0.0) <= most]


def _with(choice: Choice, server: int, standing: Standing) -> Choice:
    standings = list(choice.standings)
    standings[server] = standing
    return replace(choice, standings=tuple(standings))


def _settled_until(now: float, fraction: float) -> float:
    return now + SETTLED * (0.5 + fraction)
