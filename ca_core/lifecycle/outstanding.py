"""How far the re-issue of leaves has come after a change, by the issuance record; pure."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from ca_core.authority.record import REHEARSAL, IssuanceRow


def outstanding(
    rows: Iterable[IssuanceRow], *, authority: str, signer: str, since: datetime, now: datetime
) -> int:
    """Return how many leaves of a replaced signer are alive and were not replaced.

    A holder is an identity at one principal: once it was given a leaf by another signer, what it
    has of this one counts no more. It says how far a change is, and decides nothing.

    Args:
        rows: the ledger, oldest first.
        authority: whose signer it is.
        signer: the one that was replaced.
        since: when, aware UTC.
        now: aware UTC.
    """
    left: Counter[tuple[str, str]] = Counter()
    for row in rows:
        holder = (row.identity, row.principal)
        is_its_own = (row.authority, row.signer) == (authority, signer)
        if is_its_own and row.not_after > now and row.principal != REHEARSAL:
            left[holder] += 1
        elif not is_its_own and row.at >= since:
            left.pop(holder, None)
    return left.total()
