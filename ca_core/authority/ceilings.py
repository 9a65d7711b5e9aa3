"""The ceiling of each signer: a moment after which nothing that it signed is alive; pure.

It is committed ahead of every leaf, in steps of an hour. Table ``ceilings``: key
``<authority>/<signer>``, or the authority alone for what a restored store lost.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from ca_core.authority.rows import (
    AUTHORITIES,
    IN_BUNDLE,
    SIGNERS,
    AuthorityRow,
    decoded,
)
from ca_core.errors import NotReadyError
from ca_core.state.protocol import ABSENT, Change, Row, Transaction
from ca_core.state.view import View

CEILINGS = "ceilings"
STEP = timedelta(hours=1)

_EPOCH_HOUR = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def next_ceiling(not_after: datetime) -> datetime:
    """Return the ceiling for a leaf: the next full hour, and one hour ahead of it."""
    whole = (not_after - _EPOCH_HOUR) // STEP
    return _EPOCH_HOUR + (whole + 2) * STEP


def ceiling_of(view: View, authority: str) -> datetime | None:
    """Return when the last leaf of this authority ends, or later; None if none was issued."""
    prefix = f"{authority}/"
    found = [
        instant(row)
        for key, row in view.table(CEILINGS).items()
        if key == authority or key.startswith(prefix)
    ]
    return max(found, default=None)


def signer_ceiling(view: View, authority: str, signer: str) -> datetime | None:
    """Return when the last leaf of this signer ends, or later; None if none was issued.

    What a restored store lost may have been signed by any signer of the authority.
    """
    rows = (view.get(CEILINGS, key) for key in (f"{authority}/{signer}", authority))
    return max((instant(row) for row in rows if row is not None), default=None)


def instant(row: Row) -> datetime:
    """Return the moment that a row of ``ceilings`` holds, aware UTC."""
    return datetime.fromisoformat(row.value.decode())


def raised(
    view: View,
    authority: str,
    signer: str,
    not_after: datetime,
    expect: Mapping[tuple[str, str], int],
) -> Transaction:
    """Return the commit that raises a signer's ceiling above ``not_after``.

    ``expect`` are versions of rows without which the leaf must not be released.
    """
    key = f"{authority}/{signer}"
    row = view.get(CEILINGS, key)
    return Transaction(
        changes=(Change(CEILINGS, key, next_ceiling(not_after).isoformat().encode()),),
        expect={**expect, (CEILINGS, key): ABSENT if row is None else row.version},
    )


def that_still_vouch(view: View, authority: str, signer: str) -> dict[tuple[str, str], int]:
    """Return the versions of an authority in the bundle and of its signer.

    Raises:
        NotReadyError: one of them has left.
    """
    above, own = view.get(AUTHORITIES, authority), view.get(SIGNERS, signer)
    if above is None or own is None or decoded(AuthorityRow, above.value).phase not in IN_BUNDLE:
        raise NotReadyError(f"signer {signer} of {authority} has left; another one signs")
    return {(AUTHORITIES, authority): above.version, (SIGNERS, signer): own.version}


def vouching(
    view: View, names: tuple[str, str]
) -> tuple[Mapping[tuple[str, str], int], datetime | None]:
    """Return ``that_still_vouch`` and ``signer_ceiling`` of an authority's and a signer's id.

    Raises:
        NotReadyError: one of them has left.
    """
    return that_still_vouch(view, *names), signer_ceiling(view, *names)
