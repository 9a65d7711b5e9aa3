"""Over what time leaves are re-issued after a change, so that it is no herd; pure."""

from datetime import timedelta

from ca_core.authority.rows import Phase, authorities
from ca_core.lifecycle.rows import TAINTED_LEAVES, Kind, open_operation
from ca_core.state.view import View

SHARE = 0.5
"""Of the admitted signatures, on average.

The moments that agents choose are twice as dense as that at their densest (see
``ca_core.agent.renewal.HURRY_BY_CHANCE``); more would be refused and come back, all in vain.
"""

LEAST = timedelta(seconds=1)
MOST = timedelta(hours=12)
"""However many there are: a third of a life of three days is left for retries."""

URGENT = TAINTED_LEAVES / 2
"""The same while a compromised root is in the bundle: half the time until it leaves."""


def reissue_spread(
    leaves: int, rate: float, *, leaf_ttl: timedelta = timedelta(hours=72)
) -> timedelta:
    """Return the time over which ``leaves`` leaves are to be asked for again.

    Args:
        leaves: alive under the signer that was replaced.
        rate: signatures a second that admission lets through; 0 is without limit.
        leaf_ttl: life of a leaf; the spread takes at most a sixth of it.
    """
    if rate <= 0:
        return LEAST
    wanted = timedelta(seconds=leaves / (rate * SHARE))
    return max(LEAST, min(wanted, MOST, leaf_ttl / 6))


def is_urgent(view: View) -> bool:
    """Say whether a compromised root is in the bundle, and leaves soon."""
    change = open_operation(view)
    if change is not None and change.kind is Kind.TAINT:
        return True
    return any(row.tainted and row.phase is Phase.DRAINING for row in authorities(view))
