"""What is written of what agents register: only what differs, in transactions that are whole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ca_core.catalog.commits import news, registered
from ca_core.catalog.digests import Digests
from ca_core.catalog.following import FollowingCatalog
from ca_core.catalog.index import Catalog
from ca_core.catalog.rows import (
    HEARING,
    LIVENESS,
    NODE_CHECKS,
    NODES,
    SERVICES,
    SERVICES_TOPIC,
    service_topic,
)
from ca_core.catalog.viewing import Viewing
from ca_core.catalog.views import ViewKey, ViewKind
from ca_core.errors import ConflictError
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.protocol import MAX_CHANGES, TOPICS
from ca_core.state.store import Store
from ca_core.wire.catalog import NODE_CHECK, CheckStatus
from ca_core.wire.registered import digest_of
from tests.unit.catalog.registering import (
    NODES as NAMES_OF_NODES,
)
from tests.unit.catalog.registering import (
    NOW,
    Standing,
    by,
    check,
    instance,
    native,
    proxy,
    state,
    states,
)


@given(st.lists(st.tuples(st.sampled_from(NAMES_OF_NODES), states()), max_size=6))
@settings(max_examples=50, deadline=None)
def test_what_was_registered_last_stands_and_the_same_again_writes_nothing(todo):
    """Idempotent; and the digest is the one that the agent works out for itself."""
    standing, last = Standing(), {}
    for node, wanted in todo:
        standing.register(node, wanted)
        last[node] = wanted
    for node, wanted in last.items():
        assert standing.register(node, wanted) == 0
        assert Digests().at(standing.now, node, by(node).joined) == digest_of(wanted)
        shown = standing.value(ViewKind.NODE, node)
        ids = [one.service.id for one in wanted.services]
        assert [one.id for one in shown.services] == ids
    standing.store.close()


def test_a_first_state_brings_node_checks_and_liveness_in_one_commit():
    """Nobody ever sees an instance without its node."""
    standing = Standing()
    assert standing.register("n1", state(native(checks=[check()]))) == 1
    view = standing.store.snapshot
    for table in (NODES, NODE_CHECKS, LIVENESS, HEARING):
        assert view.get(table, "n1") is not None
    (found,) = standing.value(ViewKind.SERVICE, "web")
    assert found.checks[0].id == NODE_CHECK
    assert found.checks[0].status is CheckStatus.PASSING


def test_a_change_of_one_check_writes_one_row():
    """And touches the views that show it, no others."""
    standing = Standing()
    well = state(native(checks=[check()]), instance("db-1", "db"))
    standing.register("n1", well)
    ill = state(native(checks=[check(status=CheckStatus.CRITICAL)]), instance("db-1", "db"))
    assert standing.register("n1", ill) == 1
    changed = {(one.table, one.key) for one in standing.commits[-1].changes}
    assert changed == {
        (SERVICES, "n1 web-1"),
        (TOPICS, "catalog/service/web"),
        (TOPICS, "catalog/connect/web"),
        (TOPICS, "catalog/node/n1"),
        (TOPICS, "catalog/checks"),
    }


def test_five_hundred_instances_come_in_transactions_that_are_each_whole():
    """None is larger than an engine takes; after each the node and what is there can be read."""
    standing = Standing()
    many = state(*(native(f"{number:03}", f"s{number:03}", tags=("t",)) for number in range(500)))
    moments = []
    standing.store.follow(lambda *_: moments.append(standing.value(ViewKind.NODE, "n1")))
    commits = standing.register("n1", many)
    assert commits == len(moments) > 1
    assert all(len(commit.changes) <= MAX_CHANGES for commit in standing.commits)
    counts = [len(one.services) for one in moments]
    assert counts == sorted(counts)
    assert counts[-1] == 500
    again = Catalog.of(standing.store.snapshot)
    assert (again.by_node, again.by_tag) == (standing.now.by_node, standing.now.by_tag)
    assert standing.remove("n1") > 1
    assert standing.value(ViewKind.NODE, "n1") is None
    assert not any(standing.store.snapshot.table(one) for one in (NODES, SERVICES, LIVENESS))


def test_a_node_goes_last():
    """Of what is removed in several transactions, instances go first."""
    standing = Standing()
    standing.register("n1", state(*(native(f"{number:03}") for number in range(150))))
    there = []
    standing.store.follow(lambda view, _: there.append(view.get(NODES, "n1") is not None))
    standing.remove("n1")
    assert there[-1] is False
    assert all(there[:-1])


def test_an_instance_that_changes_its_name_leaves_the_old_one():
    """Both names' watchers are woken; so are those of the names."""
    standing = Standing()
    standing.register("n1", state(native("1", "web")))
    before = {name: standing.index(ViewKind.CONNECT, name) for name in ("web", "db")}
    standing.register("n1", state(native("1", "db")))
    assert standing.ids(ViewKind.CONNECT, "web") == []
    assert standing.ids(ViewKind.CONNECT, "db") == [("n1", "1")]
    assert all(standing.index(ViewKind.CONNECT, name) > was for name, was in before.items())
    assert standing.value(ViewKind.SERVICES) == {"db": ()}


