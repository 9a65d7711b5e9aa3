"""What was issued: a ledger of leaves, exact counts, and a ceiling that is always ahead of them.

A leaf's ledger row is written by group commit and not waited for. What must never be wrong is the
*ceiling*: a moment, per signer, after which nothing it signed is alive. It is committed before a
leaf beyond it is released, in steps of an hour, so it costs one commit an hour.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec
from cryptography import x509

from ca_core.authority.ceilings import (
    CEILINGS,
    instant,
    next_ceiling,
    raised,
    signer_ceiling,
    vouching,
)
from ca_core.authority.rows import AUTHORITIES, AuthorityRow, Phase, authorities, decoded, put
from ca_core.clock import Clock
from ca_core.errors import ConflictError
from ca_core.identity.certificates import serial_hex
from ca_core.state.protocol import Change, Transaction
from ca_core.state.reading import Reading
from ca_core.state.store import Store
from ca_core.state.view import View

LEDGER = "issuance"
COUNTS = "counts"
RUNS = "runs"
RECORD = "record"
"""Table: one row ``epoch``, the epoch of the store in which this record was last kept."""
GONE = "gone"
"""Row of ``COUNTS`` for every authority together that the store knows no more; no id is this."""
REHEARSAL = "rehearsal"
"""Principal of a throw-away leaf that nobody can present."""


class IssuanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One leaf, as the ledger keeps it: who has it, under what, until when.

    ``replaces`` is the end of the same holder's leaf that this one replaces; None for a first one.
    """

    serial: str
    identity: str
    principal: str
    authority: str
    signer: str
    not_after: datetime
    at: datetime
    replaces: datetime | None = None


