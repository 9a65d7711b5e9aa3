"""Rows of revoked leaves: written once, told while the leaf lives, and removed after its end."""

from datetime import timedelta

import pytest

from ca_core.authority.revokedleaves import (
    MOST_REMOVED,
    REVOKED,
    REVOKED_TOPIC,
    revoked,
    revoked_index,
    revoked_since,
)
from ca_core.identity.certificates import authority_key_id, colon_hex, serial_hex
from ca_core.identity.leafcsr import csr_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import ServiceId
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import MAX_CHANGES
from ca_core.state.store import Store
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import TRUST_DOMAIN, Authority

HOUR = timedelta(hours=1)
WEB = ServiceId(trust_domain=TRUST_DOMAIN, datacenter="dc1", service="web")


class Records:
    """A store, and an authority whose leaves are revoked in it."""

    def __init__(self):
        self.clock = FakeClock()
        self.store = Store(MemoryEngine())
        self.authority = Authority("a", self.clock.now())
        self.csr = csr_pem(leaf_csr(new_leaf_key(), WEB))

    def leaf(self, *, ttl=HOUR):
        """Return a leaf that lives so long."""
        return self.authority.leaf(self.csr, self.clock.now(), ttl)

    def revoke(self, leaf):
        """Write its row; return the index, None if nothing was written."""
        return self.store.update(lambda view: revoked(view, leaf, self.clock.now()))

    def told(self, index=0):
        """Return the serials that an agent is told which knows what came up to ``index``."""
        found = revoked_since(self.store.snapshot, index, self.clock.now())
        return [row.serial for row in found]


@pytest.fixture
def records():
    """Return an empty store."""
    found = Records()
    with found.store:
        yield found


def test_a_revoked_leaf_is_told_by_its_issuer_and_its_serial(records):
    """As it names both itself, with its end."""
    leaf = records.leaf()
    index = records.revoke(leaf)
    (row,) = revoked_since(records.store.snapshot, 0, records.clock.now())
    assert row.key_id == colon_hex(authority_key_id(leaf))
    assert (row.serial, row.not_after) == (serial_hex(leaf), leaf.not_valid_after_utc)
    assert revoked_index(records.store.snapshot) == index


def test_a_second_revocation_of_a_leaf_writes_nothing(records):
    """Nobody is woken for it."""
    leaf = records.leaf()
    index = records.revoke(leaf)
    assert records.revoke(leaf) is None
    assert records.store.snapshot.topic_index(REVOKED_TOPIC) == index


def test_only_what_came_since_is_told_in_the_order_in_which_it_came(records):
    """An agent that knows most of it is told the rest."""
    leaves = [records.leaf() for _ in range(3)]
    indexes = [records.revoke(leaf) for leaf in leaves]
    serials = [serial_hex(leaf) for leaf in leaves]
    assert records.told() == serials
    assert records.told(indexes[0]) == serials[1:]
    assert records.told(indexes[2]) == []


def test_a_leaf_that_has_ended_is_neither_written_nor_told(records):
    """Nobody serves it, revoked or not."""
    lives, ends = records.leaf(ttl=3 * HOUR), records.leaf()
    assert records.revoke(lives)
    assert records.revoke(ends)
    late = records.leaf()
    records.clock.advance(2 * HOUR)
    assert records.told() == [serial_hex(lives)]
    assert records.revoke(late) is None


def test_rows_of_leaves_that_have_ended_go_when_another_one_is_written(records):
    """So many at a time that the commit stays small; the others go with the next ones."""
    for _ in range(MOST_REMOVED + 10):
        records.revoke(records.leaf())
    records.clock.advance(2 * HOUR)
    for left in (11, 2, 3):
        records.revoke(records.leaf())
        assert len(records.store.snapshot.table(REVOKED)) == left
    assert MOST_REMOVED + 2 <= MAX_CHANGES
