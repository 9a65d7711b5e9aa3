"""When to pull the trigger: at random, a little more often where few have died so far."""

from collections import Counter, defaultdict

from tests.integration.crash.autopsy import PHASES

FIRST_START = 0.1
"""Seconds from a first start's state file to its first leaf; on a busy machine many times that."""
_AIMED = 0.5
_SPREAD = 0.002


class Aim:
    """Draws moments within a first start, and counts the phases in which servers died.

    Args:
        rng: where the moments come from.
    """

    def __init__(self, rng):
        self.rng = rng
        self.kills = Counter(dict.fromkeys(PHASES, 0))
        self._moments = defaultdict(list)
        self._window = FIRST_START

    @property
    def total(self):
        """Return how many servers were killed."""
        return self.kills.total()

    def moment(self):
        """Return how long to wait, in seconds, after the state file has appeared."""
        rarest = min(PHASES[:4], key=lambda phase: self.kills[phase])
        seen = self._moments[rarest]
        if seen and self.rng.random() < _AIMED:
            return max(0.0, self.rng.choice(seen) + self.rng.gauss(0, _SPREAD))
        return self.rng.uniform(0, self._window)

    def hit(self, phase, moment=None):
        """Note that a server died in ``phase``, after waiting for ``moment``.

        The window follows the machine: longer if the server had hardly begun, else shorter.
        """
        self.kills[phase] += 1
        if moment is not None:
            self._moments[phase].append(moment)
            self._window *= 1.3 if phase == PHASES[0] else 0.9

    def report(self):
        """Return one line: how many died in which phase."""
        return ", ".join(f"{phase}: {self.kills[phase]}" for phase in PHASES)
