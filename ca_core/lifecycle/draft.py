"""A transaction that is being put together on one view, and the rows that go together."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from ca_core.authority.ceilings import CEILINGS
from ca_core.authority.rows import (
    AUTHORITIES,
    CONFIGURATION,
    CONFIGURATION_TOPIC,
    CONFIGURATIONS,
    CROSSES,
    CURRENT,
    PENDING,
    ROOTS_TOPIC,
    SIGNERS,
    SIGNERS_TOPIC,
    AuthorityRow,
    ConfigurationRow,
    CrossRow,
    CurrentRow,
    SignerRow,
    decoded,
    put,
    read,
)
from ca_core.errors import ConflictError
from ca_core.lifecycle.disused import disused_secrets
from ca_core.lifecycle.rows import LEFTOVERS, LeftoverRow, operations
from ca_core.state.protocol import ABSENT, Change, Fence, Transaction
from ca_core.state.secrets import SECRETS
from ca_core.state.view import View

MOST_GONE = 40
"""Rows of an authority that one commit removes; others go with them, and a commit holds 100."""


@dataclass(slots=True)
class Draft:
    """A transaction that is being put together on one view."""

    view: View
    changes: dict[tuple[str, str], Change] = field(default_factory=dict)
    expect: dict[tuple[str, str], int] = field(default_factory=dict)
    topics: set[str] = field(default_factory=set)

    def write(self, table: str, key: str, row: msgspec.Struct) -> None:
        """Write a row that must not have changed since the view."""
        self._expect(table, key)
        self.changes[table, key] = put(table, key, row)

    def remove(self, table: str, key: str) -> None:
        """Remove a row that must not have changed since the view."""
        self._expect(table, key)
        self.changes[table, key] = Change(table, key, None)

    def authority(self, name: str, **changed: object) -> None:
        """Change some fields of an authority.

        Raises:
            ConflictError: there is no such authority any more.
        """
        row = read(self.view, AuthorityRow, AUTHORITIES, name)
        if row is None:
            raise ConflictError(f"authority {name} is gone")
        self.write(AUTHORITIES, name, msgspec.structs.replace(row, **changed))
        self.topics.add(ROOTS_TOPIC)

    def signer(self, name: str, **changed: object) -> None:
        """Change some fields of a signer, if it is still on record."""
        row = read(self.view, SignerRow, SIGNERS, name)
        if row is not None:
            self.write(SIGNERS, name, msgspec.structs.replace(row, **changed))

    def leave(self, authority: str, configuration: str, now: datetime, *, signer: str = "") -> None:
        """Note what a backend is to remove."""
        row = LeftoverRow(
            authority=authority, configuration=configuration, signer=signer, since=now
        )
        self.write(LEFTOVERS, row.key, row)

    def unchanged(self, table: str, key: str) -> None:
        """Require that a row, or its absence, is as in the view."""
        self._expect(table, key)

    def let_sign(self, current: CurrentRow) -> None:
        """Make a signer the one that signs."""
        self.write(CURRENT, "signer", current)
        self.topics |= {ROOTS_TOPIC, SIGNERS_TOPIC}

    def let_stand(self, configuration: str) -> None:
        """Make a configuration the one that stands, if it is not.

        Raises:
            ConflictError: it is gone.
        """
        standing = read(self.view, ConfigurationRow, CONFIGURATION, "ca")
        if standing is not None and standing.id == configuration:
            return
        row = read(self.view, ConfigurationRow, CONFIGURATIONS, configuration)
        if row is None:
            raise ConflictError(f"configuration {configuration} is gone")
        self.write(CONFIGURATION, "ca", row)
        self.topics.add(CONFIGURATION_TOPIC)

    def done(self, fence: Fence | None) -> Transaction:
        """Return the transaction."""
        return Transaction(
            changes=tuple(self.changes.values()),
            expect=self.expect,
            topics=frozenset(self.topics),
            fence=fence,
        )

    def _expect(self, table: str, key: str) -> None:
        stored = self.view.get(table, key)
        self.expect[table, key] = ABSENT if stored is None else stored.version


def forget(
    draft: Draft, configurations: Iterable[str], coming: ConfigurationRow | None = None
) -> None:
    """Remove configurations, and the secrets that none of the others names."""
    gone = tuple(configurations)
    for name in gone:
        draft.remove(CONFIGURATIONS, name)
    for key in disused_secrets(draft.view, gone, coming):
        draft.remove(SECRETS, key)


def rows_of_authority(view: View, authority: str) -> list[tuple[str, str]]:
    """Return (table, key) of every row that the store keeps of an authority.

    Its count stays: the issuance record adds it to that of all that are gone.
    """
    signers = (decoded(SignerRow, row.value) for row in view.table(SIGNERS).values())
    crosses = (decoded(CrossRow, row.value) for row in view.table(CROSSES).values())
    below, own = f"{authority}/", [row.id for row in signers if row.authority == authority]
    made = [row.new.signer for row in operations(view) if row.new.authority == authority]
    asked = tuple(f"{name}." for name in (authority, *own, *made))
    found = [(CROSSES, row.key) for row in crosses if authority in {row.new, row.old}]
    found += [(CEILINGS, key) for key in view.table(CEILINGS) if key.startswith(below)]
    found += [(LEFTOVERS, key) for key in view.table(LEFTOVERS) if key.startswith(below)]
    found += [(PENDING, key) for key in view.table(PENDING) if key.startswith(asked)]
    found += [(SIGNERS, name) for name in own]
    found += [(CEILINGS, authority), (AUTHORITIES, authority)]
    return [(table, key) for table, key in found if view.get(table, key) is not None]
