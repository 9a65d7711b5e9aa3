"""Answers that follow from a view: worked out once, and never of another view."""

import pytest

from ca_core.state.memory import MemoryEngine
from ca_core.state.reading import Reading
from ca_core.state.store import Store
from tests.unit.state.rows import cut, put


class Counted:
    """Reads a row's value and counts how often it was asked."""

    def __init__(self):
        self.times = 0

    def __call__(self, view, key):
        """Return the value of the row."""
        self.times += 1
        return view.table("t")[key].value


def test_a_view_is_read_once_for_each_key():
    """Asking again about the same view costs no reading."""
    read = Counted()
    reading = Reading(read)
    with Store(MemoryEngine()) as store:
        store.commit(put("a", b"1"))
        store.commit(put("b", b"2"))
        view = store.snapshot
        assert [reading.of(view, key) for key in "abab"] == [b"1", b"2", b"1", b"2"]
    assert read.times == 2


def test_a_commit_is_seen_at_once():
    """No answer outlives its view, whatever the commit touched."""
    reading = Reading(Counted())
    with Store(MemoryEngine()) as store:
        store.commit(put("a", b"1"))
        assert reading.of(store.snapshot, "a") == b"1"
        store.commit(put("a", b"2"))
        assert reading.of(store.snapshot, "a") == b"2"


def test_an_older_view_keeps_its_own_answer():
    """Who still holds an older view is answered from that one."""
    reading = Reading(Counted())
    with Store(MemoryEngine()) as store:
        store.commit(put("a", b"1"))
        old = store.snapshot
        store.commit(put("a", b"2"))
        assert reading.of(store.snapshot, "a") == b"2"
        assert reading.of(old, "a") == b"1"


def test_a_failure_is_not_remembered():
    """What cannot be read raises each time, and is read once it is there."""
    reading = Reading(Counted())
    with Store(MemoryEngine()) as store:
        store.commit(put("a", b"1"))
        store.commit(cut("a"))
        for _ in range(2):
            with pytest.raises(KeyError):
                reading.of(store.snapshot, "a")
        store.commit(put("a", b"3"))
        assert reading.of(store.snapshot, "a") == b"3"
