"""The one who carries operations out: on the server that holds the lease, step by step.

A step is decided on what the store says and ends in one commit, so a server that dies anywhere is
continued by whoever holds the lease next.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from enum import Enum, auto

from ca_core.authority.bringup import Leadership
from ca_core.authority.milestones import tell_authority, tell_signer
from ca_core.authority.rows import (
    AUTHORITIES,
    CROSSES,
    SIGNERS,
    AuthorityRow,
    CrossRow,
    SignerRow,
    crosses_of,
    put,
    read,
    trusted_authorities,
)
from ca_core.authority.signerrules import Bundle
from ca_core.authority.slot import retry_pause
from ca_core.authority.slots import Place
from ca_core.contract.answers import TrustChain
from ca_core.errors import (
    CapabilityUnsupportedError,
    ConfigError,
    ConflictError,
    Error,
    GuardError,
    PendingError,
    PermissionDeniedError,
    RequestError,
)
from ca_core.identity.certificates import fingerprint
from ca_core.lifecycle import commits
from ca_core.lifecycle.crosssigning import crossed, has_expired, outlives_need
from ca_core.lifecycle.evidence import (
    Evidence,
    GiveUp,
    Go,
    Stay,
    bundle_of,
    decided,
    evidence,
)
from ca_core.lifecycle.making import made
from ca_core.lifecycle.milestones import tell_ended, tell_phase
from ca_core.lifecycle.readiness import opened
from ca_core.lifecycle.rehearsal import rehearse
from ca_core.lifecycle.rows import (
    ACKNOWLEDGEMENTS_TOPIC,
    AGENTS_TOPIC,
    OPERATIONS_TOPIC,
    POLICY,
    Kind,
    OperationPhase,
    OperationRow,
    open_operation,
)
from ca_core.lifecycle.tools import Tools
from ca_core.state.protocol import Fence, Transaction

LOOK_AGAIN = timedelta(seconds=2)
"""Leases end without a commit, so evidence is looked at this often while somebody is missing."""

BREATHS = 4
"""Times as long as counting took nobody is counted: each of ten thousand agents that acknowledges
wakes the driver, and a fifth of the loop is enough for that."""

IDLE = timedelta(seconds=60)

_TOPICS = (OPERATIONS_TOPIC, ACKNOWLEDGEMENTS_TOPIC, AGENTS_TOPIC)

TAINTED_LEAVES = timedelta(minutes=5)
"""A compromised authority leaves the bundle this long after another one signs, at the latest."""

_PERMANENT = (ConfigError, GuardError, PermissionDeniedError, CapabilityUnsupportedError)

_log = logging.getLogger("ca_core.lifecycle")


class Fault(Enum):
    """What to do about an error of a step."""

    RACE = auto()
    """Somebody was faster: look again."""
    PASSING = auto()
    """Try again after a pause."""
    LASTING = auto()
    """Trying again does not mend it: the operation fails, everything stays as it was."""


def fault_of(error: Error) -> Fault:
    """Return what to do about an error of a step."""
    if isinstance(error, ConflictError):
        return Fault.RACE
    if isinstance(error, (*_PERMANENT, RequestError)):
        return Fault.LASTING
    return Fault.PASSING


class Driver:
    """Carries out the operation in the change slot. Lives on one event loop."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._failures = 0

    async def run(self, leadership: Leadership) -> None:
        """Carry out whatever operation there is, for ever; cancel to end."""
        while True:
            fence = await leadership.held()
            seen = self._tools.view.topic_index(*_TOPICS)
            row = open_operation(self._tools.view)
            pause = IDLE if row is None else await self._tried(row, fence)
            await self._tools.rest(_TOPICS, seen, pause)

    async def _tried(self, row: OperationRow, fence: Fence) -> timedelta:
        """Try one step; return how long to wait before the next look."""
        try:
            pause = await self._step(row, fence)
        except PendingError as pending:
            await self._note(row, "the backend answers later")
            return pending.poll_after
        except Error as error:
            return await self._failed(row, error, fence)
        self._failures = 0
        return pause

    async def _step(self, row: OperationRow, fence: Fence) -> timedelta:
        match row.phase:
            case OperationPhase.PLANNED:
                await self._prepare(row, fence)
            case OperationPhase.PREPARED if row.makes_authority:
                await self._distribute(row, fence)
            case OperationPhase.PREPARED:
                return await self._activate(row, fence, None)
            case _:
                return await self._weigh(row, fence)
        return timedelta()

    async def _prepare(self, row: OperationRow, fence: Fence) -> None:
        found = await made(self._tools, row)
        tools = self._tools
        await tools.store.commit_async(
            commits.prepared(tools.view, row, found, tools.clock.now(), fence)
        )
        tell_phase(tools.events, row, OperationPhase.PREPARED)
        _log.info("operation %s (%s): prepared, crossed: %s", row.id, row.kind, found.crosses != ())

    async def _distribute(self, row: OperationRow, fence: Fence) -> None:
        tools = self._tools
        await tools.store.commit_async(
            commits.distributed(tools.view, row, tools.clock.now(), fence)
        )
        authority = read(tools.view, AuthorityRow, AUTHORITIES, row.new.authority)
        if authority is not None:
            tell_authority(tools.events, authority, adopted=False)
        tell_phase(tools.events, row, OperationPhase.DISTRIBUTED)
        _log.info("operation %s (%s): the new root is distributed", row.id, row.kind)

    async def _weigh(self, row: OperationRow, fence: Fence) -> timedelta:
        """Go on if the evidence suffices; else say who is missing."""
        clock, now = self._tools.clock, self._tools.clock.now()
        began = clock.monotonic()
        found = evidence_of(self._tools, row)
        took = clock.monotonic() - began
        match decided(row, found, now):
            case Go():
                return await self._activate(row, fence, found)
            case Stay(reason, until):
                await self._note(row, reason)
                await clock.sleep(BREATHS * took)
                return min(LOOK_AGAIN, max(until - now, timedelta())) if until else LOOK_AGAIN
            case GiveUp(reason):
                await self._end(row, OperationPhase.ABORTED, reason, fence)
        return timedelta()

    async def _activate(self, row: OperationRow, fence: Fence, found: Evidence | None) -> timedelta:
        tools = self._tools
        moment = row.wishes.not_before
        if found is None and moment is not None and tools.clock.now() < moment:
            return min(IDLE, moment - tools.clock.now())
        await self._rehearse_again(row, found)
        now = tools.clock.now()
        leave_by = now + TAINTED_LEAVES if row.kind is Kind.TAINT else None
        missing = () if found is None else tuple(one.spiffe_id for one in found.missing)
        alive = tools.record.alive
        reissue = 0  # what the same signer signed stays as it is
        if row.makes_signer:
            reissue = await asyncio.to_thread(alive, row.old.authority, row.old.signer, now)
        await tools.store.commit_async(
            commits.activated(
                tools.view,
                row,
                now,
                fence,
                left_behind=missing,
                reissue=reissue,
                leave_by=leave_by,
            )
        )
        signer = read(tools.view, SignerRow, SIGNERS, row.new.signer)
        if signer is not None and row.makes_signer:
            tell_signer(tools.events, signer)
        tell_ended(tools.events, row, OperationPhase.ACTIVE, actor=POLICY)
        _log.info("operation %s (%s): active", row.id, row.kind)
        return timedelta()

    async def _rehearse_again(self, row: OperationRow, found: Evidence | None) -> None:
        """Rehearse directly before the commit, against every bundle that is held."""
        tools = self._tools
        place = Place(row.new.authority, row.new.configuration)
        authority = read(tools.view, AuthorityRow, AUTHORITIES, row.new.authority)
        signer = read(tools.view, SignerRow, SIGNERS, row.new.signer)
        if authority is None or signer is None:
            raise ConflictError(f"operation {row.id}: what it made is gone")
        slot = tools.slots.hold(place)
        try:
            await opened(tools, slot)
            if row.crossed:
                await self._lengthen(row, authority)
            crosses = crosses_of(tools.view, authority.id)
            anchors = [old.anchor_certificate for old in trusted_authorities(tools.view)]
            bundles = _bundles(tools, row, found)
            await rehearse(tools, slot, authority, signer, bundles, crosses, anchors=anchors)
        finally:
            tools.slots.release(place)

    async def _lengthen(self, row: OperationRow, authority: AuthorityRow) -> None:
        """Cross-sign anew if the wait was so long that the first one ends too soon."""
        tools = self._tools
        key = f"{row.new.authority}.{row.old.authority}"
        cross = read(tools.view, CrossRow, CROSSES, key)
        if cross is not None and outlives_need(cross, tools.clock.now(), tools.leaf_ttl()):
            return
        slot = tools.slots.at(Place(row.new.authority, row.new.configuration))
        newer = await crossed(tools, row, TrustChain(authority.certificates), slot)
        if newer is not None:
            change = put(CROSSES, newer.key, newer)
            await tools.store.commit_async(Transaction(changes=(change,)))

    async def _failed(self, row: OperationRow, error: Error, fence: Fence) -> timedelta:
        match fault_of(error):
            case Fault.RACE:
                return timedelta()
            case Fault.LASTING:
                await self._end(row, OperationPhase.FAILED, str(error), fence)
                return timedelta()
            case Fault.PASSING:
                self._failures += 1
                await self._note(row, str(error))
                return retry_pause(self._failures, error)

    async def _end(
        self, row: OperationRow, phase: OperationPhase, reason: str, fence: Fence
    ) -> None:
        tools = self._tools
        _log.warning("operation %s (%s) %s: %s", row.id, row.kind, phase, reason)
        try:
            await tools.store.commit_async(
                commits.ended(tools.view, row, phase, tools.clock.now(), fence, reason=reason)
            )
        except RequestError:
            return  # somebody else ended it meanwhile
        tell_ended(tools.events, row, phase, actor=POLICY, reason=reason)

    async def _note(self, row: OperationRow, error: str) -> None:
        transaction = commits.noted(self._tools.view, row, error)
        if transaction is None:
            return
        _log.warning("operation %s (%s) waits: %s", row.id, row.kind, error)
        try:
            await self._tools.store.commit_async(transaction)
        except ConflictError:
            return  # it went on


