"""How a change goes while the present root is compromised: in minutes, whoever is missing."""

from datetime import timedelta

from ca_core.lifecycle.rows import OnDeadline, Wishes

TAINT_PATIENCE = timedelta(minutes=3)
"""Agents acknowledge within seconds; one that has not by then would hold up everybody's safety."""

TAINT_SETTLE = timedelta(minutes=1)


def urgent(usual: Wishes | None = None) -> Wishes:
    """Return how a change away from a compromised root goes unless somebody says otherwise.

    It proceeds at its deadline, cross-signed or not: those left behind are named.

    Args:
        usual: how changes go here; what is quicker there stays so.
    """
    wishes = usual or Wishes()
    return Wishes(
        settle=min(wishes.settle, TAINT_SETTLE),
        patience=min(wishes.patience, TAINT_PATIENCE),
        on_deadline=OnDeadline.PROCEED,
        force=wishes.force,
    )
