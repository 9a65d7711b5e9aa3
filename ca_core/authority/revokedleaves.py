"""Leaves that were revoked and have not ended: rows from which agents learn what they hold no more.

Table ``revoked``, key ``<key id>/<serial>``, both in colon hex, as the leaf itself names its issuer
and its number. CRLs are the provider's; these rows are only about telling.
"""

from datetime import datetime

import msgspec
from cryptography import x509

from ca_core.identity.certificates import authority_key_id, colon_hex, serial_hex
from ca_core.state.protocol import ABSENT, Change, Transaction
from ca_core.state.rows import decoded, put
from ca_core.state.view import View

REVOKED = "revoked"
REVOKED_TOPIC = "revoked"

MOST_REMOVED = 64
"""Rows of leaves that have ended, removed when another one is written: far below what a
transaction may carry, and far more than come in with it."""


class RevokedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One leaf that is good no longer.

    Attributes:
        key_id: its AKI, colon hex; may be empty.
        serial: colon hex.
        not_after: when it ends by itself.
    """

    key_id: str
    serial: str
    not_after: datetime

    @property
    def key(self) -> str:
        """Return its key in ``REVOKED``."""
        return f"{self.key_id}/{self.serial}"


def revoked_index(view: View) -> int:
    """Return the index of the newest revocation; at least 1."""
    return view.topic_index(REVOKED_TOPIC)


def revoked_since(view: View, index: int, now: datetime) -> tuple[RevokedRow, ...]:
    """Return what was revoked above ``index`` and has not ended, oldest revocation first."""
    newer = [row for row in view.table(REVOKED).values() if row.version > index]
    newer.sort(key=lambda row: row.version)
    rows = (decoded(RevokedRow, row.value) for row in newer)
    return tuple(row for row in rows if row.not_after >= now)


def revoked(view: View, leaf: x509.Certificate, now: datetime) -> Transaction | None:
    """Return the commit that tells agents of a leaf; None if they were told, or it has ended.

    Rows of leaves that have ended go with it, ``MOST_REMOVED`` at most.
    """
    row = RevokedRow(
        key_id=colon_hex(authority_key_id(leaf) or b""),
        serial=serial_hex(leaf),
        not_after=leaf.not_valid_after_utc,
    )
    if row.not_after < now or view.get(REVOKED, row.key) is not None:
        return None
    return Transaction(
        changes=(put(REVOKED, row.key, row), *_ended(view, now)),
        expect={(REVOKED, row.key): ABSENT},
        topics=frozenset({REVOKED_TOPIC}),
    )


def _ended(view: View, now: datetime) -> list[Change]:
    rows = view.table(REVOKED).items()
    ended = [key for key, row in rows if decoded(RevokedRow, row.value).not_after < now]
    return [Change(REVOKED, key, None) for key in sorted(ended)[:MOST_REMOVED]]
