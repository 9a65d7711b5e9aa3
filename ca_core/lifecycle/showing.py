"""An operation as others see it: its row, and what is known at this moment."""

import asyncio
from datetime import datetime

from ca_core.authority.rows import AUTHORITIES, CONFIGURATIONS, AuthorityRow, ConfigurationRow, read
from ca_core.errors import Error
from ca_core.lifecycle.activating import evidence_of
from ca_core.lifecycle.commits import rolled_back
from ca_core.lifecycle.evidence import Counted, Evidence, Go, decided
from ca_core.lifecycle.lifecycle import Lifecycle
from ca_core.lifecycle.rows import OPEN, PASSES, OperationPhase, OperationRow
from ca_core.lifecycle.slowreaders import Behind
from ca_core.state.view import View
from ca_core.wire.operations import Missing, OperationAnswer, Progress, Step
from ca_core.wire.times import wire_time

NAMED = 100
"""Agents that are named; the others are only counted."""

_NOBODY = Evidence(counted=(), missing=())


async def shown_operation(lifecycle: Lifecycle, row: OperationRow) -> OperationAnswer:
    """Return an operation with its progress.

    Raises:
        UnavailableError: the issuance record cannot be read now.
    """
    view, now = lifecycle.tools.view, lifecycle.tools.clock.now()
    found = evidence_of(lifecycle.tools, row) if _asks_agents(row) else _NOBODY
    progress = await _progress(lifecycle, row, found, now)
    waits = waits_for(row, found, now)
    return OperationAnswer(
        id=row.id,
        kind=row.kind.value,
        phase=row.phase.value,
        actor=row.actor,
        old_authority=row.old.authority,
        new_authority=row.new.authority,
        old_signer=row.old.signer,
        new_signer=row.new.signer,
        old_provider=_provider(view, row.old.configuration, row.old.authority),
        new_provider=_provider(view, row.new.configuration, row.new.authority),
        crossed=row.crossed,
        forced=row.wishes.force,
        deadline=_when(row.deadline()),
        on_deadline=row.wishes.on_deadline.value,
        not_before=_when(row.wishes.not_before),
        waits_for=waits,
        step_failed=step_failed(row, waits),
        reason=row.reason,
        left_behind=row.left_behind,
        history=tuple(Step(phase=step.phase.value, at=wire_time(step.at)) for step in row.history),
        progress=progress,
        can_abort=row.is_open,
        can_roll_back=can_roll_back(view, row, now),
    )


def nothing_changed(kind: str, authority: str = "") -> OperationAnswer:
    """Return the answer where no operation was needed: it has no id."""
    return OperationAnswer(
        id="",
        kind=kind,
        phase=OperationPhase.ACTIVE.value,
        actor="",
        old_authority=authority,
        new_authority=authority,
        old_signer="",
        new_signer="",
        old_provider="",
        new_provider="",
        crossed=False,
        forced=False,
        deadline="",
        on_deadline="",
        not_before="",
        waits_for="",
        reason="",
        left_behind=(),
        history=(),
        progress=Progress(counted=0, acknowledged=0, missing=(), leaves=0, reissued=0),
        can_abort=False,
        can_roll_back=False,
    )


def can_roll_back(view: View, row: OperationRow, now: datetime) -> bool:
    """Say whether rolling back would be accepted now."""
    try:
        rolled_back(view, row, now)
    except Error:
        return False
    return True


def _provider(view: View, configuration: str, authority: str) -> str:
    """Return the provider's name; '' once nothing is known of it any more."""
    row = read(view, ConfigurationRow, CONFIGURATIONS, configuration)
    if row is not None:
        return row.provider
    made = read(view, AuthorityRow, AUTHORITIES, authority)
    return "" if made is None else made.provider


def waits_for(row: OperationRow, found: Evidence, now: datetime) -> str:
    """Return why an operation does not go on, as the evidence is now; '' while it does.

    What was noted about the evidence of before counts no more; a step that failed does.
    """
    if not row.is_open:
        return ""
    failed = "" if row.blames else row.error
    if row.phase is OperationPhase.DISTRIBUTED:
        verdict = decided(row, found, now)
        if not isinstance(verdict, Go):
            return (found.is_complete and _at_its_moment(row, now)) or verdict.reason
    return failed or _at_its_moment(row, now)


def step_failed(row: OperationRow, waits: str) -> bool:
    """Say whether what an operation waits for is that its step failed, and is tried again."""
    return waits != "" and waits == row.error and not row.blames


def _at_its_moment(row: OperationRow, now: datetime) -> str:
    if not row.waits_for_its_moment(now):
        return ""
    return f"it becomes active at {_when(row.wishes.not_before)} at the earliest"


async def _progress(
    lifecycle: Lifecycle, row: OperationRow, found: Evidence, now: datetime
) -> Progress:
    told = lifecycle.tools.slow_readers
    leaves, reissued = await _leaves(lifecycle, row, now)
    return Progress(
        counted=len(found.counted),
        acknowledged=len(found.counted) - len(found.missing),
        missing=tuple(_missing(one, told.of(one.node, now)) for one in found.missing[:NAMED]),
        leaves=leaves,
        reissued=reissued,
    )


def _asks_agents(row: OperationRow) -> bool:
    """Say whether anybody's acknowledgement counts, or counted."""
    lives = row.phase in OPEN or row.phase is OperationPhase.ACTIVE
    return lives and OperationPhase.DISTRIBUTED in PASSES[row.kind]


def _missing(one: Counted, behind: Behind) -> Missing:
    return Missing(
        node=one.node,
        spiffe_id=one.spiffe_id,
        reachable=one.is_reachable,
        until=wire_time(one.until),
        readers_behind=behind.count,
        readers=behind.readers,
    )


async def _leaves(lifecycle: Lifecycle, row: OperationRow, now: datetime) -> tuple[int, int]:
    """Return how many leaves are to be re-issued, and how many of them were."""
    if not row.makes_signer:
        return 0, 0
    holdings, signer = lifecycle.holdings, row.old.signer
    if row.is_open:
        return await asyncio.to_thread(holdings.alive, signer, now), 0
    if row.phase is not OperationPhase.ACTIVE:
        return row.reissue, 0
    left = await asyncio.to_thread(holdings.outstanding, signer, row.phase_since, now)
    return row.reissue, max(0, row.reissue - left)


def _when(moment: datetime | None) -> str:
    return "" if moment is None else wire_time(moment)
