"""When to pull the trigger: at random, a little more often where few have died so far.

Where a first start has come is seen from outside by how far its write-ahead log has grown.
"""

import asyncio
from collections import Counter, defaultdict

from ca_core.api.storedstate import STATE_FILE
from tests.integration.crash.autopsy import PHASES

FIRST_START = 180_000
"""Bytes of log from the first commit of a first start to its first leaf."""
_LINGER = 0.003
"""Seconds after the log has grown so far: half a commit on a good disk, or several calls."""
_AIMED = 0.5
_SPREAD = 4_000


class Aim:
    """Draws moments within a first start, and counts the phases in which servers died.

    Args:
        rng: where the moments come from.
    """

    def __init__(self, rng):
        self.rng = rng
        self.kills = Counter(dict.fromkeys(PHASES, 0))
        self._growths = defaultdict(list)

    @property
    def total(self):
        """Return how many servers were killed."""
        return self.kills.total()

    def growth(self):
        """Return by how many bytes the log shall grow before the server is killed."""
        rarest = min(PHASES[:4], key=lambda phase: self.kills[phase])
        seen = self._growths[rarest]
        if seen and self.rng.random() < _AIMED:
            return max(0.0, self.rng.choice(seen) + self.rng.gauss(0, _SPREAD))
        return self.rng.uniform(0, FIRST_START)

    def linger(self):
        """Return how long to wait after that, in seconds."""
        return self.rng.uniform(0, _LINGER)

    def hit(self, phase, growth=None):
        """Note that a server died in ``phase``; ``growth`` is what was drawn for it."""
        self.kills[phase] += 1
        if growth is not None:
            self._growths[phase].append(growth)

    def report(self):
        """Return one line: how many died in which phase."""
        return ", ".join(f"{phase}: {self.kills[phase]}" for phase in PHASES)


async def log_has_grown(life, start, growth):
    """Return once the log has ``growth`` bytes more than ``start``, or the server is ready."""
    while not (life.data_dir / STATE_FILE).exists():
        await asyncio.sleep(0.001)
    while log_size(life.data_dir) < start + growth and not life.is_ready:
        await asyncio.sleep(0)


def log_size(data_dir):
    """Return the size of the write-ahead log, 0 if there is none."""
    try:
        return (data_dir / f"{STATE_FILE}-wal").stat().st_size
    except FileNotFoundError:
        return 0
