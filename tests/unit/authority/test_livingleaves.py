"""How many leaves are alive under the signer that has most."""

from datetime import timedelta

import msgspec
import pytest

from ca_core.authority.livingleaves import LivingLeaves
from ca_core.authority.record import LEDGER, REHEARSAL, IssuanceRow
from ca_core.state.memory import MemoryEngine
from ca_core.state.store import Store
from ca_core.testing.clock import START

HOUR = timedelta(hours=1)


class Ledger:
    """A ledger, and what is counted of it; ``reads`` says how many rows were read."""

    def __init__(self, store):
        self.store = store
        self.living = LivingLeaves(store)
        self.reads = 0
        read = store.read

        def counted(ledger, **where):
            rows = read(ledger, **where)
            self.reads += len(rows)
            return rows

        store.read = counted

    def issue(self, signer, leaves, *, ends=HOUR, principal="node n1"):
        """Put leaves on record."""
        for number in range(leaves):
            row = IssuanceRow(
                serial=f"{number:x}",
                identity="web",
                principal=principal,
                authority="ca",
                signer=signer,
                not_after=START + ends,
                at=START,
            )
            self.store.append(LEDGER, msgspec.json.encode(row))


@pytest.fixture
def ledger():
    """Return an empty ledger."""
    with Store(MemoryEngine()) as store:
        yield Ledger(store)


def test_nothing_issued_is_nothing_to_re_issue(ledger):
    """A new cluster has no leaves."""
    assert ledger.living.most(START) == 0


def test_the_signer_with_most_counts_and_rehearsals_do_not(ledger):
    """After a change that is the one that was replaced, until its leaves have ended."""
    ledger.issue("old", 7)
    ledger.issue("new", 3, ends=2 * HOUR)
    ledger.issue("new", 9, principal=REHEARSAL)
    assert ledger.living.most(START) == 7
    assert ledger.living.most(START + HOUR + timedelta(minutes=1)) == 3
    assert ledger.living.most(START + 3 * HOUR) == 0


def test_leaves_of_other_signers_are_counted_in_the_same_look(ledger):
    """What is left to re-issue after a change costs no second look at the ledger."""
    ledger.issue("old", 7)
    ledger.issue("new", 3)
    ledger.living.most(START)
    assert (ledger.living.besides("new"), ledger.living.besides("")) == (7, 10)


def test_a_leaf_counts_until_the_minute_of_its_end_has_passed(ledger):
    """Never too early."""
    ledger.issue("one", 1, ends=timedelta(minutes=5, seconds=30))
    assert ledger.living.most(START + timedelta(minutes=5, seconds=59)) == 1
    assert ledger.living.most(START + timedelta(minutes=6)) == 0


def test_the_ledger_is_read_once(ledger):
    """Each look costs only what came since."""
    ledger.issue("one", 100)
    assert ledger.living.most(START) == 100
    ledger.issue("one", 5)
    assert ledger.living.most(START) == 105
    assert ledger.living.most(START) == 105
    assert ledger.reads == 105
