"""What the agent knows about one leaf of one caller, and when it needs attention."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from ca_core.acl.principal import Anonymous, Principal, partition_key
from ca_core.agent.joining import Draw
from ca_core.agent.leafbody import LeafBody
from ca_core.agent.renewal import (
    ROOT_CHANGE_SPREAD,
    Failures,
    LeafState,
    hurried,
    life_left,
    state_of,
)
from ca_core.agent.signing import Signing
from ca_core.agent.waiting import Gathering
from ca_core.errors import Error
from ca_core.identity.csr import IPAddress

IDLE_LIFE = timedelta(hours=72)
"""A leaf nobody asked for in this time is forgotten, and no longer renewed."""
EMPTY_LIFE = timedelta(minutes=10)
"""A record that never held a leaf remembers only why; that is soon worth nothing."""
BYTES_OF_RECORD = 3_400
"""What a leaf takes besides its answer, measured."""

_NOBODY = Anonymous()


class LeafName(NamedTuple):
    """Whose leaf of which service with which names: the key of a record.

    ``partition`` separates callers from one another (``acl.principal.partition_key``). A tuple,
    because one is made and hashed for every request.
    """

    partition: str
    service: str
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[IPAddress, ...] = ()


def leaf_name(
    principal: Principal,
    service: str,
    dns_names: tuple[str, ...],
    ip_addresses: tuple[IPAddress, ...],
) -> LeafName:
    """Return the key of a caller's record: the set of names counts, not how it was written.

    DNS names are the same in upper and lower case (RFC 4343); names stand in one order, once each.
    """
    partition = partition_key(principal)
    if not dns_names and not ip_addresses:
        return LeafName(partition, service)
    lowered = {name.lower() for name in dns_names}
    addresses = sorted(set(ip_addresses), key=lambda one: (one.version, one.packed))
    return LeafName(partition, service, tuple(sorted(lowered)), tuple(addresses))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLeaf:
    """A leaf with its key, verified, and the moments drawn for it.

    Attributes:
        body: what is answered.
        not_before, not_after: validity, inclusive.
        issued_at: when it was received, by this host's clock.
        renew_at: drawn once at issue.
        asked_under: mark of what signed, as known here, when it was asked for; a leaf is renewed
            once for another signer, not again if that changed nothing.
        index: at least 1, different from that of the leaf before.
        revoked: it is good no longer, although it has not ended.
    """

    body: LeafBody
    not_before: datetime
    not_after: datetime
    issued_at: datetime
    renew_at: datetime
    asked_under: str
    index: int
    revoked: bool = False

    @property
    def signer_key_id(self) -> str:
        """Return its AKI, colon hex: the SKI of what signed it."""
        return self.body.chain.signer.key_id

    def is_of(self, signing: Signing) -> bool:
        """Say whether it is what a renewal would bring: theirs, or asked for when they signed."""
        return self.asked_under == signing.mark or signing.signed(self.body.chain.signer)

    def state(self, now: datetime) -> LeafState:
        """Return what the leaf is good for at ``now``."""
        if self.revoked:
            return LeafState.REVOKED
        return state_of(
            now, not_before=self.not_before, renew_at=self.renew_at, not_after=self.not_after
        )

    def servable(self, now: datetime) -> bool:
        """Say whether the leaf may be answered: it is valid at ``now``."""
        return self.not_before <= now <= self.not_after and not self.revoked


@dataclass(slots=True, kw_only=True, eq=False)
class LeafRecord:
    """One entry of the leaf cache; changed on the event loop only.

    Attributes:
        principal: whose it is; of a user, the process that asked first.
        last_used: last request for it.
        failures: the run of failed attempts since the last good one.
        error: why the last attempt failed.
        hurry: (mark of what signs, moment): renew by then because that signs now.
        fetch: the one attempt under way.
        readers: requests that wait for another leaf.
        scheduled: the earliest moment for which the timetable holds an entry.
        withdrawn: it was forgotten, or its owner lost the right; nothing of it is handed out.
        wanted_at: when a leaf is asked for although nobody waits for it: it had one before.
    """

    name: LeafName
    last_used: datetime
    principal: Principal = _NOBODY
    leaf: HeldLeaf | None = None
    failures: Failures | None = None
    error: Error | None = None
    hurry: tuple[str, datetime] | None = None
    fetch: asyncio.Task[Error | None] | None = None
    readers: Gathering = field(default_factory=Gathering)
    scheduled: datetime | None = None
    withdrawn: bool = False
    wanted_at: datetime | None = None

    @property
    def busy(self) -> bool:
        """Say whether somebody waits for it, or it is on its way."""
        return self.fetch is not None or len(self.readers) > 0

    @property
    def size(self) -> int:
        """Return the bytes that it takes, about; what its signer adds is stored elsewhere."""
        if self.leaf is None:
            return BYTES_OF_RECORD
        return BYTES_OF_RECORD + len(self.leaf.body.head) + len(self.leaf.body.tail)

    def renew_at(self) -> datetime | None:
        """Return when the agent renews on its own; None if there is nothing to renew."""
        if self.leaf is None and self.wanted_at is None:
            return None
        if self.failures is not None:
            return self.failures.retry_at
        if self.leaf is None:
            return self.wanted_at
        return min(self.leaf.renew_at, self.hurry[1]) if self.hurry else self.leaf.renew_at

    def is_due(self, now: datetime) -> bool:
        """Say whether the agent renews it now."""
        renew_at = self.renew_at()
        return renew_at is not None and renew_at <= now

    def due(self) -> datetime:
        """Return the next moment at which this record needs attention."""
        idle_at, renew_at = self._idle_at(), self.renew_at()
        return idle_at if renew_at is None else min(idle_at, renew_at)

    def idle(self, now: datetime) -> bool:
        """Say whether nobody wants this record any more."""
        return now >= self._idle_at() and self.fetch is None and not len(self.readers)

    def _idle_at(self) -> datetime:
        return self.last_used + (EMPTY_LIFE if self.leaf is None else IDLE_LIFE)

    def may_ask(self, now: datetime) -> bool:
        """Say whether a reader may cause an attempt now: not before the Retry-After."""
        return self.failures is None or now >= self.failures.not_before

    def give_up_leaf(self, now: datetime) -> None:
        """Never answer its leaf again, which was revoked; another one is due at once.

        Not before a server's Retry-After, if that was asked for.
        """
        if self.leaf is not None:
            self.leaf = replace(self.leaf, revoked=True, renew_at=now)
        if self.may_ask(now):
            self.failures = None

    def follow(
        self, signing: Signing, now: datetime, draw: Draw, spread: timedelta = ROOT_CHANGE_SPREAD
    ) -> None:
        """Renew within ``spread`` if another one signs now.

        Drawn once for each that signs, and again if what was drawn lies beyond ``spread``: it has
        become urgent.
        """
        if self.leaf is None or self.leaf.is_of(signing):
            self.hurry = None
        elif self.hurry is None or self.hurry[0] != signing.mark or self.hurry[1] > now + spread:
            left = life_left(now, issued_at=self.leaf.issued_at, not_after=self.leaf.not_after)
            self.hurry = (signing.mark, hurried(now, draw(), left=left, spread=spread))
