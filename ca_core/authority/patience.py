"""Signing with a backend that answers later: ask again while the caller waits, remember beyond."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ca_core.authority.slot import ProviderSlot
from ca_core.clock import Clock
from ca_core.contract.requests import LeafRequest
from ca_core.errors import PendingError

WAIT_LIMIT = timedelta(seconds=10)
"""A caller waits this long for one leaf, then is told when to come back with the same CSR."""

MAX_REMEMBERED = 1000
"""Tokens kept for callers that come back; a second leaf after a lost token does no harm."""


@dataclass(frozen=True, slots=True)
class _Promise:
    request_id: str
    token: str
    slot: ProviderSlot


class PatientSigning:
    """Signs leaves through a slot; lives on one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._promises: OrderedDict[bytes, _Promise] = OrderedDict()

    async def signed(self, slot: ProviderSlot, request: LeafRequest) -> x509.Certificate:
        """Return the leaf, asking again with the backend's token while there is time.

        A caller that comes back with the same CSR continues where it left, unless another
        provider signs meanwhile: that one knows nothing of the token.

        Raises:
            PendingError: it takes longer than a caller waits; the token is remembered.
            Error: as ``Provider.sign_leaf``.
        """
        promise = self._promised(request)
        if promise is not None and promise.slot is slot:
            request = replace(request, request_id=promise.request_id, pending=promise.token)
        began = self._clock.monotonic()
        while True:
            try:
                return await slot.sign(request)
            except PendingError as pending:
                request = replace(request, pending=pending.token)
                waited = timedelta(seconds=self._clock.monotonic() - began)
                if waited + pending.poll_after > WAIT_LIMIT:
                    self._remember(request, _Promise(request.request_id, pending.token, slot))
                    raise
                await self._clock.sleep(pending.poll_after.total_seconds())
                if self._clock.now() >= request.not_after:  # the machine slept: begin anew
                    raise

    def _promised(self, request: LeafRequest) -> _Promise | None:
        if not self._promises:  # as a rule: only few backends answer later
            return None
        return self._promises.pop(_mark(request), None)

    def _remember(self, request: LeafRequest, promise: _Promise) -> None:
        self._promises[_mark(request)] = promise
        while len(self._promises) > MAX_REMEMBERED:
            self._promises.popitem(last=False)


def _mark(request: LeafRequest) -> bytes:
    """Return what a caller that comes back is known by: the same CSR."""
    return request.csr.public_bytes(serialization.Encoding.DER)
