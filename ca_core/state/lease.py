"""Leadership for a while: one holder of a named lease at a time, and the fence it writes behind."""

from datetime import datetime, timedelta

import msgspec

from ca_core.clock import Clock
from ca_core.errors import ConflictError
from ca_core.state.protocol import ABSENT, LEASES, Change, Fence, Row, Transaction
from ca_core.state.store import Store
from ca_core.state.view import View

LEADER = "leader"
"""The lease of the server that runs operations."""

SPAN = timedelta(seconds=15)
"""How long a lease lives without renewal; renewed every third of it, it survives two failures."""


class LeaseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the lease's row says, as JSON.

    Attributes:
        holder: who holds it.
        expires_at: when it ends unless renewed.
    """

    holder: str
    expires_at: datetime


class Lease:
    """One server's hold on a lease. Use it from one thread; its methods block.

    Clocks of two servers may differ: what protects the state is the fence, not the time. Taking a
    lease over makes its row anew, and every commit under the old row's ``created`` is refused.

    Args:
        store: where the row lives.
        clock: decides when a lease has expired.
        holder: this server's lasting name. A lease left behind by a former life of the same name is
            taken over at once, so two live servers must never share one.
        name: which lease.
        span: its life without renewal.
    """

    def __init__(
        self, store: Store, clock: Clock, holder: str, *, name: str = LEADER, span: timedelta = SPAN
    ) -> None:
        self._store = store
        self._clock = clock
        self._holder = holder
        self._name = name
        self._span = span
        self._token: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object acquired the lease and it has neither expired nor been taken."""
        row = self._own(self._store.snapshot)
        return row is not None and self._clock.now() < _parsed(row).expires_at

    @property
    def fence(self) -> Fence:
        """The fence for commits made as the holder.

        Raises:
            ConflictError: the lease was never acquired, or was lost.
        """
        if self._token is None or self._own(self._store.snapshot) is None:
            raise ConflictError(f"lease {self._name!r} is not held")
        return Fence(self._name, self._token)

    def acquire(self) -> bool:
        """Take the lease if it is free, expired, or left by a former life; return whether held.

        Raises:
            UnavailableError: the store cannot be written now.
            OutcomeUnknownError: the backend does not answer; try again.
        """
        if self.held:
            return self.renew()
        self._token = None
        self._store.update(self._removal)
        self._token = self._store.update(self._creation)
        return self._token is not None

    def renew(self) -> bool:
        """Extend the lease; return False if it was lost. The fence stays the same.

        Raises:
            UnavailableError: the store cannot be written now; the lease lives until it expires.
            OutcomeUnknownError: the backend does not answer; try again.
        """
        return self._store.update(self._renewal) is not None

    def release(self) -> None:
        """Give the lease back, so that another server takes it at once; safe to repeat.

        Raises:
            UnavailableError: the store cannot be written now; the lease expires by itself.
        """
        self._store.update(self._surrender)
        self._token = None

    def _own(self, view: View) -> Row | None:
        row = view.get(LEASES, self._name)
        return row if row is not None and row.created == self._token else None

    def _removal(self, view: View) -> Transaction | None:
        row = view.get(LEASES, self._name)
        return self._written(None, row.version) if row is not None and self._over(row) else None

    def _over(self, row: Row) -> bool:
        record = _parsed(row)
        return record.holder == self._holder or record.expires_at <= self._clock.now()

    def _creation(self, view: View) -> Transaction | None:
        taken = view.get(LEASES, self._name) is not None
        return None if taken else self._written(self._record(), ABSENT)

    def _renewal(self, view: View) -> Transaction | None:
        row = self._own(view)
        return None if row is None else self._written(self._record(), row.version)

    def _surrender(self, view: View) -> Transaction | None:
        row = self._own(view)
        return None if row is None else self._written(None, row.version)

    def _record(self) -> bytes:
        expires_at = self._clock.now() + self._span
        return msgspec.json.encode(LeaseRecord(holder=self._holder, expires_at=expires_at))

    def _written(self, value: bytes | None, version: int) -> Transaction:
        change = Change(LEASES, self._name, value)
        return Transaction(
            changes=(change,),
            expect={(LEASES, self._name): version},
            topics=frozenset({f"lease/{self._name}"}),
        )


def living(view: View, now: datetime) -> frozenset[str]:
    """Return the names of the leases that somebody holds."""
    rows = view.table(LEASES).items()
    return frozenset(name for name, row in rows if now < _parsed(row).expires_at)


def _parsed(row: Row) -> LeaseRecord:
    return msgspec.json.decode(row.value, type=LeaseRecord)
