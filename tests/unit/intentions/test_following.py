"""The server's index follows every commit of its store."""

import threading
from dataclasses import replace

import pytest

from ca_core.intentions.commits import deleted, upserted
from ca_core.intentions.decision import Default, Why
from ca_core.intentions.following import Following
from ca_core.intentions.model import Intention, Verdict
from ca_core.intentions.rows import INTENTIONS_TOPIC
from ca_core.state import Change, Store, Transaction
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.memory import MemoryEngine
from ca_core.testing.clock import START
from tests.unit.intentions.bodies import DB, WEB

ONE = Intention(source=WEB, destination=DB, action=Verdict.ALLOW)


@pytest.fixture
def store():
    """Return an empty store."""
    with Store(MemoryEngine()) as made:
        yield made


def put(store, intention):
    """Write an intention."""
    store.update(lambda view: upserted(view, intention, START))


def test_what_stood_before_is_in_the_index(store):
    """Constructed means caught up."""
    put(store, ONE)
    assert Following(store).index.decide(WEB, DB).allowed


def test_a_commit_is_decided_by_as_soon_as_it_returns(store):
    """Whoever wrote an intention never sees the old decision again."""
    following = Following(store)
    for action in (Verdict.ALLOW, Verdict.DENY, Verdict.ALLOW):
        put(store, replace(ONE, action=action))
        assert following.index.decide(WEB, DB).allowed is action.allows
    store.update(lambda view: deleted(view, WEB, DB))
    assert following.index.decide(WEB, DB).why is Why.ACL_DEFAULT


def test_an_index_that_somebody_holds_stays_as_it_is(store):
    """A reader reads on in its own moment."""
    following = Following(store)
    put(store, ONE)
    held = following.now
    put(store, replace(ONE, action=Verdict.DENY))
    assert held.index.decide(WEB, DB).allowed
    assert [each.intention.action for each in held.to_destination(DB)] == [Verdict.ALLOW]


def test_commits_of_other_rows_leave_the_index_alone(store):
    """What is not an intention costs nothing."""
    following = Following(store)
    put(store, ONE)
    before = following.now
    store.commit(Transaction(changes=(Change("other", "key", b"value"),)))
    assert following.now is before


def test_index_and_view_are_of_one_moment(store):
    """What the view calls newest is in the index, whenever one looks."""
    following = Following(store)
    put(store, ONE)
    now = following.now
    assert now.view.topic_index(INTENTIONS_TOPIC) == store.snapshot.topic_index(INTENTIONS_TOPIC)
    assert [each.version for each in now.from_source(WEB)] == [now.view.index]


def test_the_default_can_change_while_it_follows(store):
    """Where nothing matches, the newest default holds, also after later commits."""
    following = Following(store, Default(allowed=True))
    assert following.index.decide(WEB, DB).allowed
    following.set_default(Default(allowed=False, why=Why.DEFAULT))
    put(store, replace(ONE, source=DB))
    assert following.index.decide(WEB, DB).why is Why.DEFAULT


def test_commits_of_another_server_are_followed():
    """Whoever wrote it, every server decides by it."""
    backend = FakeBackend(gaps=(0, 3))
    with Store(FakeEngine(backend)) as ours, Store(FakeEngine(backend)) as theirs:
        following = Following(ours)
        put(theirs, ONE)
        assert following.index.decide(WEB, DB).allowed


def test_nothing_is_lost_between_the_first_look_and_the_first_commit(store):
    """While one thread writes, another begins to follow: the end is the same."""
    count = 300

    def write():
        for number in range(count):
            put(store, replace(ONE, source=replace_name(number)))

    writer = threading.Thread(target=write)
    writer.start()
    followings = [Following(store) for _ in range(20)]
    writer.join()
    assert {len(following.index) for following in followings} == {count}


def replace_name(number):
    """Return one of many sources."""
    return WEB._replace(name=f"web-{number}")
