"""Commits that change a row without an operation, as pure functions."""

from datetime import datetime

import msgspec

from ca_core.authority.rows import (
    AUTHORITIES,
    CONFIGURATION,
    CONFIGURATIONS,
    AuthorityRow,
    ConfigurationRow,
    Phase,
    read,
)
from ca_core.errors import ConflictError, NotFoundError, RequestError
from ca_core.lifecycle.draft import Draft
from ca_core.lifecycle.standing import require_standing
from ca_core.state.protocol import Transaction
from ca_core.state.view import View


def tainted(view: View, authority: str, leave_by: datetime) -> Transaction:
    """Declare a draining authority compromised: it leaves the bundle by then, and never returns.

    Raises:
        NotFoundError: there is no such authority.
        RequestError: it does not drain.
    """
    row = read(view, AuthorityRow, AUTHORITIES, authority)
    if row is None:
        hint = "`ca-core ca status` lists them all"
        raise NotFoundError(f"no authority {authority!r}", field="Authority", hint=hint)
    if row.phase is not Phase.DRAINING:
        raise RequestError(
            f"authority {authority} is {row.phase}: no leaf of it is alive",
            field="Authority",
            hint="abort the operation that makes it, if there is one",
        )
    draft = Draft(view)
    end = leave_by if row.leave_by is None else min(leave_by, row.leave_by)
    draft.authority(authority, tainted=True, leave_by=end)
    return draft.done(None)


def file_noted(view: View, stood: str, digest: str) -> Transaction:
    """Keep the digest of a file that says what stands already, by its id.

    Raises:
        ConflictError: another configuration stands now.
    """
    draft = Draft(view)
    require_standing(draft, stood)
    row = read(view, ConfigurationRow, CONFIGURATIONS, stood)
    if row is None:
        raise ConflictError(f"configuration {stood} is gone")
    noted = msgspec.structs.replace(row, file_digest=digest)
    draft.write(CONFIGURATION, "ca", noted)
    draft.write(CONFIGURATIONS, stood, noted)
    return draft.done(None)
