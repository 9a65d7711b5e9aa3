"""A store with the rows of authorities that were changed, put together without any provider."""

from datetime import UTC, datetime, timedelta

import msgspec

from ca_core.authority.ceilings import CEILINGS
from ca_core.authority.rows import (
    AUTHORITIES,
    CONFIGURATION,
    CONFIGURATIONS,
    CROSSES,
    CURRENT,
    SIGNERS,
    AuthorityRow,
    ConfigurationRow,
    CrossRow,
    CurrentRow,
    Phase,
    SignerRow,
    put,
    read,
)
from ca_core.contract.issuing import issue_root
from ca_core.identity.certificates import pem_of
from ca_core.identity.keys import KeySpec, KeyType, generate_key
from ca_core.lifecycle.rows import (
    CHANGE,
    OPEN,
    OPERATIONS,
    Ends,
    Kind,
    OperationPhase,
    OperationRow,
    PhaseChange,
    SlotRow,
    Wishes,
)
from ca_core.state.lease import Lease
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import Change, Transaction
from ca_core.state.store import Store
from ca_core.testing.clock import FakeClock
from tests.unit.authority.cluster import DOMAIN

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD = Ends(authority="ca-old", signer="signer-old", configuration="config-1")
NEW = Ends(authority="ca-new", signer="signer-new", configuration="config-2")
PEM = pem_of(
    issue_root(
        generate_key(KeySpec(KeyType.EC, 256)),
        trust_domain=DOMAIN,
        label="root",
        now=NOW,
        ttl=10 * HOUR,
    )
)
"""One certificate for every chain: what is committed here is never verified."""


def authority(name, phase=Phase.SIGNING, configuration="config-1", **more):
    """Return an authority's row."""
    return AuthorityRow(
        id=name,
        provider="builtin",
        key_type="ec",
        key_bits=256,
        phase=phase,
        chain=PEM,
        anchor=PEM,
        created=NOW,
        configuration=configuration,
        **more,
    )


def phase_of(table, name):
    """Return an authority's phase."""
    return read(table.view, AuthorityRow, AUTHORITIES, name).phase


def signer(name, of, **more):
    """Return a signer's row."""
    return SignerRow(id=name, authority=of, chain=PEM, created=NOW, **more)


def configuration(name, *secrets):
    """Return a configuration's row; it names these secrets."""
    config = {secret.rpartition("/")[2]: {"secret": secret} for secret in secrets}
    return ConfigurationRow(id=name, provider="builtin", config=config, settings={}, file_digest="")


def operation_row(kind=Kind.SWAP, phase=OperationPhase.PLANNED, old=OLD, new=NEW, name="op-1"):
    """Return an operation's row, begun now; its backend may hold something already."""
    return OperationRow(
        id=name,
        kind=kind,
        phase=phase,
        actor="test",
        old=old,
        new=new,
        wishes=Wishes(),
        history=(PhaseChange(phase=phase, at=NOW),),
        touched=True,
    )


class Table:
    """A store in memory, its rows written one by one, and the lease that fences its commits."""

    def __init__(self):
        self.store = Store(MemoryEngine())
        self.clock = FakeClock()
        lease = Lease(self.store, self.clock, "server-1")
        lease.acquire()
        self.fence = lease.fence
        self.write(AUTHORITIES, OLD.authority, authority(OLD.authority))
        self.write(SIGNERS, OLD.signer, signer(OLD.signer, OLD.authority))
        self.write(CURRENT, "signer", CurrentRow(authority=OLD.authority, signer=OLD.signer))
        self.write(CONFIGURATIONS, "config-1", configuration("config-1"))
        self.write(CONFIGURATION, "ca", configuration("config-1"))

    @property
    def view(self):
        """Return everything, as of now."""
        return self.store.snapshot

    def write(self, table, key, row):
        """Write one row: a struct, or bytes."""
        change = (
            put(table, key, row) if isinstance(row, msgspec.Struct) else Change(table, key, row)
        )
        self.store.commit(Transaction(changes=(change,)))

    def commit(self, transaction):
        """Commit what a pure function made."""
        return self.store.commit(transaction)

    def operation(self, **more):
        """Write an operation, in the slot while it is open; return it."""
        row = operation_row(**more)
        self.write(OPERATIONS, row.id, row)
        if row.phase in OPEN:
            self.write(CHANGE, "slot", SlotRow(operation=row.id))
        return row

    def coming(self, phase=Phase.PREPARED):
        """Write the new authority, its signer, its configuration and its cross-certificate."""
        self.write(CONFIGURATIONS, "config-2", configuration("config-2"))
        self.write(AUTHORITIES, NEW.authority, authority(NEW.authority, phase, "config-2"))
        self.write(SIGNERS, NEW.signer, signer(NEW.signer, NEW.authority))
        cross = CrossRow(new=NEW.authority, old=OLD.authority, certificate=PEM)
        self.write(CROSSES, cross.key, cross)

    def ceiling(self, key, moment):
        """Write a ceiling."""
        self.write(CEILINGS, key, moment.isoformat().encode())

    def has(self, table, key):
        """Say whether a row is there."""
        return self.view.get(table, key) is not None
