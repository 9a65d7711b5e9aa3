"""Followers of a store: told every commit, in order, before whoever made it goes on."""

import logging
import threading

import pytest

from ca_core.state import Store
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.memory import MemoryEngine
from tests.unit.state.rows import put


@pytest.fixture
def store():
    """Return an empty store."""
    with Store(MemoryEngine()) as made:
        yield made


def test_a_follower_begins_where_it_looked(store):
    """It gets the view, and every commit after it exactly once, each with the view after it."""
    store.commit(put("a"))
    told = []
    view = store.follow(lambda after, commit: told.append((after.index, commit.index)))
    indexes = [store.commit(put(key)) for key in "bcd"]
    assert view.index == indexes[0] - 1
    assert told == [(index, index) for index in indexes]


def test_a_follower_was_told_once_a_commit_returns():
    """Also where a commit comes back on another thread than the writer's."""
    backend = FakeBackend()
    with Store(FakeEngine(backend)) as one, Store(FakeEngine(backend)) as other:
        told = []
        one.follow(lambda _, commit: told.append(commit.index))
        mine, theirs = one.commit(put("a")), other.commit(put("b"))
        assert told == [mine, theirs]


def test_a_late_follower_never_misses_one(store):
    """Whenever it begins, its view and what it is told join without a gap."""
    stop = threading.Event()

    def write():
        while not stop.is_set():
            store.commit(put("a"))

    writer = threading.Thread(target=write)
    writer.start()
    told = [[] for _ in range(50)]
    begun = [store.follow(lambda _, c, mine=mine: mine.append(c.index)).index for mine in told]
    last = store.commit(put("b"))
    stop.set()
    writer.join()
    for first, heard in zip(begun, told, strict=True):
        assert heard[: last - first] == list(range(first + 1, last + 1))


def test_a_follower_with_a_bug_stops_nobody(store, caplog):
    """The commit stands, the others are told, and the log says it."""
    told = []
    store.follow(lambda _view, _commit: 1 / 0)
    store.follow(lambda _, commit: told.append(commit.index))
    with caplog.at_level(logging.ERROR, "ca_core.state"):
        index = store.commit(put("a"))
    assert told == [index]
    assert "bug in a follower" in caplog.text


def test_whoever_decides_has_a_view_that_followers_were_told_of(store):
    """A follower that is slow is waited for: what it holds is as new as the view."""
    reached, go_on, told = threading.Event(), threading.Event(), []

    def slow(_, commit):
        reached.set()
        assert go_on.wait(10)
        told.append(commit.index)

    store.follow(slow)
    writer = threading.Thread(target=lambda: store.commit(put("a")))
    writer.start()
    assert reached.wait(10)
    seen = []

    def decide(view):
        seen.append((view.index, list(told)))

    decider = threading.Thread(target=lambda: store.update(decide))
    decider.start()
    decider.join(0.05)
    assert store.snapshot.index > 1
    assert not seen
    go_on.set()
    writer.join()
    decider.join()
    assert seen == [(told[0], told)]
