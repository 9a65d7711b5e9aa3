"""Who holds leaves of which signer, without reading the whole ledger each time."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from ca_core.authority.record import LEDGER, REHEARSAL, IssuanceRow
from ca_core.state.store import Store

_FORGET_EVERY = timedelta(minutes=1)

Holder = tuple[str, str]
"""Identity and principal: whoever was given a leaf."""


@dataclass(slots=True)
class _Held:
    """What a holder has of one signer: when each leaf ends, and when it was given the last one."""

    last: datetime
    ends: list[datetime] = field(default_factory=list)


class Holdings:
    """Follows the ledger from where it stopped the last time. Thread-safe; every method blocks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._position = 0
        self._of: dict[str, dict[Holder, _Held]] = {}
        self._forgot: datetime | None = None
        self._following = threading.Lock()

    def alive(self, signer: str, now: datetime) -> int:
        """Return how many leaves of a signer are alive, rehearsals excepted.

        Raises:
            UnavailableError: the ledger cannot be written or read now.
        """
        with self._following:
            self._follow(now)
            return sum(_alive(held, now) for held in self._of.get(signer, {}).values())

    def outstanding(self, signer: str, since: datetime, now: datetime) -> int:
        """Return how many leaves of a replaced signer are alive and were not replaced.

        Once a holder was given a leaf by another signer, what it has of this one counts no more.
        It says how far a change is, and decides nothing.

        Args:
            signer: the one that was replaced.
            since: when, aware UTC.
            now: aware UTC.

        Raises:
            UnavailableError: the ledger cannot be written or read now.
        """
        with self._following:
            self._follow(now)
            return sum(
                _alive(held, now)
                for holder, held in self._of.get(signer, {}).items()
                if not self._has_another(holder, signer, since)
            )

    def _has_another(self, holder: Holder, signer: str, since: datetime) -> bool:
        others = (held.get(holder) for name, held in self._of.items() if name != signer)
        return any(one is not None and one.last >= since for one in others)

    def _follow(self, now: datetime) -> None:
        self._store.flush()
        while rows := self._store.read(LEDGER, after=self._position, limit=5000):
            self._note(msgspec.json.decode(row.value, type=IssuanceRow) for row in rows)
            self._position = rows[-1].position
        if self._forgot is None or now - self._forgot >= _FORGET_EVERY:
            self._forget(now)
            self._forgot = now

    def _note(self, rows: Iterable[IssuanceRow]) -> None:
        for row in rows:
            if row.principal != REHEARSAL:
                holders = self._of.setdefault(row.signer, {})
                held = holders.setdefault((row.identity, row.principal), _Held(row.at))
                held.last = max(held.last, row.at)
                held.ends.append(row.not_after)

    def _forget(self, now: datetime) -> None:
        """Drop what has ended, and signers that nobody holds a leaf of."""
        for holders in self._of.values():
            for held in holders.values():
                held.ends = [end for end in held.ends if end > now]
        kept = {
            signer: {holder: held for holder, held in holders.items() if held.ends}
            for signer, holders in self._of.items()
        }
        self._of = {signer: holders for signer, holders in kept.items() if holders}


def _alive(held: _Held, now: datetime) -> int:
    return sum(end > now for end in held.ends)
