"""Leaves are revoked, and CRLs served: made by the provider, kept for a few seconds.

Anybody may ask for a CRL, and making one costs a signature; the memory keeps strangers from taking
the signing thread.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from weakref import WeakValueDictionary

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from ca_core.authority.bringup import new_id
from ca_core.authority.guard import GuardedProvider
from ca_core.authority.introductions import Introductions
from ca_core.authority.revokedleaves import revoked
from ca_core.authority.rows import (
    AUTHORITIES,
    SIGNERS,
    AuthorityRow,
    Phase,
    SignerRow,
    authorities,
    decoded,
    read,
)
from ca_core.authority.slots import Slots, place_of
from ca_core.clock import Clock
from ca_core.contract.requests import CrlRequest, RevokeRequest
from ca_core.errors import Error, NotFoundError, UnavailableError
from ca_core.state.store import Store

KEPT_FOR = timedelta(seconds=5)
"""A revocation is visible after this long at the latest."""

TIME_LIMIT = timedelta(seconds=10)

Crls = tuple[x509.CertificateRevocationList, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    crls: Crls
    until: datetime


class CrlService:
    """Serves the CRLs of authorities; lives on one event loop."""

    def __init__(self, store: Store, slots: Slots, introduced: Introductions, clock: Clock) -> None:
        self._store = store
        self._slots = slots
        self._introduced = introduced
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._making: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def current(self, authority: str) -> Crls:
        """Return the CRL of every signer of an authority, at most ``KEPT_FOR`` old.

        Raises:
            NotFoundError: no authority of that id lives.
            CapabilityUnsupportedError: its provider does not revoke.
        """
        row = read(self._store.snapshot, AuthorityRow, AUTHORITIES, authority)
        if row is None or row.phase is Phase.RETIRED:
            raise NotFoundError(f"no authority {authority!r}", field="authority")
        async with self._making.setdefault(authority, asyncio.Lock()):
            kept = self._kept.get(authority)
            if kept is None or kept.until <= self._clock.now():
                crls = tuple([await self._made(row, signer) for signer in self._signers(authority)])
                self._forget_old()
                kept = self._kept[authority] = _Kept(crls, self._clock.now() + KEPT_FOR)
        return kept.crls

    async def revoke(
        self, certificate: x509.Certificate, reason: x509.ReasonFlags
    ) -> tuple[AuthorityRow, SignerRow]:
        """Revoke a leaf, tell agents, and return who signed it; a second time changes nothing.

        A server that dies between the two has told nobody: then the second time tells.

        Raises:
            NotFoundError: no signer that lives issued it.
            CapabilityUnsupportedError: its provider does not revoke.
            UnavailableError: it is revoked, but the store cannot be written: agents are not told.
            Error: the provider failed.
        """
        authority, signer = self._issuer_of(certificate)
        slot = self._slots.at(place_of(authority))
        await self._introduced.make(slot, authority, signer)
        request = RevokeRequest(
            request_id=new_id("revoke"),
            deadline=self._clock.now() + TIME_LIMIT,
            certificate=certificate,
            signer=signer.id,
            reason=reason,
        )
        await slot.call(partial(_revoke, request))
        self._kept.pop(authority.id, None)
        await self._tell(certificate)
        return authority, signer

    async def _tell(self, leaf: x509.Certificate) -> None:
        """Have agents told that a leaf was revoked: the one that holds it serves it no more."""
        now, store = self._clock.now(), self._store
        try:
            await asyncio.to_thread(store.update, lambda view: revoked(view, leaf, now))
        except Error as error:
            raise UnavailableError(
                f"the leaf is revoked, but agents could not be told: {error}",
                hint="revoke it again: that tells them",
            ) from error

    def _issuer_of(self, certificate: x509.Certificate) -> tuple[AuthorityRow, SignerRow]:
        for authority in authorities(self._store.snapshot):
            if authority.phase is Phase.RETIRED:
                continue
            for signer in self._signers(authority.id):
                if _is_from(certificate, signer.certificates[0]):
                    return authority, signer
        raise NotFoundError(
            "no signer of this cluster issued this certificate, or that signer is gone",
            field="Certificate",
            hint="a leaf of a retired signer has expired, or is trusted by nobody",
        )

    def _forget_old(self) -> None:
        """Forget what nobody is given any more, that of retired authorities among it."""
        now = self._clock.now()
        self._kept = {name: kept for name, kept in self._kept.items() if kept.until > now}

    def _signers(self, authority: str) -> list[SignerRow]:
        table = self._store.snapshot.table(SIGNERS).values()
        rows = (decoded(SignerRow, row.value) for row in table)
        return sorted((row for row in rows if row.authority == authority), key=lambda row: row.id)

    async def _made(
        self, authority: AuthorityRow, signer: SignerRow
    ) -> x509.CertificateRevocationList:
        slot = self._slots.at(place_of(authority))
        await self._introduced.make(slot, authority, signer)
        deadline = self._clock.now() + TIME_LIMIT
        request = CrlRequest(request_id=new_id("crl"), deadline=deadline, signer=signer.id)
        return await slot.call(partial(_crl, request))


def _is_from(certificate: x509.Certificate, signer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(signer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _revoke(request: RevokeRequest, provider: GuardedProvider) -> None:
    provider.revoke(request)


def _crl(request: CrlRequest, provider: GuardedProvider) -> x509.CertificateRevocationList:
    return provider.crl(request)
