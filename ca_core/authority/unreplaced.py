"""Which leaves of an authority are alive and were never replaced, by the issuance record."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from ca_core.authority.record import LEDGER, REHEARSAL, IssuanceRow
from ca_core.state.store import Store

GRACE = timedelta(seconds=30)
"""A leaf counts as replaced this long after its successor was given out: its holder uses that."""

_Leaf = tuple[str, str, datetime]
"""Identity, principal and end: what a request names that replaces a leaf."""


def issuances(store: Store) -> Iterator[IssuanceRow]:
    """Read every row of the ledger, oldest first, those that were queued included. Blocks.

    Raises:
        UnavailableError: the ledger cannot be written or read now.
    """
    store.flush()
    position = 0
    while rows := store.read(LEDGER, after=position, limit=5000):
        yield from (msgspec.json.decode(row.value, type=IssuanceRow) for row in rows)
        position = rows[-1].position


def unreplaced(rows: Iterable[IssuanceRow], authority: str, now: datetime) -> int:
    """Return how many leaves of an authority are alive at ``now`` and have no successor; pure.

    Each successor stands for one leaf, the one that its request named by identity, principal and
    end. Whoever lost a leaf without naming it, as an agent that was started anew, leaves it among
    these until it ends; so this never says too few.

    Args:
        rows: the ledger, oldest first.
        authority: id.
        now: aware UTC; what was given out within ``GRACE`` replaces nothing yet.
    """
    held: Counter[_Leaf] = Counter()
    for row in rows:
        if row.replaces is not None and row.at <= now - GRACE:
            _give_up(held, (row.identity, row.principal, row.replaces))
        if row.authority == authority and row.not_after > now and row.principal != REHEARSAL:
            held[row.identity, row.principal, row.not_after] += 1
    return held.total()


def _give_up(held: Counter[_Leaf], leaf: _Leaf) -> None:
    if held[leaf] > 0:
        held[leaf] -= 1
