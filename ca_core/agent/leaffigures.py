"""The leaves that an agent holds, counted."""

import math
from collections import Counter
from datetime import datetime

from ca_core.agent.leafrecord import HeldLeaf
from ca_core.agent.leaves import LeafCache
from ca_core.agent.renewal import LeafState
from ca_core.clock import Clock
from ca_core.telemetry.leaves import LeafFigures

_ABSENT = "absent"
_STATES = (*(str(state) for state in LeafState), _ABSENT)


def figures_of(cache: LeafCache, clock: Clock) -> LeafFigures:
    """Return how many leaves are in each state now, and when the first valid one ends."""
    now, leaves = clock.now(), [record.leaf for record in cache.records()]
    counted = Counter(_state(leaf, now) for leaf in leaves)
    ends = [leaf.not_after.timestamp() for leaf in leaves if leaf and leaf.servable(now)]
    return LeafFigures(
        states={state: counted[state] for state in _STATES},
        soonest_end=min(ends, default=math.nan),
        issued=cache.attempts.issued,
        renewed=cache.attempts.renewed,
    )


def _state(leaf: HeldLeaf | None, now: datetime) -> str:
    return _ABSENT if leaf is None else str(leaf.state(now))