class CountRow(msgspec.Struct, frozen=True, kw_only=True):
    """Leaves of one authority up to a position of the ledger; the rest is counted at start."""

    leaves: int
    position: int


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A server that is running, or that died: a clean stop removes its row."""

    started: datetime


def _issuances(store: Store) -> Iterator[IssuanceRow]:
    """Read the whole ledger, oldest first."""
    position = 0
    while rows := store.read(LEDGER, after=position, limit=5000):
        yield from (msgspec.json.decode(row.value, type=IssuanceRow) for row in rows)
        position = rows[-1].position


class IssuanceRecord:
    """The record of one server; lives on the event loop, counts in memory.

    Args:
        run: names this server; the same name after a crash finds what the dead one left.
    """

    def __init__(self, store: Store, clock: Clock, *, run: str) -> None:
        self._store = store
        self._clock = clock
        self._run = run
        self._counting = threading.Lock()
        self._counts: dict[str, int] = {}
        self._position = 0
        self._issued = 0
        self._vouching = Reading(vouching)

    def open(self, leaf_ttl: timedelta) -> None:
        """Count what the ledger holds, and mark records incomplete if this server died before.

        So are those of a restored store: what was issued after the backup is not in them, so their
        ceilings are lifted to where the last of it may end. Blocks; called once before serving.

        Args:
            leaf_ttl: the longest life that a leaf is given.
        """
        view = self._store.snapshot
        restored = _is_of_another_epoch(view)
        if view.get(RUNS, self._run) is not None or restored:
            self._store.update(_incomplete)
        if restored:
            self._lift_ceilings(next_ceiling(self._clock.now() + leaf_ttl))
        self._load_checkpoint()
        self._count_ledger()
        self._issued = sum(self._counts.values())
        run = put(RUNS, self._run, RunRow(started=self._clock.now()))
        epoch = Change(RECORD, "epoch", view.epoch.encode())
        self._store.commit(Transaction(changes=(run, epoch)))

    def close(self) -> None:
        """Make the record durable and note that this server stopped cleanly. Blocks."""
        self.counts()
        self._checkpoint()
        self._store.commit(Transaction(changes=(Change(RUNS, self._run, None),)))

    def _lift_ceilings(self, least: datetime) -> None:
        """Let no authority that may have signed have a ceiling below ``least``.

        One that was on its way when the backup was made may have signed since, too.
        """
        value = least.isoformat().encode()
        for authority in authorities(self._store.snapshot):
            if authority.phase is Phase.RETIRED:
                continue
            standing = self._store.snapshot.get(CEILINGS, authority.id)
            if standing is None or instant(standing) < least:
                change = Change(CEILINGS, authority.id, value)
                self._store.commit(Transaction(changes=(change,)))

    @property
    def issued(self) -> int:
        """Return the number of the last leaf: those on record at start, and this server's since."""
        return self._issued

    def counts(self) -> Mapping[str, int]:
        """Return how many leaves each authority issued, by every server. Blocks.

        Those of authorities that the store knows no more are together under ``GONE``. Exact while
        no server died: a dying one may lose the ledger rows of its last milliseconds.

        Raises:
            UnavailableError: the ledger cannot be written or read now.
        """
        with self._counting:
            self._store.flush()
            self._count_ledger()
            return dict(self._counts)

    def alive(self, authority: str, signer: str, now: datetime) -> int:
        """Return how many leaves of a signer are alive, rehearsals excepted. Blocks.

        Raises:
            UnavailableError: the ledger cannot be written or read now.
        """
        self._store.flush()
        return sum(
            row.authority == authority and row.signer == signer and row.not_after > now
            for row in _issuances(self._store)
            if row.principal != REHEARSAL
        )

    async def raise_ceiling(self, authority: str, signer: str, not_after: datetime) -> None:
        """Return once the committed ceiling of a signer lies beyond ``not_after``.

        Raises:
            UnavailableError: the store cannot be written; the leaf must not be released.
        """
        while True:
            view = self._store.snapshot
            standing = signer_ceiling(view, authority, signer)
            if standing is not None and not_after <= standing:
                return
            with suppress(ConflictError):
                await self._store.commit_async(raised(view, authority, signer, not_after, {}))

    async def cover(self, authority: str, signer: str, not_after: datetime) -> None:
        """Return once the ceiling of a signer that is on record lies beyond ``not_after``.

        Whoever takes the signer or its authority away in the same moment loses the race, or wins
        it: then the leaf must not be released.

        Raises:
            NotReadyError: the signer, or its authority, has left.
            UnavailableError: the store cannot be written; the leaf must not be released.
        """
        while True:
            view = self._store.snapshot
            expect, standing = self._vouching.of(view, (authority, signer))
            if standing is not None and not_after <= standing:
                return
            with suppress(ConflictError):
                await self._store.commit_async(raised(view, authority, signer, not_after, expect))

    def add(
        self,
        certificate: x509.Certificate,
        *,
        identity: str,
        principal: str,
        authority: str,
        signer: str,
        replaces: datetime | None = None,
    ) -> int:
        """Append a leaf to the ledger and return its number, at least 1. Does not wait.

        Raises:
            UnavailableError: the ledger's queue is full; the leaf must not be released.
        """
        row = IssuanceRow(
            serial=serial_hex(certificate),
            identity=identity,
            principal=principal,
            authority=authority,
            signer=signer,
            not_after=certificate.not_valid_after_utc,
            at=self._clock.now(),
            replaces=replaces,
        )
        self._store.append(LEDGER, msgspec.json.encode(row))
        self._issued += 1
        return self._issued

    def _load_checkpoint(self) -> None:
        table = self._store.snapshot.table(COUNTS)
        stored = {key: decoded(CountRow, row.value) for key, row in table.items()}
        self._counts = {key: row.leaves for key, row in stored.items()}
        self._position = max((row.position for row in stored.values()), default=0)

    def _count_ledger(self) -> None:
        """Count the rows that came since the last time."""
        while rows := self._store.read(LEDGER, after=self._position, limit=5000):
            for row in rows:
                authority = msgspec.json.decode(row.value, type=IssuanceRow).authority
                self._counts[authority] = self._counts.get(authority, 0) + 1
            self._position = rows[-1].position
        self._fold()

    def _fold(self) -> None:
        """Count what authorities issued that are gone for good as one, however many they were."""
        known = _that_are_known(self._store.snapshot)
        for authority in self._counts.keys() - known - {GONE}:
            self._counts[GONE] = self._counts.get(GONE, 0) + self._counts.pop(authority)

    def _checkpoint(self) -> None:
        rows = [
            put(COUNTS, authority, CountRow(leaves=leaves, position=self._position))
            for authority, leaves in self._counts.items()
        ]
        stale = self._store.snapshot.table(COUNTS).keys() - self._counts.keys()
        rows += [Change(COUNTS, authority, None) for authority in stale]
        for start in range(0, len(rows), 50):
            self._store.commit(Transaction(changes=tuple(rows[start : start + 50])))


def _that_are_known(view: View) -> set[str]:
    """Return the authorities that live, leave, or are being made: those issue before they are."""
    being_made = {key.partition("/")[0] for key in view.table(CEILINGS)}
    return being_made | set(view.table(AUTHORITIES))


def _is_of_another_epoch(view: View) -> bool:
    row = view.get(RECORD, "epoch")
    return row is not None and row.value.decode() != view.epoch


def _incomplete(view: View) -> Transaction | None:
    """Mark every authority that may have lost ledger rows when a server died."""
    table = view.table(AUTHORITIES)
    hit = [authority for authority in _that_signed(view) if authority.complete]
    if not hit:
        return None
    return Transaction(
        changes=tuple(
            put(AUTHORITIES, authority.id, msgspec.structs.replace(authority, complete=False))
            for authority in hit
        ),
        expect={(AUTHORITIES, authority.id): table[authority.id].version for authority in hit},
    )


def _that_signed(view: View) -> list[AuthorityRow]:
    """Return the authorities whose leaves may be alive."""
    return [row for row in authorities(view) if row.phase in {Phase.SIGNING, Phase.DRAINING}]
