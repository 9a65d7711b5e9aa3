"""How many leaves are alive, by signer, without reading the whole ledger each time."""

from collections import Counter
from datetime import datetime, timedelta

import msgspec

from ca_core.authority.record import LEDGER, REHEARSAL, IssuanceRow
from ca_core.state.store import Store

_PRECISION = timedelta(minutes=1)
"""Leaves that end in the same minute are one number; each counts until that minute has passed."""

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class LivingLeaves:
    """Counts what the ledger says, from where it stopped the last time. One caller at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._position = 0
        self._ends: dict[str, Counter[int]] = {}

    def most(self, now: datetime) -> int:
        """Return how many leaves the signer has alive that has most, rehearsals excepted. Blocks.

        Just after a change that is still the signer that was replaced: it says how many leaves
        there are to re-issue.

        Raises:
            UnavailableError: the ledger cannot be written or read now.
        """
        self._look(now)
        return max((ends.total() for ends in self._ends.values()), default=0)

    def besides(self, signer: str) -> int:
        """Return how many leaves all other signers have alive, as ``most`` counted them last."""
        return sum(ends.total() for name, ends in self._ends.items() if name != signer)

    def _look(self, now: datetime) -> None:
        """Count what is new, and drop what has ended."""
        self._store.flush()
        self._count_new()
        over = (now - _EPOCH) // _PRECISION
        self._ends = {
            signer: kept
            for signer, ends in self._ends.items()
            if (kept := Counter({minute: n for minute, n in ends.items() if minute >= over}))
        }

    def _count_new(self) -> None:
        while rows := self._store.read(LEDGER, after=self._position, limit=5000):
            for row in rows:
                self._count(msgspec.json.decode(row.value, type=IssuanceRow))
            self._position = rows[-1].position

    def _count(self, row: IssuanceRow) -> None:
        if row.principal != REHEARSAL:
            minute = (row.not_after - _EPOCH) // _PRECISION
            self._ends.setdefault(row.signer, Counter())[minute] += 1
