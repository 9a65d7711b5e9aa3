"""Decisions in the log: one JSON object a line, sampled, and never more than a log can take."""

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

from ca_core.clock import Clock
from ca_core.intentions.decision import Decision
from ca_core.intentions.model import Name

log = logging.getLogger("ca_core.decisions")

MOST_A_SECOND = 100
"""Lines; what is beyond is counted, and told with the next line."""


class Logged(StrEnum):
    """Which decisions are logged."""

    DENIED = "denied"
    ALL = "all"
    NONE = "none"


class DecisionLog:
    """Writes decisions. Used from one event loop.

    Args:
        which: those that are candidates.
        sample: the share of candidates that is written, 0 to 1.
        draw: returns 0 to 1, evenly.
    """

    def __init__(
        self,
        clock: Clock,
        draw: Callable[[], float],
        which: Logged = Logged.DENIED,
        sample: float = 1.0,
    ) -> None:
        self._clock = clock
        self._draw = draw
        self._which = which
        self._sample = sample
        self._left = MOST_A_SECOND
        self._second = clock.monotonic()
        self._suppressed = 0

    def takes(self, *, allowed: bool) -> bool:
        """Say whether a decision like this may be written: nothing need be made of any other."""
        if self._which is Logged.ALL:
            return True
        return self._which is Logged.DENIED and not allowed

    def write(self, source: Name, destination: Name, decision: Decision, age: timedelta) -> None:
        """Write a decision that ``takes`` took, unless the sample leaves it out or it is one more.

        Args:
            source: the client.
            destination: whom it connects to.
            decision: what was decided.
            age: how old what is known is.
        """
        if self._sample < 1.0 and self._draw() >= self._sample:
            return
        if not self._has_room():
            self._suppressed += 1
            return
        would = decision.would
        fields = {
            "source": str(source),
            "destination": str(destination),
            "allowed": decision.allowed,
            "why": str(decision.why),
            "rule": _rule(decision),
            "age_seconds": round(age.total_seconds(), 3),
            **({"would_allow": would.allowed, "observed_rule": _rule(would)} if would else {}),
            **({"suppressed": self._suppressed} if self._suppressed else {}),
        }
        self._suppressed = 0
        log.info("%s", json.dumps(fields))

    def _has_room(self) -> bool:
        now = self._clock.monotonic()
        if now - self._second >= 1.0:
            self._second, self._left = now, MOST_A_SECOND
        self._left -= 1
        return self._left >= 0


def _rule(decision: Decision) -> str:
    """Return the intention that decided and, behind a ``#``, the position of its permission."""
    if decision.intention is None:
        return ""
    at = f"#{decision.permission}" if decision.permission >= 0 else ""
    return f"{decision.intention.source} => {decision.intention.destination}{at}"
