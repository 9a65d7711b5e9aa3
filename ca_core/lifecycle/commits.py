"""The commits of an operation, as pure functions: a view in, one transaction out.

Whatever changes who signs, what is trusted, the configuration and the operation's phase is in one
transaction, so nothing is ever half-changed. Every transaction expects the rows that it was decided
on; a loser of a race gets ``ConflictError`` and looks again.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from ca_core.authority.ceilings import CEILINGS
from ca_core.authority.rows import (
    AUTHORITIES,
    CONFIGURATIONS,
    CROSSES,
    CURRENT,
    ROOTS_TOPIC,
    SIGNERS,
    SIGNERS_TOPIC,
    AuthorityRow,
    ConfigurationRow,
    CrossRow,
    CurrentRow,
    Phase,
    SignerRow,
    read,
)
from ca_core.errors import ConflictError, RequestError
from ca_core.lifecycle.disused import (
    secret_keys,
    unused_configurations,
)
from ca_core.lifecycle.draft import MOST_GONE, Draft, forget, rows_of_authority
from ca_core.lifecycle.history import kept
from ca_core.lifecycle.rows import (
    CHANGE,
    OPERATIONS,
    OPERATIONS_TOPIC,
    Kind,
    OperationPhase,
    OperationRow,
    PhaseChange,
    SlotRow,
    open_operation,
    operation,
    operations,
)
from ca_core.lifecycle.standing import require_standing
from ca_core.lifecycle.wayback import require_way_back
from ca_core.state.protocol import ABSENT, Fence, Transaction
from ca_core.state.secrets import SECRETS
from ca_core.state.view import View
from ca_core.telemetry.logs import redacted


def refuse_second(view: View) -> None:
    """Refuse while an operation holds the change slot.

    Raises:
        ConflictError: it does, and is named.
    """
    other = open_operation(view)
    if other is not None:
        raise ConflictError(
            f"operation {other.id} ({other.kind}) is {other.phase}",
            hint=f"wait for it, or end it: `ca-core ca abort {other.id}`",
        )


def begun(
    view: View, row: OperationRow, configuration: ConfigurationRow | None, stood: str = ""
) -> Transaction:
    """Begin an operation: it takes the change slot.

    Args:
        view: what it was decided on.
        row: in phase ``planned``.
        configuration: the new one, if there is one.
        stood: id of the one that it was compared with.

    Raises:
        ConflictError: another operation holds the slot, and is named; or what it was decided on
            has changed.
    """
    refuse_second(view)
    draft = Draft(view)
    draft.unchanged(CURRENT, "signer")  # what signs now is where it begins
    current = read(view, CurrentRow, CURRENT, "signer")
    if current != CurrentRow(authority=row.old.authority, signer=row.old.signer):
        raise ConflictError("another one signs meanwhile: look again")
    draft.write(OPERATIONS, row.id, row)
    draft.write(CHANGE, "slot", SlotRow(operation=row.id))
    if configuration is not None:
        require_standing(draft, stood)
        _configure(draft, configuration)
    stay = kept(operations(view))
    for old in set(view.table(OPERATIONS)) - {one.id for one in stay}:
        draft.remove(OPERATIONS, old)
    forget(draft, unused_configurations(view, (*stay, row)), configuration)
    draft.topics.add(OPERATIONS_TOPIC)
    return draft.done(None)


def _configure(draft: Draft, configuration: ConfigurationRow) -> None:
    """Write a configuration, whose secrets must not have been forgotten meanwhile."""
    for key in secret_keys(configuration):
        if draft.view.get(SECRETS, key) is None:
            raise ConflictError("a secret of the configuration was removed meanwhile: ask again")
        draft.unchanged(SECRETS, key)
    draft.write(CONFIGURATIONS, configuration.id, configuration)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What an operation has made and rehearsed; None or empty where it makes nothing."""

    authority: AuthorityRow | None = None
    signer: SignerRow | None = None
    crosses: tuple[CrossRow, ...] = ()


def touched(view: View, row: OperationRow) -> Transaction:
    """Note that something is about to be made: from now on a backend may hold it.

    Raises:
        ConflictError: the operation went on, or ended.
    """
    draft = Draft(view)
    standing = _unmoved(view, row)
    draft.write(OPERATIONS, row.id, msgspec.structs.replace(standing, touched=True))
    return draft.done(None)


def prepared(view: View, row: OperationRow, made: Made, now: datetime, fence: Fence) -> Transaction:
    """Keep what was made and rehearsed; nobody trusts it yet."""
    draft = Draft(view)
    crossed = bool(made.crosses)
    _move(draft, row, OperationPhase.PREPARED, now, crossed=crossed)
    if made.authority is not None:
        draft.write(AUTHORITIES, made.authority.id, made.authority)
    if made.signer is not None:
        draft.write(SIGNERS, made.signer.id, made.signer)
    for cross in made.crosses:
        draft.write(CROSSES, cross.key, cross)
    draft.topics.add(SIGNERS_TOPIC)  # not the roots': nobody who waits for those has news here
    return draft.done(fence)


def distributed(view: View, row: OperationRow, now: datetime, fence: Fence) -> Transaction:
    """Put the new anchor into the bundle."""
    draft = Draft(view)
    _move(draft, row, OperationPhase.DISTRIBUTED, now)
    draft.authority(row.new.authority, phase=Phase.TRUSTED, phase_since=now)
    return draft.done(fence)


