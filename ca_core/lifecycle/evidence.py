"""Who must know the new anchor before it signs, and who does; pure.

An acknowledgement is a statement of an agent about the bundle that it uses, never an index. Losing
its lease makes an agent unreachable, not uncounted: its leaves are alive, and somebody presents
them.
"""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from ca_core.authority.rows import decoded, trusted_authorities
from ca_core.authority.signerrules import Bundle
from ca_core.identity.certificates import fingerprint
from ca_core.lifecycle.rows import (
    ACKNOWLEDGEMENTS,
    AGENTS,
    AcknowledgementRow,
    AgentRecord,
    Kind,
    OnDeadline,
    OperationRow,
)
from ca_core.state.view import View

_REMEMBERED = 20_000
"""Rows that are kept decoded: every one is looked at whenever one agent acknowledges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Somebody whose acknowledgement counts.

    Attributes:
        node: its name.
        spiffe_id: who it is.
        until: when its last leaf has ended; it counts no longer then.
        holds: fingerprints of the bundle that it acknowledged; None if it never did.
        is_reachable: whether its lease lives.
    """

    node: str
    spiffe_id: str
    until: datetime
    holds: Bundle | None
    is_reachable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known about a distributed anchor.

    Attributes:
        counted: everybody who counts, by node name.
        missing: those that have not acknowledged a bundle with the new anchor.
        expired: the root of what signs now has ended: whoever knows only that one verifies nothing.
    """

    counted: tuple[Counted, ...]
    missing: tuple[Counted, ...]
    expired: bool = False

    @property
    def is_complete(self) -> bool:
        """Say whether everybody who counts has acknowledged."""
        return not self.missing

    @property
    def unreachable(self) -> tuple[Counted, ...]:
        """Return those that are missing and cannot be asked now."""
        return tuple(one for one in self.missing if not one.is_reachable)

    @property
    def bundles(self) -> frozenset[Bundle]:
        """Return every bundle that somebody who counts holds."""
        return frozenset(one.holds for one in self.counted if one.holds is not None)


def digest_of(anchors: Iterable[str]) -> str:
    """Return the digest of a bundle: SHA-256, hex, over its sorted fingerprints.

    Args:
        anchors: SHA-256 of each anchor's DER, 64 lower-case hex digits.
    """
    return hashlib.sha256("\n".join(sorted(set(anchors))).encode()).hexdigest()


def bundle_of(view: View) -> Bundle:
    """Return the fingerprints of the bundle that is given out now."""
    rows = trusted_authorities(view)
    return frozenset(fingerprint(row.anchor_certificate) for row in rows)


def counted(view: View, reachable: Collection[str], now: datetime) -> tuple[Counted, ...]:
    """Return everybody whose acknowledgement counts, by node name.

    Args:
        view: agents and acknowledgements.
        reachable: nodes whose lease lives.
        now: aware UTC; an agent whose last leaf has ended counts only while it is reachable.
    """
    table = view.table(AGENTS)
    agents = (_agent(table[node].value) for node in sorted(table))
    return tuple(
        Counted(
            node=agent.node,
            spiffe_id=agent.spiffe_id,
            until=agent.counts_until,
            holds=_held(view, agent.node),
            is_reachable=agent.node in reachable,
        )
        for agent in agents
        if agent.counts_until > now or agent.node in reachable
    )


def evidence(everybody: tuple[Counted, ...], anchor: str, *, expired: bool = False) -> Evidence:
    """Return what is known about an anchor, by its fingerprint.

    Args:
        everybody: all that count.
        anchor: SHA-256 of its DER, 64 lower-case hex digits.
        expired: the root of what signs now has ended.
    """
    missing = tuple(one for one in everybody if one.holds is None or anchor not in one.holds)
    return Evidence(counted=everybody, missing=missing, expired=expired)


@dataclass(frozen=True, slots=True)
class Go:
    """The new signer may sign now; ``left_behind`` are those who do not know its anchor."""

    left_behind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stay:
    """Not yet: why, and when to look again at the latest (None: when somebody acknowledges)."""

    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The deadline has passed, and the operation is to end."""

    reason: str


_NAMED = 5
"""Agents that a reason names; the others are counted."""


def decided(row: OperationRow, found: Evidence, now: datetime) -> Go | Stay | GiveUp:
    """Return whether a distributed operation may become active.

    1. Force goes on at once. 2. Everybody who counts has acknowledged, or the deadline has passed
    and the operation says what then. 3. Readers that cannot acknowledge had time to settle, unless
    the cross-certificate gives them a path, or the old root has expired: waiting saves nobody then.
    4. Its moment has come.
    """
    behind = tuple(one.spiffe_id for one in found.missing)
    if row.wishes.force:  # (1)
        return Go(behind)
    if not found.is_complete:  # (2)
        verdict = _without_evidence(row, found, now)
        if verdict is not None:
            return verdict
    settled = row.phase_since + row.wishes.settle
    if not (row.crossed or found.expired) and now < settled:  # (3)
        return Stay("readers that cannot acknowledge are given time to settle", settled)
    moment = row.wishes.not_before
    if moment is not None and now < moment:  # (4)
        return Stay("its moment has not come", moment)
    return Go(behind)


def _without_evidence(row: OperationRow, found: Evidence, now: datetime) -> Stay | GiveUp | None:
    """Return what to do while somebody is missing; None to go on without."""
    names = ", ".join(one.node for one in found.missing[:_NAMED])
    rest = len(found.missing) - _NAMED
    more = f" and {rest} more" if rest > 0 else ""
    who = f"{names}{more} did not acknowledge the new root"
    deadline = row.deadline() or now
    if now < deadline:
        return Stay(who, deadline)
    match row.wishes.on_deadline:
        case OnDeadline.WAIT:
            return Stay(who)
        case OnDeadline.ABORT:
            return GiveUp(f"{who} before the deadline")
        case OnDeadline.PROCEED:
            may = row.crossed or row.kind is Kind.TAINT  # a compromised root cannot wait
            return None if may else Stay(f"{who}, and it is not cross-signed")


def _held(view: View, node: str) -> Bundle | None:
    row = view.get(ACKNOWLEDGEMENTS, node)
    if row is None:
        return None
    epoch, bundle = _said(row.value)
    return bundle if epoch == view.epoch else None


@lru_cache(maxsize=_REMEMBERED)
def _agent(value: bytes) -> AgentRecord:
    return decoded(AgentRecord, value)


@lru_cache(maxsize=_REMEMBERED)
def _said(value: bytes) -> tuple[str, Bundle]:
    row = decoded(AcknowledgementRow, value)
    return row.epoch, _same(row.anchors)


@lru_cache(maxsize=64)
def _same(anchors: tuple[str, ...]) -> Bundle:
    """Return a bundle as one object, however many agents hold it."""
    return frozenset(anchors)
