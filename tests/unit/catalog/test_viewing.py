"""Views of the catalog: what is in them, and when their index moves."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ca_core.catalog.digests import stored_state
from ca_core.catalog.hearing import Heard
from ca_core.catalog.index import Catalog
from ca_core.catalog.liveness import Judge
from ca_core.catalog.rows import NODES as NODE_ROWS
from ca_core.catalog.rows import NodeRow, host_topic
from ca_core.catalog.showing import value_of
from ca_core.catalog.viewing import Viewing, decoded_view, parsed_key
from ca_core.catalog.views import ViewKey, ViewKind
from ca_core.errors import ProviderError, RequestError
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import MAX_CHANGES
from ca_core.state.rows import read
from ca_core.state.store import Store
from ca_core.wire.catalog import NODE_CHECK, CheckStatus
from tests.unit.catalog.registering import (
    EVERY_VIEW,
    NODES,
    NOW,
    Standing,
    check,
    instance,
    native,
    proxy,
    state,
    states,
)


def judged(standing, heard, server="s1", **changes):
    """Let a server say which agents call."""
    heard = Heard(nodes=frozenset(heard), arrived=frozenset(heard))
    judge = Judge(server=server, heard=heard, now=NOW, **changes)
    return standing.until_nothing(judge.judged)


deeds = st.one_of(
    st.tuples(st.just("register"), st.sampled_from(NODES), states()),
    st.tuples(st.just("remove"), st.sampled_from(NODES)),
    st.tuples(st.just("readdress"), st.sampled_from(NODES), st.sampled_from(["10.1", "10.2"])),
    st.tuples(st.just("hear"), st.sets(st.sampled_from(NODES))),
)


def done(standing, deed):
    """Do one thing."""
    match deed:
        case "register", node, wanted:
            standing.register(node, wanted)
        case "readdress", node, address:
            told = read(standing.now.view, NodeRow, NODE_ROWS, node)
            if told is not None:
                wanted = stored_state(standing.now, node, told)
                standing.register(node, msgspec.structs.replace(wanted, address=address))
        case "remove", node:
            standing.remove(node)
        case "hear", heard:
            judged(standing, heard)


@given(st.lists(deeds, max_size=8))
@settings(max_examples=60, deadline=None)
def test_the_index_of_a_view_moves_exactly_when_its_value_does(todo):
    """Whatever is registered, removed or silent: no wake for nothing, and none is missed."""
    standing = Standing()
    seen = [_moment(standing)]
    standing.store.follow(lambda *_: seen.append(_moment(standing)))
    for deed in todo:
        done(standing, deed)
    assert len(seen) == 1 + len(standing.commits)
    for before, after in pairwise(seen):
        for key in EVERY_VIEW:
            (old, was, topics), (new, now, _) = before[key], after[key]
            assert (old != new) == (was != now), key
            assert now >= was >= 1
            if was != now:
                index = after["view"].topic_index(*topics)
                assert index > before["view"].topic_index(*topics), "those who wait are not woken"
    standing.store.close()


def _moment(standing):
    """Return of every view its value, index and topics; made anew, nothing remembered."""
    now, viewing = standing.now, Viewing()
    looked = {key: viewing.look(now, key) for key in EVERY_VIEW}
    made = {key: (viewing.encoded(now, key), one.index, one.topics) for key, one in looked.items()}
    return made | {"view": now.view}


@given(st.lists(deeds, max_size=8))
@settings(max_examples=40, deadline=None)
def test_what_follows_commits_is_what_a_restart_reads(todo):
    """Places, values and indexes; and what was remembered on the way is still right."""
    engine = MemoryEngine()
    standing = Standing(Store(engine))
    for deed in todo:
        done(standing, deed)
        for key in EVERY_VIEW:
            standing.viewing.encoded(standing.now, key)
    followed, again = standing.now, Catalog.of(standing.store.snapshot)
    for field in ("placed", "by_service", "by_connect", "by_node", "by_tag", "hosts"):
        assert getattr(followed, field) == getattr(again, field)
    for key in EVERY_VIEW:
        assert standing.viewing.look(followed, key).index == Viewing().look(again, key).index
        assert standing.viewing.encoded(followed, key) == Viewing().encoded(again, key)
        assert standing.viewing.value(followed, key) == value_of(again, key)
    assert all(len(commit.changes) <= MAX_CHANGES for commit in standing.commits)
    standing.store.close()


def test_a_view_of_what_was_never_registered_is_empty():
    """And has an index that one can wait with."""
    standing = Standing()
    assert standing.value(ViewKind.SERVICE, "web") == ()
    assert standing.value(ViewKind.NODE, "n1") is None
    assert {standing.viewing.look(standing.now, key).index for key in EVERY_VIEW} == {1}


def test_the_index_does_not_run_backwards_when_the_last_instance_leaves():
    """The extinction index: those who wait see an empty list, under an index that is news."""
    standing = Standing()
    standing.register("n1", state(native()))
    standing.register("n2", state(native("web-2")))
    both = standing.index(ViewKind.CONNECT, "web")
    standing.register("n2", state())
    one = standing.index(ViewKind.CONNECT, "web")
    standing.remove("n1")
    none = standing.index(ViewKind.CONNECT, "web")
    assert both < one < none
    assert standing.value(ViewKind.CONNECT, "web") == ()
    standing.register("n3", state(instance("other", "db")))
    assert standing.index(ViewKind.CONNECT, "web") == none
    restarted = Catalog.of(standing.store.snapshot)
    assert Viewing().look(restarted, parsed_key("connect/web", "")).index == none


def test_a_service_is_in_the_mesh_natively_or_through_its_proxy():
    """Under its own name, or under that of the proxy's destination; a plain one is not."""
    standing = Standing()
    standing.register("n1", state(native("web-1"), proxy("web-proxy"), instance("web-2")))
    assert standing.ids(ViewKind.CONNECT, "web") == [("n1", "web-1"), ("n1", "web-proxy")]
    assert standing.ids(ViewKind.SERVICE, "web") == [("n1", "web-1"), ("n1", "web-2")]
    assert standing.ids(ViewKind.SERVICE, "web-proxy") == [("n1", "web-proxy")]
    assert standing.ids(ViewKind.CONNECT, "web-proxy") == []


