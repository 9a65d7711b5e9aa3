"""Giving up what a backend holds of what is gone: when nobody reaches that backend any more."""

import logging

from ca_core.authority.events import Events
from ca_core.authority.rows import read
from ca_core.contract.events import EventType
from ca_core.errors import NotFoundError, RequestError
from ca_core.lifecycle.leavings import swept
from ca_core.lifecycle.rows import LEFTOVERS, LeftoverRow
from ca_core.state.protocol import Transaction
from ca_core.state.view import View
from ca_core.telemetry.logs import redacted

_log = logging.getLogger("ca_core.lifecycle")


def abandonable(view: View, key: str) -> LeftoverRow:
    """Return what may be given up under this key.

    Raises:
        NotFoundError: nothing is left behind under it.
        RequestError: it has not failed to be removed; it is removed by itself.
    """
    row = read(view, LeftoverRow, LEFTOVERS, key)
    if row is None:
        raise NotFoundError(f"nothing is left behind of {key!r}", field="key")
    if not row.error:
        raise RequestError(f"what is left of {key} is being removed; nothing failed", field="key")
    return row


def abandoned(view: View, row: LeftoverRow) -> Transaction:
    """Forget what a backend holds, with everything the store keeps of it; it stays there."""
    return swept(view, row, None)


def tell_abandoned(events: Events, row: LeftoverRow, actor: str) -> None:
    """Log and tell what was given up, by whom, and why it could not be removed."""
    error = redacted(row.error)
    _log.warning("%s gave up what is left of %s; it was not removed: %s", actor, row.key, error)
    events.tell(
        EventType.LEFTOVER_ABANDONED,
        authority=row.authority,
        signer=row.signer,
        actor=actor,
        error=error,
    )
