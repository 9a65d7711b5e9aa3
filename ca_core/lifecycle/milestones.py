"""Telling plugins how a change of who signs goes, after each commit."""

from ca_core.authority.events import Events
from ca_core.authority.rows import AuthorityRow
from ca_core.contract.events import EventType
from ca_core.identity.certificates import fingerprint
from ca_core.lifecycle.rows import OperationPhase, OperationRow
from ca_core.lifecycle.tools import Tools
from ca_core.telemetry.logs import redacted


def tell_begun(events: Events, row: OperationRow) -> None:
    """Tell that an operation took the change slot."""
    events.tell(
        EventType.OPERATION_BEGUN,
        operation=row.id,
        kind=row.kind.value,
        actor=row.actor,
        old_authority=row.old.authority,
        new_authority=row.new.authority,
    )


def tell_phase(events: Events, row: OperationRow, phase: OperationPhase) -> None:
    """Tell that an operation came into a phase and goes on."""
    events.tell(EventType.OPERATION_PHASE, operation=row.id, kind=row.kind.value, phase=phase.value)


def tell_ended(
    tools: Tools, row: OperationRow, phase: OperationPhase, *, actor: str, reason: str = ""
) -> None:
    """Count and tell that an operation is over, how, and by whom."""
    tools.on_ended(row.kind.value, phase.value)
    tools.events.tell(
        EventType.OPERATION_ENDED,
        operation=row.id,
        kind=row.kind.value,
        phase=phase.value,
        actor=actor,
        reason=redacted(reason),
    )


def tell_retired(events: Events, row: AuthorityRow) -> None:
    """Tell that an authority has left the bundle."""
    events.tell(
        EventType.AUTHORITY_RETIRED,
        authority=row.id,
        provider=row.provider,
        root_sha256=fingerprint(row.anchor_certificate),
        tainted="yes" if row.tainted else "no",
    )
