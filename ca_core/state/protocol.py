"""What a storage engine is: rows with versions, transactions, ledgers, one logical clock.

One commit advances one *index* and stamps every row it writes with it. ``expect`` names rows, not
the store, so two writers that touch different rows never disturb each other. Engines are
synchronous and are called from one writer thread of one ``Store``; a commit reaches that store
through ``watch``, in order, its own commits included (that is what lets an engine with other
writers fit behind the same protocol).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

MAX_CHANGES = 100
"""Changes one transaction may carry, topic rows included (etcd allows 128 operations)."""

ABSENT = 0
"""The version of a row that does not exist, for ``Transaction.expect``."""

FIRST_INDEX = 1
"""Index of an empty engine: the first commit is above what a waiter on an untouched topic holds."""

TOPICS = "topics"
"""The table that holds one row per topic; that row's version is the topic's index."""

LEASES = "leases"
"""The table that holds one row per lease; a ``Fence`` names one."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """One stored value; a Struct, because there may be millions that no collector has to look at.

    Attributes:
        value: the bytes as written; JSON by convention, ciphertext in ``secrets``.
        version: index of the commit that wrote it.
        created: index of the commit that created it; deleting and writing again gives a new one.
    """

    value: bytes
    version: int
    created: int


@dataclass(frozen=True, slots=True)
class Change:
    """Write ``value`` at (``table``, ``key``), or delete the row if ``value`` is None."""

    table: str
    key: str
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Fence:
    """Refuse the commit unless the row (``leases``, ``lease``) was created at index ``token``.

    A holder that was paused past the end of its lease finds another ``created`` and writes nothing.
    """

    lease: str
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """Changes that happen together or not at all.

    Attributes:
        changes: at most ``MAX_CHANGES``, topic rows included; no (table, key) twice.
        expect: version each named row must have; ``ABSENT`` for "must not exist".
        topics: topics whose waiters this commit wakes; each gets a row in ``TOPICS``.
        fence: the lease under which this is written, or None.
    """

    changes: tuple[Change, ...]
    expect: Mapping[tuple[str, str], int] = field(default_factory=dict)
    topics: frozenset[str] = frozenset()
    fence: Fence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A transaction that happened, as delivered to watchers.

    Attributes:
        index: its place in the one order; strictly increasing, gaps are allowed.
        changes: what was written; topic rows are included as ordinary changes.
    """

    index: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything an engine holds at one index, ledgers excepted."""

    index: int
    epoch: str
    tables: Mapping[str, Mapping[str, Row]]


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One appended record: its position (strictly increasing within its ledger) and its bytes."""

    position: int
    value: bytes


class Engine(Protocol):
    """Where rows live. Synchronous; called from one thread unless a method says otherwise."""

    def load(self) -> Snapshot:
        """Return everything that is stored.

        Raises:
            ConfigError: the file is corrupt, newer than this program, or in use by another process.
                It names the file and the next step; nothing is changed or destroyed.
        """
        ...

    def commit(self, transaction: Transaction) -> int:
        """Make the transaction durable and return its index.

        Raises:
            ConflictError: a row in ``expect`` has another version, or the fence no longer holds;
                nothing was written.
            UnavailableError: the disk is full or the backend is away; nothing was written.
            OutcomeUnknownError: the backend did not answer; it may have been written.
            RequestError: no changes, more than ``MAX_CHANGES``, or a row twice.
            ConfigError: the file turned out to be damaged or read-only; nothing was written.
        """
        ...

    def append(self, ledger: str, values: Sequence[bytes]) -> None:
        """Append records to a ledger durably, in order, all or none. Moves no index, wakes nobody.

        Raises:
            UnavailableError: the disk is full or the backend is away.
        """
        ...

    def read(self, ledger: str, *, after: int = 0, limit: int = 1000) -> Sequence[LedgerRow]:
        """Return up to ``limit`` records with a position above ``after``, oldest first."""
        ...

    def ledgers(self) -> Sequence[str]:
        """Return the names of the ledgers that hold records, sorted."""
        ...

    def watch(self, from_index: int, deliver: Callable[[Commit], None]) -> None:
        """Call ``deliver`` for every commit above ``from_index``, in order, from now on.

        Called once, after ``load``. ``deliver`` may run in any thread, one call at a time; an
        engine with a single writer calls it inside ``commit``, before that returns.
        """
        ...

    def close(self) -> None:
        """Flush and release; safe to repeat. Rows stay."""
        ...
