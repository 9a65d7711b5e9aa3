"""What intentions in observe mode would have denied, on its way to the server."""

from dataclasses import replace

from ca_core.clock import Clock
from ca_core.intentions.decision import Decision
from ca_core.intentions.model import Name
from ca_core.intentions.observed import NOTHING, Observed, Summary, merged
from ca_core.intentions.reporting import reported
from ca_core.wire.observations import ObservedAnswer

MOST_AT_ONCE = 250
"""Entries of one report: with names of usual length 50 KB; the rest goes with the next."""


class Reports:
    """Counts, and gives the counts away in parts; what did not arrive is given again.

    Used from one event loop.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._observed = Observed()
        self._waiting = NOTHING
        self._away = NOTHING

    def note(self, source: Name, destination: Name, decision: Decision) -> None:
        """Count a decision, if it would have been a denial and is none."""
        self._observed.note(source, destination, decision, self._clock.now())

    @property
    def waiting(self) -> bool:
        """Say whether there is something to report."""
        return bool(len(self._observed) or self._waiting.counts)

    def begun(self) -> ObservedAnswer | None:
        """Return the next report, None if there is nothing; say then what became of it."""
        everything = merged(self._waiting, self._observed.taken())
        part, rest = everything.counts[:MOST_AT_ONCE], everything.counts[MOST_AT_ONCE:]
        self._waiting = Summary(counts=rest)
        self._away = replace(everything, counts=part)
        return None if self._away == NOTHING else reported(self._away)

    def ended(self) -> None:
        """Forget the report that was begun: it arrived, or never will."""
        self._away = NOTHING

    def failed(self) -> None:
        """Keep the report that was begun for another time."""
        self._waiting, self._away = merged(self._away, self._waiting), NOTHING