def test_news_is_what_differs_but_for_checks():
    """A check that fails needs no right: what runs here was allowed before."""
    standing = Standing()
    standing.register("n1", state(native("1"), native("2"), proxy("3")))
    now = state(
        native("1", port=9), native("2", checks=[check()]), proxy("3", of="db"), native("4")
    )
    assert [one.service.id for one in news(standing.now, by("n1"), now)] == ["1", "3", "4"]


def test_another_agent_of_the_same_name_inherits_nothing():
    """A host that joined under a used name needs the rights anew, and what is refused goes."""
    standing = Standing()
    both = state(native("1"), native("2"))
    standing.register("n1", both)
    later = NOW
    assert news(standing.now, by("n1", joined=later), both) == both.services
    assert Digests().at(standing.now, "n1", later) == ""
    standing.register("n1", both, joined=later, refused=frozenset({"2"}))
    assert standing.ids(ViewKind.SERVICE, "web") == [("n1", "1")]


def test_what_another_agent_had_goes_even_in_many_commits():
    """The node becomes the new agent's once the last of it is gone."""
    standing = Standing()
    many = state(*(native(f"{number:03}", f"s{number}") for number in range(200)))
    standing.register("n1", many)
    every = frozenset(one.service.id for one in many.services)
    assert standing.register("n1", many, joined=NOW, refused=every) > 1
    assert not standing.now.placed


def test_the_order_in_which_meta_is_sent_does_not_matter():
    """The same words are the same row."""
    standing = Standing()
    meta = {"a": "1", "b": "2"}
    standing.register("n1", state(native(meta=meta), meta=meta))
    turned = dict(reversed(meta.items()))
    assert standing.register("n1", state(native(meta=turned), meta=turned)) == 0


def test_what_is_refused_keeps_what_stood_with_the_checks_of_now():
    """Of the same name; a new instance, or another name under an old id, is not there."""
    standing = Standing()
    standing.register("n1", state(native("1", port=1), native("2", "db")))
    wanted = state(
        native("1", port=2, checks=[check(status=CheckStatus.CRITICAL)]),
        native("2", "web"),
        native("3", "web"),
    )
    standing.register("n1", wanted, refused=frozenset({"1", "2", "3"}))
    (found,) = standing.value(ViewKind.SERVICE, "web")
    assert (found.service.id, found.service.port) == ("1", 1)
    assert found.checks[-1].status is CheckStatus.CRITICAL
    assert standing.ids(ViewKind.SERVICE, "db") == []


def test_a_forgotten_agent_writes_nothing():
    """The row that makes it a member is expected as it was read."""
    standing = Standing()
    who = by("n1", member={("agents", "n1"): 7})
    transaction = registered(standing.now, who, state(native()), now=NOW)
    with pytest.raises(ConflictError, match="agents/n1"):
        standing.store.commit(transaction)


def test_two_servers_that_remove_the_last_two_instances_at_once_tell_of_the_name():
    """Each saw the other instance stay: one of them decides anew."""
    backend = FakeBackend()
    engines = [FakeEngine(backend), FakeEngine(backend)]
    one, two = (Standing(Store(engine)) for engine in engines)
    one.register("n1", state(native("1")))
    two.register("n2", state(native("1")))
    decided = [
        registered(each.now, by(node), state(), now=NOW)
        for each, node in ((one, "n1"), (two, "n2"))
    ]
    assert all(SERVICES_TOPIC not in each.topics for each in decided)
    one.store.commit(decided[0])
    with pytest.raises(ConflictError, match=service_topic("web")):
        two.store.commit(decided[1])
    assert two.register("n2", state()) == 1
    assert SERVICES_TOPIC in {change.key for change in two.commits[-1].changes}
    for each in (one, two):
        assert each.value(ViewKind.SERVICES) == {}
        each.store.close()


def test_two_servers_answer_the_same_under_the_same_index():
    """An agent that changes servers holds what the other one has."""
    backend = FakeBackend(gaps=(0, 2))
    engines = [FakeEngine(backend), FakeEngine(backend)]
    one, two = (Standing(Store(engine)) for engine in engines)
    engines[1].hold()
    one.register("n1", state(native("1"), proxy("2"), checks=(check(),)))
    one.register("n1", state(native("1")))
    engines[1].release()
    for kind, name in ((ViewKind.SERVICE, "web"), (ViewKind.NODE, "n1"), (ViewKind.CHECKS, "")):
        key = ViewKey(kind, name)
        assert Viewing().look(one.now, key) == Viewing().look(two.now, key)
        assert Viewing().encoded(one.now, key) == Viewing().encoded(two.now, key)
    for each in (one, two):
        each.store.close()


def test_a_follower_that_comes_late_knows_everything():
    """It reads what is stored before it follows."""
    standing = Standing()
    standing.register("n1", state(native()))
    late = FollowingCatalog(standing.store)
    assert late.now.by_connect == standing.now.by_connect
