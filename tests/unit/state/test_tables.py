"""What a transaction does to tables, against a plain model."""

import gc

from hypothesis import given
from hypothesis import strategies as st

from ca_core.state import Change, Row, Transaction
from ca_core.state.protocol import TOPICS, Commit
from ca_core.state.tables import applied, persistent, with_topic_rows

KEYS = st.sampled_from("abc")
CHANGES = st.builds(Change, KEYS, KEYS, st.none() | st.binary(max_size=2))
COMMITS = st.lists(
    st.lists(CHANGES, min_size=1, max_size=5, unique_by=lambda change: (change.table, change.key)),
    max_size=12,
)


def plain(tables):
    """Return persistent tables as dicts, without empty ones."""
    return {name: dict(rows) for name, rows in tables.items() if rows}


@given(COMMITS)
def test_tables_after_commits_equal_a_plain_dict(commits):
    """Version is the last writer's index, created the first one's since the row last came to be."""
    tables, model = persistent({}), {}
    for index, changes in enumerate(commits, start=2):
        tables = applied(tables, Commit(index=index, changes=tuple(changes)))
        for change in changes:
            old = model.pop((change.table, change.key), None)
            if change.value is not None:
                created = old.created if old else index
                model[change.table, change.key] = Row(change.value, index, created)
    assert {(t, k): row for t, rows in tables.items() for k, row in rows.items()} == model


@given(COMMITS)
def test_applying_leaves_the_old_tables_whole(commits):
    """Every earlier value reads as it did, whatever came after."""
    tables, held = persistent({}), []
    for index, changes in enumerate(commits, start=2):
        held.append((tables, plain(tables)))
        tables = applied(tables, Commit(index=index, changes=tuple(changes)))
    assert all(plain(old) == was for old, was in held)


def test_topics_become_rows_in_order():
    """An engine sees topics as ordinary rows, in an order that does not depend on hashing."""
    ready = with_topic_rows(Transaction(changes=(), topics=frozenset("cab")))
    assert ready.changes == tuple(Change(TOPICS, topic, b"") for topic in "abc")
    assert ready.topics == frozenset()


def test_a_row_is_nothing_that_a_collector_looks_at():
    """However many rows there are, a garbage collection does not visit them."""
    assert not gc.is_tracked(Row(b"value", 2, 1))
