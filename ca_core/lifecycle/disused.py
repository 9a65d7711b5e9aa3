"""Configurations that nothing leads back to, and the secrets that only they named; pure."""

from collections.abc import Iterable

from ca_core.authority.opening import OWN_SECRETS
from ca_core.authority.rows import (
    AUTHORITIES,
    CONFIGURATION,
    CONFIGURATIONS,
    CURRENT,
    AuthorityRow,
    ConfigurationRow,
    CurrentRow,
    Phase,
    authorities,
    decoded,
    read,
)
from ca_core.lifecycle.rows import (
    OperationPhase,
    OperationRow,
    leftovers,
    open_operation,
    operations,
)
from ca_core.state.secrets import SECRETS
from ca_core.state.view import View

AT_ONCE = 20
"""Configurations, and secrets, that one commit removes at most; a commit holds few changes."""

_PREFIX = f"{OWN_SECRETS}/configuration/"


def secret_keys(row: ConfigurationRow) -> frozenset[str]:
    """Return the keys in ``SECRETS`` that a configuration names."""
    found = (value.get("secret") for value in row.config.values() if isinstance(value, dict))
    return frozenset(f"{OWN_SECRETS}/{place}" for place in found if isinstance(place, str))


def unused_configurations(view: View, kept: Iterable[OperationRow]) -> tuple[str, ...]:
    """Return the ids of configurations that nothing needs, besides these operations."""
    ends = {name for row in kept for name in (row.old.configuration, row.new.configuration)}
    return tuple(
        name
        for name in sorted(view.table(CONFIGURATIONS))
        if name not in ends and not is_needed(view, name)
    )[:AT_ONCE]


def is_needed(view: View, configuration: str, *, besides: str = "") -> bool:
    """Say whether anything needs a configuration: it stands, is on its way, or is a way back.

    Args:
        view: everything.
        configuration: its id.
        besides: an authority that does not count, with what a backend holds of it.
    """
    standing = read(view, ConfigurationRow, CONFIGURATION, "ca")
    if standing is None or standing.id == configuration:
        return True
    change = open_operation(view)
    if change is not None and configuration in {change.old.configuration, change.new.configuration}:
        return True
    living = {row.configuration for row in authorities(view) if row.id != besides}
    left = {row.configuration for row in leftovers(view) if row.authority != besides}
    return configuration in living | left | _ways_back(view)


def _ways_back(view: View) -> set[str]:
    """Return the configurations that a rollback would let stand again."""
    return {row.old.configuration for row in operations(view) if _has_way_back(view, row)}


def _has_way_back(view: View, row: OperationRow) -> bool:
    current = read(view, CurrentRow, CURRENT, "signer")
    old = read(view, AuthorityRow, AUTHORITIES, row.old.authority)
    return (
        row.phase is OperationPhase.ACTIVE
        and current == CurrentRow(authority=row.new.authority, signer=row.new.signer)
        and old is not None
        and old.phase in {Phase.DRAINING, Phase.SIGNING}
    )


def disused_secrets(
    view: View, gone: Iterable[str], coming: ConfigurationRow | None = None
) -> tuple[str, ...]:
    """Return the keys in ``SECRETS`` of the core's own secrets that no configuration names.

    Args:
        view: everything.
        gone: ids of configurations that are about to be removed.
        coming: one that is about to be written.
    """
    table, leaving = view.table(CONFIGURATIONS), set(gone)
    rows = [
        decoded(ConfigurationRow, row.value) for name, row in table.items() if name not in leaving
    ]
    rows += [row for row in (read(view, ConfigurationRow, CONFIGURATION, "ca"), coming) if row]
    named = {key for row in rows for key in secret_keys(row)}
    own = (key for key in sorted(view.table(SECRETS)) if key.startswith(_PREFIX))
    return tuple(key for key in own if key not in named)[:AT_ONCE]
