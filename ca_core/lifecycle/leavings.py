"""The commits by which authorities and signers leave, as pure functions.

Out of the bundle first; then a row says what a backend still holds, until that is gone too.
"""

from datetime import datetime

import msgspec

from ca_core.authority.ceilings import CEILINGS
from ca_core.authority.rows import (
    AUTHORITIES,
    CONFIGURATIONS,
    PENDING,
    ROOTS_TOPIC,
    SIGNERS,
    SIGNERS_TOPIC,
    AuthorityRow,
    Phase,
    SignerRow,
    decoded,
    read,
)
from ca_core.errors import ConflictError
from ca_core.lifecycle.disused import is_needed
from ca_core.lifecycle.draft import MOST_GONE, Draft, forget, rows_of_authority
from ca_core.lifecycle.marks import left_claims, outlived_marks
from ca_core.lifecycle.rows import LEFTOVERS, LeftoverRow
from ca_core.state.protocol import Fence, Transaction
from ca_core.state.providerstate import PROVIDER_STATE
from ca_core.state.view import View
from ca_core.telemetry.logs import redacted


def retired(view: View, authority: str, now: datetime, fence: Fence) -> Transaction:
    """Take an authority out of the bundle; its backend is to remove it.

    Raises:
        ConflictError: it is gone.
    """
    row = read(view, AuthorityRow, AUTHORITIES, authority)
    if row is None:
        raise ConflictError(f"authority {authority} is gone")
    draft = Draft(view)
    draft.authority(authority, phase=Phase.RETIRED, phase_since=now)
    draft.leave(authority, row.configuration, now)
    for key in _ceilings(view, authority):
        draft.unchanged(CEILINGS, key)  # nobody releases a leaf of it in the same moment
    return draft.done(fence)


def _ceilings(view: View, authority: str) -> list[str]:
    """Return the keys of an authority's ceilings, and of those that its signers may get."""
    signers = (decoded(SignerRow, row.value) for row in view.table(SIGNERS).values())
    own = [f"{authority}/{row.id}" for row in signers if row.authority == authority]
    return [authority, *own[:MOST_GONE]]


def signer_retired(
    view: View, signer: SignerRow, configuration: str, now: datetime, fence: Fence
) -> Transaction:
    """Forget a signer that was replaced; its backend is to remove it."""
    draft = Draft(view)
    draft.leave(signer.authority, configuration, now, signer=signer.id)
    draft.remove(SIGNERS, signer.id)
    draft.unchanged(CEILINGS, signer.authority)
    draft.unchanged(CEILINGS, f"{signer.authority}/{signer.id}")
    draft.topics.add(SIGNERS_TOPIC)
    return draft.done(fence)


def swept(view: View, row: LeftoverRow, fence: Fence | None) -> Transaction:
    """Forget what a backend held, now that it is gone, with everything the store keeps of it.

    Where that is too much for one transaction, the row itself stays until the next.
    """
    draft = Draft(view)
    gone = [(CEILINGS, f"{row.authority}/{row.signer}"), (PENDING, f"{row.signer}.prepare")]
    if not row.signer:
        gone = rows_of_authority(view, row.authority)
        gone += [(PROVIDER_STATE, claim) for claim in left_claims(view, row.authority)]
        draft.topics.add(ROOTS_TOPIC)
    gone = [(table, key) for table, key in gone if view.get(table, key) is not None]
    for table, key in gone[:MOST_GONE]:
        draft.remove(table, key)
    if len(gone) > MOST_GONE:
        return draft.done(fence)
    draft.remove(LEFTOVERS, row.key)
    for mark in outlived_marks(view):
        draft.remove(PROVIDER_STATE, mark)
    needed = bool(row.signer) or is_needed(view, row.configuration, besides=row.authority)
    known = view.get(CONFIGURATIONS, row.configuration) is not None
    forget(draft, (row.configuration,) if known and not needed else ())
    return draft.done(fence)


def left(view: View, row: LeftoverRow, error: str) -> Transaction | None:
    """Note why something could not be removed; None if that is known."""
    error = redacted(error)
    if row.error == error or view.get(LEFTOVERS, row.key) is None:
        return None
    draft = Draft(view)
    draft.write(LEFTOVERS, row.key, msgspec.structs.replace(row, error=error))
    return draft.done(None)
