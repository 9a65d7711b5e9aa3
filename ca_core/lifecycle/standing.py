"""Whether the configuration that a change was compared with still stands."""

from ca_core.authority.rows import CONFIGURATION, ConfigurationRow, read
from ca_core.errors import ConflictError
from ca_core.lifecycle.draft import Draft


def require_standing(draft: Draft, stood: str) -> None:
    """Require, now and in the commit, that a configuration stands as it was read.

    Args:
        draft: of the commit.
        stood: its id.

    Raises:
        ConflictError: another one stands.
    """
    row = read(draft.view, ConfigurationRow, CONFIGURATION, "ca")
    if row is None or row.id != stood:
        raise ConflictError(
            "another configuration stands meanwhile",
            hint="read the configuration again, and decide anew",
        )
    draft.unchanged(CONFIGURATION, "ca")
