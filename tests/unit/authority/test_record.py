"""The issuance record: what was counted stays counted, and what is kept stays small."""

from datetime import timedelta

from ca_core.authority.ceilings import CEILINGS
from ca_core.authority.record import COUNTS, GONE, IssuanceRecord
from ca_core.authority.rows import AUTHORITIES
from ca_core.contract.issuing import KeyPair, issue_root
from ca_core.identity.keys import KeySpec, generate_key
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import Change, Transaction
from ca_core.state.store import Store
from ca_core.testing.clock import FakeClock
from tests.unit.authority.cluster import DOMAIN

TTL = timedelta(hours=72)


class Recorded:
    """A store with a record, and leaves by authorities that need not exist."""

    def __init__(self):
        self.clock = FakeClock()
        self.store = Store(MemoryEngine())
        key = generate_key(KeySpec())
        self.leaf = KeyPair(
            issue_root(key, trust_domain=DOMAIN, label="x", now=self.clock.now(), ttl=TTL), key
        ).certificate
        self.record = self.opened()

    def opened(self):
        """Return the record as a server finds it at its start."""
        record = IssuanceRecord(self.store, self.clock, run="server-1")
        record.open(TTL)
        return record

    def issue(self, authority, leaves=1):
        """Let an authority issue leaves."""
        for _ in range(leaves):
            self.record.add(
                self.leaf, identity="i", principal="p", authority=authority, signer="signer-1"
            )

    def write(self, table, key, value=b"2030-01-01T00:00:00+00:00"):
        """Write one row, or remove it."""
        self.store.commit(Transaction(changes=(Change(table, key, value),)))


def test_what_authorities_issued_that_are_gone_is_kept_as_one_count():
    """A thousand authorities that came and went are one row and one number."""
    room = Recorded()
    for number in range(1000):
        room.write(CEILINGS, f"ca-{number}/signer-1")
        room.issue(f"ca-{number}")
        if number % 100 == 0:
            assert room.record.counts()[f"ca-{number}"] == 1
        room.write(CEILINGS, f"ca-{number}/signer-1", None)
    assert room.record.counts() == {GONE: 1000}
    room.record.close()
    assert list(room.store.snapshot.table(COUNTS)) == [GONE]
    room.store.close()


def test_a_count_that_was_written_moves_when_its_authority_goes():
    """Over stops and starts the sum stays exact, and the number of the next leaf goes on."""
    room = Recorded()
    room.write(CEILINGS, "ca-1/signer-1")
    room.write(CEILINGS, "ca-2/signer-1")
    room.issue("ca-1", 3)
    room.issue("ca-2", 2)
    room.record.close()
    assert set(room.store.snapshot.table(COUNTS)) == {"ca-1", "ca-2"}
    room.write(CEILINGS, "ca-1/signer-1", None)
    room.record = room.opened()
    assert room.record.issued == 5
    assert room.record.counts() == {GONE: 3, "ca-2": 2}
    room.record.close()
    assert set(room.store.snapshot.table(COUNTS)) == {GONE, "ca-2"}
    assert room.opened().issued == 5
    room.store.close()


def test_an_authority_that_is_being_made_keeps_its_own_count():
    """Its rehearsal is on record before the authority is."""
    room = Recorded()
    room.write(CEILINGS, "ca-new/signer-1")
    room.issue("ca-new")
    assert not room.store.snapshot.table(AUTHORITIES)
    assert room.record.counts() == {"ca-new": 1}
    room.store.close()
