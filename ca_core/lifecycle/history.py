"""Which operations that are over stay on record; pure."""

from ca_core.lifecycle.rows import POLICY, OperationPhase, OperationRow

KEPT_OPERATIONS = 20
"""Operations that are over and stay on record."""

KEPT_TRIES = 12
"""Automatic ones among them that came to nothing: what is tried every hour for days must not push
out the change that an operator may still want to roll back."""


def is_vain(row: OperationRow) -> bool:
    """Say whether an automatic operation ended without having become active, or was undone."""
    return row.actor == POLICY and not row.is_open and row.phase is not OperationPhase.ACTIVE


def kept(rows: tuple[OperationRow, ...]) -> tuple[OperationRow, ...]:
    """Return the operations that stay, of all on record, oldest first; open ones always do."""
    vain = [row.id for row in rows if is_vain(row)]
    dropped = set(vain[:-KEPT_TRIES])
    rest = [row for row in rows if row.id not in dropped]
    newest = {row.id for row in rest[-KEPT_OPERATIONS:]}
    return tuple(row for row in rest if row.is_open or row.id in newest)
