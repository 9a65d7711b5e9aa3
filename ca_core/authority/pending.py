"""Calls of a backend that may answer later: its token is kept in the store until it has."""

from collections.abc import Callable
from typing import TypeVar

from ca_core.authority.guard import GuardedProvider
from ca_core.authority.rows import PENDING, PendingRow, put, read
from ca_core.authority.slot import ProviderSlot
from ca_core.clock import Clock
from ca_core.errors import PendingError
from ca_core.state.protocol import Change, Transaction
from ca_core.state.store import Store

T = TypeVar("T")


class PendingCalls:
    """Remembers what a backend said it would answer later, by request id."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def token(self, request_id: str) -> str | None:
        """Return the token with which to ask again, or None if nothing is pending."""
        row = self.row(request_id)
        return row.token if row else None

    def row(self, request_id: str) -> PendingRow | None:
        """Return what is pending, or None."""
        return read(self._store.snapshot, PendingRow, PENDING, request_id)

    async def call(
        self, slot: ProviderSlot, request_id: str, work: Callable[[GuardedProvider], T]
    ) -> T:
        """Call the provider; keep its token if it answers later, forget it once it has answered.

        Raises:
            PendingError: it answers later; the token is kept.
            Error: as the call.
        """
        try:
            answer = await slot.call(work)
        except PendingError as pending:
            row = PendingRow(token=pending.token, since=self._clock.now(), csr=pending.csr)
            await self._store.commit_async(Transaction(changes=(put(PENDING, request_id, row),)))
            raise
        if self.token(request_id) is not None:
            done = Change(PENDING, request_id, None)
            await self._store.commit_async(Transaction(changes=(done,)))
        return answer