def evidence_of(tools: Tools, row: OperationRow) -> Evidence:
    """Return what is known about the anchor that an operation distributes."""
    authority = read(tools.view, AuthorityRow, AUTHORITIES, row.new.authority)
    anchor = fingerprint(authority.anchor_certificate) if authority else ""
    old = read(tools.view, AuthorityRow, AUTHORITIES, row.old.authority)
    expired = old is not None and has_expired(old, tools.clock.now())
    return evidence(tools.everybody(), anchor, expired=expired)


def _bundles(tools: Tools, row: OperationRow, found: Evidence | None) -> tuple[Bundle, ...]:
    """Return the bundles that the new chain must satisfy: all that are held, and the one given out.

    Those that a forced or tainted operation leaves behind are not among them.
    """
    ours: tuple[Bundle, ...] = (bundle_of(tools.view),)
    if found is None:
        held = (one.holds for one in tools.everybody())
        return ours + tuple(bundle for bundle in held if bundle is not None)
    if row.wishes.force or row.crossed:
        anchor = evidence_anchor(tools, row)
        return ours + tuple(bundle for bundle in found.bundles if anchor in bundle)
    return ours + tuple(found.bundles)


def evidence_anchor(tools: Tools, row: OperationRow) -> str:
    """Return the fingerprint of the new authority's anchor; '' if it is gone."""
    authority = read(tools.view, AuthorityRow, AUTHORITIES, row.new.authority)
    return fingerprint(authority.anchor_certificate) if authority else ""


def activation_moment(row: OperationRow) -> datetime | None:
    """Return when an operation became active, or None."""
    found = (step.at for step in row.history if step.phase is OperationPhase.ACTIVE)
    return next(found, None)
