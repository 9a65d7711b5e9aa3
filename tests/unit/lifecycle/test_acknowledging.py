"""What is kept of an acknowledgement."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ca_core.authority.rows import put, read
from ca_core.errors import DeniedError
from ca_core.lifecycle.acknowledging import acknowledged
from ca_core.lifecycle.evidence import counted, digest_of
from ca_core.lifecycle.rows import (
    ACKNOWLEDGEMENTS,
    ACKNOWLEDGEMENTS_TOPIC,
    AGENTS,
    AcknowledgementRow,
    AgentRecord,
)
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import Transaction
from ca_core.state.store import Store
from ca_core.testing.clock import START

ANCHORS = ("a" * 64, "b" * 64)


@pytest.fixture
def store():
    """Return a store with one agent, ``n1``."""
    with Store(MemoryEngine()) as made:
        agent = AgentRecord(
            node="n1",
            spiffe_id="spiffe://mesh/agent/client/dc/dc1/id/n1",
            keys=("k",),
            joined=START,
            leaf_not_after=START + timedelta(hours=1),
        )
        made.commit(Transaction(changes=(put(AGENTS, "n1", agent),)))
        yield made


def test_a_statement_is_one_row_that_wakes_who_waits_for_it(store):
    """Digest, fingerprints, epoch, and when it was said first."""
    store.commit(acknowledged(store.snapshot, "n1", ANCHORS, START))
    row = read(store.snapshot, AcknowledgementRow, ACKNOWLEDGEMENTS, "n1")
    assert (row.digest, row.anchors, row.at) == (digest_of(ANCHORS), ANCHORS, START)
    view = store.snapshot
    assert view.topic_index(ACKNOWLEDGEMENTS_TOPIC) == view.index
    assert acknowledged(view, "n1", ANCHORS, START + timedelta(hours=1)) is None


def test_what_was_said_in_another_epoch_counts_for_nothing_and_is_said_anew(store):
    """After a restore nobody knows what agents trust until they say so again."""
    store.commit(acknowledged(store.snapshot, "n1", ANCHORS, START))
    restored = replace(store.snapshot, epoch="another")
    (agent,) = counted(restored, (), START)
    assert agent.holds is None
    again = acknowledged(restored, "n1", ANCHORS, START)
    assert b"another" in again.changes[0].value


def test_a_stranger_keeps_nothing(store):
    """Who never joined, or was forgotten, has no row."""
    with pytest.raises(DeniedError):
        acknowledged(store.snapshot, "n2", ANCHORS, START)