def test_names_are_told_apart_by_case():
    """``Web`` and ``web`` are two identities, and so two services."""
    standing = Standing()
    standing.register("n1", state(native("1", "Web"), native("2", "web")))
    assert standing.ids(ViewKind.CONNECT, "Web") == [("n1", "1")]
    assert standing.value(ViewKind.SERVICES) == {"Web": (), "web": ()}


def test_an_instance_carries_its_node_and_the_checks_of_both():
    """With what follows from where they are: names, tags and indexes."""
    standing = Standing()
    one = instance(tags=("v1",), checks=[check("ttl", CheckStatus.WARNING)])
    standing.register("n1", state(one, checks=(check("disk"),), meta={"rack": "r1"}))
    (found,) = standing.value(ViewKind.SERVICE, "web")
    assert (found.node.node, found.node.address) == ("n1", "10.0.0.1")
    assert found.node.meta == {"rack": "r1"}
    assert [each.id for each in found.checks] == [NODE_CHECK, "disk", "ttl"]
    assert {each.node for each in found.checks} == {"n1"}
    last = found.checks[-1]
    assert (last.service_id, last.service_name, last.service_tags) == ("web-1", "web", ("v1",))
    assert last.status is CheckStatus.WARNING
    assert min(found.service.create_index, found.node.modify_index, last.modify_index) > 1


def test_an_unrelated_change_wakes_nobody_for_long():
    """A node of the same host topic wakes, but the index stays, and so does what was made."""
    standing = Standing()
    standing.register("n1", state(native()))
    before = standing.index(ViewKind.CONNECT, "web")
    made = standing.viewing.encoded(standing.now, ViewKey(ViewKind.CONNECT, "web"))
    others = (f"n{number}" for number in range(2, 9999))
    twin = next(other for other in others if host_topic(other) == host_topic("n1"))
    standing.register(twin, state(instance("1", "db")))
    assert standing.index(ViewKind.CONNECT, "web") == before
    assert standing.viewing.encoded(standing.now, ViewKey(ViewKind.CONNECT, "web")) is made


def test_of_many_instances_the_one_that_changed_is_made_anew():
    """The others are what they were; so is the list but for that one."""
    standing, key = Standing(), ViewKey(ViewKind.SERVICE, "web")
    standing.register("n1", state(native("1"), native("2")))
    before = standing.viewing.encoded(standing.now, key)
    standing.register("n1", state(native("1"), native("2", port=9)))
    after = standing.viewing.encoded(standing.now, key)
    assert after != before
    assert after == Viewing().encoded(standing.now, key)
    assert standing.viewing.value(standing.now, key)[1].service.port == 9


def test_the_names_of_services_move_with_names_and_tags_alone():
    """Not with another instance, not with a port, not with health."""
    standing = Standing()
    standing.register("n1", state(instance("1", tags=("a",))))
    moves = []
    for node, wanted in (
        ("n1", state(instance("1", tags=("a",), port=1))),
        ("n2", state(instance("1", tags=("a",)))),
        ("n2", state(instance("1", tags=("a",), checks=[check()]))),
        ("n1", state()),
        ("n2", state(instance("1", tags=("b",)))),
        ("n2", state()),
    ):
        before = standing.index(ViewKind.SERVICES)
        standing.register(node, wanted)
        moves.append(standing.index(ViewKind.SERVICES) > before)
    assert moves == [False, False, False, False, True, True]


def test_only_so_many_views_are_remembered():
    """The one that was asked for longest ago goes."""
    standing, viewing = Standing(), Viewing(most=2)
    for name in ("a", "b", "a", "c"):
        viewing.encoded(standing.now, ViewKey(ViewKind.SERVICE, name))
    assert [key.name for key in viewing._kept] == ["a", "c"]


@pytest.mark.parametrize(
    "text", ["", "web", "nothing/web", "service/", "services/x", "node/" + "n" * 257]
)
def test_what_is_no_view_is_refused(text):
    """By an agent that is newer, or a stranger."""
    with pytest.raises(RequestError, match="Held"):
        parsed_key(text, "Held")


def test_every_view_is_named_by_its_text():
    """An agent writes it, a server reads it."""
    for key in EVERY_VIEW:
        assert parsed_key(str(key), "Held") == key


def test_a_view_that_is_none_is_the_servers_fault():
    """An agent that reads it keeps what it has."""
    with pytest.raises(ProviderError, match="connect/web"):
        decoded_view(ViewKey(ViewKind.CONNECT, "web"), b'{"no": "list"}')
