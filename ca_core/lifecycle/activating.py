"""The last step: everything is looked at once more, directly before the new signer signs."""

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime

from ca_core.authority.milestones import tell_signer
from ca_core.authority.rows import (
    AUTHORITIES,
    CROSSES,
    ROOTS_TOPIC,
    SIGNERS,
    AuthorityRow,
    CrossRow,
    SignerRow,
    crosses_of,
    read,
    trusted_authorities,
)
from ca_core.authority.signerrules import Bundle
from ca_core.authority.slot import ProviderSlot
from ca_core.authority.slots import Place
from ca_core.contract.answers import TrustChain
from ca_core.errors import ConflictError
from ca_core.identity.certificates import fingerprint
from ca_core.lifecycle import commits
from ca_core.lifecycle.crosssigning import crossed, has_expired, outlives_need
from ca_core.lifecycle.draft import Draft
from ca_core.lifecycle.evidence import Evidence, Go, bundle_of, decided, evidence
from ca_core.lifecycle.milestones import tell_ended
from ca_core.lifecycle.readiness import opened
from ca_core.lifecycle.rehearsal import rehearse
from ca_core.lifecycle.rows import (
    OPERATIONS,
    POLICY,
    TAINTED_LEAVES,
    Kind,
    OperationPhase,
    OperationRow,
)
from ca_core.lifecycle.tools import Tools
from ca_core.state.protocol import Fence

_log = logging.getLogger("ca_core.lifecycle")


async def activate(tools: Tools, row: OperationRow, fence: Fence) -> None:
    """Rehearse against every bundle that is held, then let the new signer sign.

    Raises:
        ConflictError: something changed meanwhile, who counts among it: look again.
        Error: the rehearsal failed.
    """
    place = Place(row.new.authority, row.new.configuration)
    slot = tools.slots.hold(place)  # and stays open: from the commit on, it is what signs
    try:
        await opened(tools, slot)
        await _activate(tools, row, fence, slot)
    finally:
        tools.slots.release(place)


async def _activate(tools: Tools, row: OperationRow, fence: Fence, slot: ProviderSlot) -> None:
    held = held_bundles(tools, row)
    await _rehearsed(tools, row, held, fence, slot)
    reissue = 0  # what the same signer signed stays as it is
    if row.makes_signer:
        reissue = await asyncio.to_thread(
            tools.record.alive, row.old.authority, row.old.signer, tools.clock.now()
        )
    now = tools.clock.now()
    behind = _left_behind(tools, row, held, now)
    leave_by = now + TAINTED_LEAVES if row.kind is Kind.TAINT else None
    await tools.store.commit_async(
        commits.activated(
            tools.view, row, now, fence, left_behind=behind, reissue=reissue, leave_by=leave_by
        )
    )
    signer = read(tools.view, SignerRow, SIGNERS, row.new.signer)
    if signer is not None and row.makes_signer:
        tell_signer(tools.events, signer)
    tell_ended(tools, row, OperationPhase.ACTIVE, actor=POLICY)
    _log.info("operation %s (%s): active", row.id, row.kind)


def evidence_of(tools: Tools, row: OperationRow) -> Evidence:
    """Return what is known about the anchor that an operation distributes."""
    authority = read(tools.view, AuthorityRow, AUTHORITIES, row.new.authority)
    anchor = fingerprint(authority.anchor_certificate) if authority else ""
    old = read(tools.view, AuthorityRow, AUTHORITIES, row.old.authority)
    expired = old is not None and has_expired(old, tools.clock.now())
    return evidence(tools.everybody(), anchor, expired=expired)


def held_bundles(tools: Tools, row: OperationRow) -> frozenset[Bundle]:
    """Return the bundles that the new chain must satisfy: all that are held, and the one given out.

    One that knows neither the new anchor nor any that vouches for it is left behind: by force, or
    because its holder was left behind before. It must not keep everybody else waiting. Of the
    others only what the chain can lead to counts: one who claims another root each time holds
    nobody up.
    """
    authority = read(tools.view, AuthorityRow, AUTHORITIES, row.new.authority)
    if authority is None:
        raise ConflictError(f"operation {row.id}: what it made is gone")
    vouching = {cross.old for cross in crosses_of(tools.view, authority.id)}
    now = tools.clock.now()
    trusted = () if row.wishes.force else trusted_authorities(tools.view)
    known = [old for old in trusted if old.id in vouching and not has_expired(old, now)]
    ends = {fingerprint(one.anchor_certificate) for one in (authority, *known)}
    reached = ends | {fingerprint(one) for one in authority.certificates}
    held = (one.holds for one in tools.everybody())
    return frozenset(bundle & reached for bundle in held if bundle and bundle & ends) | {
        bundle_of(tools.view)
    }


def _left_behind(
    tools: Tools, row: OperationRow, held: frozenset[Bundle], now: datetime
) -> tuple[str, ...]:
    """Return who does not know the new anchor, if what was rehearsed still counts.

    Raises:
        ConflictError: somebody came or went back meanwhile.
    """
    if not held_bundles(tools, row) <= held:
        raise ConflictError(f"operation {row.id}: other bundles are held than were rehearsed")
    if row.phase is not OperationPhase.DISTRIBUTED:
        return ()
    found = evidence_of(tools, row)
    if not isinstance(decided(row, found, now), Go):
        raise ConflictError(f"operation {row.id}: the evidence does not suffice any more")
    return tuple(one.spiffe_id for one in found.missing)


async def _rehearsed(
    tools: Tools, row: OperationRow, held: Iterable[Bundle], fence: Fence, slot: ProviderSlot
) -> None:
    authority = read(tools.view, AuthorityRow, AUTHORITIES, row.new.authority)
    signer = read(tools.view, SignerRow, SIGNERS, row.new.signer)
    if authority is None or signer is None:
        raise ConflictError(f"operation {row.id}: what it made is gone")
    if row.crossed:
        await _lengthen(tools, row, authority, fence)
    crosses = crosses_of(tools.view, authority.id)
    anchors = [old.anchor_certificate for old in trusted_authorities(tools.view)]
    await rehearse(tools, slot, authority, signer, held, crosses, anchors=anchors)


async def _lengthen(tools: Tools, row: OperationRow, authority: AuthorityRow, fence: Fence) -> None:
    """Cross-sign anew if the wait was so long that the first one ends too soon."""
    key = f"{row.new.authority}.{row.old.authority}"
    cross = read(tools.view, CrossRow, CROSSES, key)
    if cross is not None and outlives_need(cross, tools.clock.now(), tools.leaf_ttl()):
        return
    slot = tools.slots.at(Place(row.new.authority, row.new.configuration))
    newer = await crossed(tools, row, TrustChain(authority.certificates), slot)
    if newer is not None:
        draft = Draft(tools.view)
        draft.unchanged(OPERATIONS, row.id)
        draft.write(CROSSES, newer.key, newer)
        draft.topics.add(ROOTS_TOPIC)
        await tools.store.commit_async(draft.done(fence))
