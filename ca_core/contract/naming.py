"""The names and paths under which an authority's keys, chains and marks are recorded."""

import re

from ca_core.contract.context import ProviderState
from ca_core.errors import RequestError

ROOT = "root"
"""The name under which an authority's primary CA is kept."""

RETIRED = "retired"
"""The record by which the id of a signer or an authority is dead."""

_ID = re.compile(r"[a-z0-9-]{1,32}\Z")


def signer_name(signer_id: str) -> str:
    """Return the name under which the signer of that id is kept.

    Raises:
        RequestError: this is not an id.
    """
    if not _ID.match(signer_id):
        raise RequestError(f"{signer_id[:80]!r} is not an id: 1 to 32 of a-z 0-9 -", field="id")
    return f"signer/{signer_id}"


def record_path(authority_id: str, *parts: str) -> str:
    """Return the key of an authority's record in the state, or of its secret."""
    return "/".join(("authority", authority_id, *parts))


def is_retired(state: ProviderState, authority_id: str) -> bool:
    """Say whether the id of an authority of this provider is dead."""
    return state.get(record_path(authority_id, RETIRED)) is not None