def activated(  # noqa: PLR0913 - what is known of the moment, each fact once
    view: View,
    row: OperationRow,
    now: datetime,
    fence: Fence,
    *,
    left_behind: tuple[str, ...] = (),
    reissue: int = 0,
    leave_by: datetime | None = None,
) -> Transaction:
    """Let the new signer sign: current, phases and configuration in one commit.

    Args:
        view: what it was decided on.
        row: the operation.
        now: aware UTC.
        fence: the lease under which it is written.
        left_behind: counted agents without the new anchor.
        reissue: leaves alive under the old signer.
        leave_by: when a tainted authority leaves the bundle at the latest.
    """
    draft = Draft(view)
    _move(draft, row, OperationPhase.ACTIVE, now, left_behind=left_behind, reissue=reissue)
    draft.remove(CHANGE, "slot")
    tainted = {"tainted": True, "leave_by": leave_by} if row.kind is Kind.TAINT else {}
    if row.makes_authority:
        draft.authority(row.old.authority, phase=Phase.DRAINING, phase_since=now, **tainted)
        draft.authority(row.new.authority, phase=Phase.SIGNING, phase_since=now)
    elif row.makes_configuration:
        draft.authority(row.new.authority, configuration=row.new.configuration)
    if row.makes_signer:
        draft.signer(row.old.signer, replaced=now)
    draft.let_sign(CurrentRow(authority=row.new.authority, signer=row.new.signer))
    draft.let_stand(row.new.configuration)
    return draft.done(fence)


def ended(
    view: View,
    row: OperationRow,
    phase: OperationPhase,
    now: datetime,
    fence: Fence | None,
    *,
    reason: str,
) -> Transaction:
    """End an operation that is not active; what it made leaves the bundle and waits for removal.

    In a restored store it may have signed after the backup: then it drains as any other.

    Raises:
        RequestError: it is over already.
    """
    current = operation(view, row.id)
    if current is None or not current.is_open:
        raise RequestError(f"operation {row.id} is over", field="operation")
    draft = Draft(view)
    _move(draft, current, phase, now, reason=redacted(reason))
    draft.remove(CHANGE, "slot")
    if row.makes_authority and view.get(CEILINGS, row.new.authority) is not None:
        draft.authority(row.new.authority, phase=Phase.DRAINING, phase_since=now)
    elif row.makes_authority:
        if current.touched:
            draft.leave(row.new.authority, row.new.configuration, now)
        for table, key in rows_of_authority(view, row.new.authority)[-MOST_GONE:]:
            draft.remove(table, key)  # itself is the last of them; what is more, its removal takes
        draft.topics.add(ROOTS_TOPIC)
    elif row.makes_signer and current.touched:
        draft.leave(row.new.authority, row.new.configuration, now, signer=row.new.signer)
        if view.get(SIGNERS, row.new.signer) is not None:
            draft.remove(SIGNERS, row.new.signer)
    return draft.done(fence)


def rolled_back(view: View, row: OperationRow, now: datetime) -> Transaction:
    """Let the old signer sign again; the new authority drains.

    Raises:
        RequestError: the operation is not active, or its old authority does not drain.
        ConflictError: another operation holds the change slot.
    """
    refuse_second(view)
    require_way_back(view, row, now)
    draft = Draft(view)
    draft.write(OPERATIONS, row.id, _in_phase(row, OperationPhase.ROLLED_BACK, now))
    draft.topics.add(OPERATIONS_TOPIC)
    draft.expect[CHANGE, "slot"] = ABSENT
    if row.makes_authority:
        draft.authority(row.old.authority, phase=Phase.SIGNING, phase_since=now)
        draft.authority(row.new.authority, phase=Phase.DRAINING, phase_since=now)
    elif row.makes_configuration:
        draft.authority(row.old.authority, configuration=row.old.configuration)
    if row.makes_signer:
        draft.signer(row.old.signer, replaced=None)
        draft.signer(row.new.signer, replaced=now)
    draft.let_sign(CurrentRow(authority=row.old.authority, signer=row.old.signer))
    if row.makes_authority or row.makes_configuration:
        draft.let_stand(row.old.configuration)
    return draft.done(None)


def noted(view: View, row: OperationRow, error: str, *, blames: bool = False) -> Transaction | None:
    """Note why the present step fails, or, with '', that it goes on; None if nothing is new.

    ``blames`` says that the evidence lacks something, and nothing has failed.
    """
    current, error = operation(view, row.id), redacted(error)
    if current is None or not current.is_open or (current.error, current.blames) == (error, blames):
        return None
    draft = Draft(view)
    draft.write(OPERATIONS, row.id, msgspec.structs.replace(current, error=error, blames=blames))
    draft.topics.add(OPERATIONS_TOPIC)
    return draft.done(None)


def _in_phase(row: OperationRow, phase: OperationPhase, now: datetime) -> OperationRow:
    history = (*row.history, PhaseChange(phase=phase, at=now))
    return msgspec.structs.replace(row, phase=phase, history=history)


def _unmoved(view: View, row: OperationRow) -> OperationRow:
    standing = operation(view, row.id)
    if standing is None or standing.phase is not row.phase:
        raise ConflictError(f"operation {row.id} is not {row.phase} any more")
    return standing


def _move(
    draft: Draft, row: OperationRow, phase: OperationPhase, now: datetime, **changed: object
) -> None:
    """Write the operation's next phase; it must be as it was when this was decided."""
    standing = _unmoved(draft.view, row)
    moved = msgspec.structs.replace(_in_phase(standing, phase, now), error="", blames=False)
    draft.write(OPERATIONS, row.id, msgspec.structs.replace(moved, **changed))
    draft.topics.add(OPERATIONS_TOPIC)
