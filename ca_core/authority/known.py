"""What the guard remembers: authorities, signers, and serial numbers given out of late."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509

from ca_core.authority.signerrules import Bundle
from ca_core.contract.answers import Signer, TrustChain
from ca_core.identity.certificates import subject_key_id
from ca_core.identity.nameconstraints import name_fault
from ca_core.identity.paths import name_constraints_of

SERIALS_REMEMBERED = 4096
"""Per signer: 80 s of signing at the default 50/s; broken counters and replays show at once."""

VERDICTS_REMEMBERED = 1024
"""Per signer; bundles change with the authority, so a handful is in use at a time."""


class RecentSerials:
    """The last serial numbers of one signer. Thread-safe, bounded."""

    def __init__(self, limit: int = SERIALS_REMEMBERED) -> None:
        self._limit = limit
        self._seen: OrderedDict[int, tuple[str, int]] = OrderedDict()
        self._lock = threading.Lock()

    def is_fresh(self, certificate: x509.Certificate, request_id: str) -> bool:
        """Remember the serial number and say whether it is new.

        The same certificate again for the same request is a repeated answer, and fine.
        """
        serial = certificate.serial_number
        given_to = (request_id, hash(certificate.signature))
        with self._lock:
            before = self._seen.setdefault(serial, given_to)
            while len(self._seen) > self._limit:
                self._seen.popitem(last=False)
        return before == given_to


@dataclass(frozen=True, slots=True)
class KnownSigner:
    """A signer whose chain was checked, and what its leaves are checked against.

    Attributes:
        signer: as it stands in the store.
        authority: the chain of its authority.
        permits: the name constraints above a leaf: a fault or None for its names.
        serials: what it gave out of late.
        key_id: the SKI of its certificate.
        not_after: its certificate's, aware UTC.
        ends: aware UTC, when the first certificate of its chain ends.
        reached: bundles, each with the cross-certificates at hand, that its chain was checked for.
    """

    signer: Signer
    authority: TrustChain
    permits: Callable[[Iterable[x509.GeneralName]], str | None]
    key_id: bytes | None
    not_after: datetime
    ends: datetime
    serials: RecentSerials = field(default_factory=RecentSerials)
    reached: set[tuple[Bundle, tuple[str, ...]]] = field(default_factory=set)

    def remember_reached(self, bundle: Bundle, crosses: tuple[str, ...]) -> None:
        """Remember a good verdict; after very many, begin anew."""
        if len(self.reached) >= VERDICTS_REMEMBERED:
            self.reached.clear()
        self.reached.add((bundle, crosses))


def known_signer(signer: Signer, authority: TrustChain) -> KnownSigner:
    """Return what the guard remembers of a signer that it has checked."""
    constraints = tuple(
        found for above in signer.chain if (found := name_constraints_of(above)) is not None
    )

    def permits(names: Iterable[x509.GeneralName]) -> str | None:
        faults = (name_fault(constraint, names) for constraint in constraints)
        return next((fault for fault in faults if fault is not None), None)

    ends = min(certificate.not_valid_after_utc for certificate in signer.chain)
    return KnownSigner(
        signer,
        authority,
        permits,
        key_id=subject_key_id(signer.certificate),
        not_after=signer.certificate.not_valid_after_utc,
        ends=ends,
    )
