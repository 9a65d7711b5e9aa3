"""Which rows of a view a caller may see."""

import pytest

from ca_core.acl.access import Action, AllowAll
from ca_core.acl.principal import Anonymous
from ca_core.catalog.seeing import seen
from ca_core.catalog.views import ViewKey, ViewKind
from tests.unit.catalog.registering import (
    EVERY_VIEW,
    Standing,
    check,
    instance,
    native,
    proxy,
    state,
)

CALLER = Anonymous()


def may(*, services=(), nodes=()):
    """Return the rights of somebody who may read these."""
    allowed = {(Action.SERVICE_READ, name) for name in services}
    allowed |= {(Action.NODE_READ, name) for name in nodes}
    return lambda caller, action, name: caller == CALLER and (action, name) in allowed


@pytest.fixture
def standing():
    """Return a catalog of two nodes with ``web`` in front of ``db``."""
    found = Standing()
    web = native("web-1", checks=[check("web-ttl")])
    found.register("n1", state(web, proxy("db-proxy", of="db"), checks=(check("disk"),)))
    found.register("n2", state(native("web-2"), instance("db-1", "db", checks=[check("db-ttl")])))
    yield found
    found.store.close()


@pytest.mark.parametrize("key", EVERY_VIEW, ids=str)
def test_who_may_everything_sees_the_very_value(standing, key):
    """Nothing is copied, and nothing is said to be hidden."""
    value = standing.viewing.value(standing.now, key)
    found, hidden = seen(value, AllowAll(), CALLER)
    assert found is value
    assert hidden is False


@pytest.mark.parametrize("key", EVERY_VIEW, ids=str)
def test_who_may_nothing_sees_nothing(standing, key):
    """And is told that there is something, if there is."""
    value = standing.viewing.value(standing.now, key)
    found, hidden = seen(value, may(), CALLER)
    assert not found
    assert hidden is bool(value)


def test_an_instance_needs_its_own_name_and_its_node(standing):
    """The proxy of ``db`` is a service of its own: ``db`` does not show it."""
    rows = standing.value(ViewKind.CONNECT, "db")
    for services, nodes, count in (
        (("db-proxy",), ("n1",), 1),
        (("db",), ("n1",), 0),
        (("db-proxy",), ("n2",), 0),
    ):
        found, hidden = seen(rows, may(services=services, nodes=nodes), CALLER)
        assert (len(found), hidden) == (count, not count)


def test_rows_are_hidden_one_by_one(standing):
    """Each node's on its own."""
    rows = standing.value(ViewKind.SERVICE, "web")
    found, hidden = seen(rows, may(services=("web",), nodes=("n2",)), CALLER)
    assert [one.node.node for one in found] == ["n2"]
    assert hidden


def test_a_node_shows_what_its_reader_may_see_of_it(standing):
    """Its own checks always, those of services with the service."""
    value = standing.value(ViewKind.NODE, "n1")
    found, hidden = seen(value, may(services=("web",), nodes=("n1",)), CALLER)
    assert [one.id for one in found.services] == ["web-1"]
    assert [one.id for one in found.checks] == ["serfHealth", "disk", "web-ttl"]
    assert hidden
    found, _ = seen(value, may(nodes=("n1",)), CALLER)
    assert [one.id for one in found.checks] == ["serfHealth", "disk"]
    assert seen(value, may(services=("web",)), CALLER) == (None, True)


def test_checks_follow_what_they_are_of(standing):
    """A node's need the node, a service's both."""
    value = standing.value(ViewKind.CHECKS)
    found, hidden = seen(value, may(services=("db",), nodes=("n2",)), CALLER)
    assert [(one.node, one.id) for one in found] == [("n2", "db-ttl"), ("n2", "serfHealth")]
    assert hidden


def test_names_are_shown_to_who_may_read_them(standing):
    """No node is asked for; tags come with the name."""
    value = standing.value(ViewKind.SERVICES)
    assert seen(value, may(services=("db", "web")), CALLER) == ({"db": (), "web": ()}, True)


def test_each_right_is_asked_for_once():
    """A thousand instances of one service are one question about it."""
    standing, asked = Standing(), []
    standing.register("n1", state(*(native(f"{number:03}") for number in range(200))))

    def asking(*question):
        asked.append(question)
        return True

    rows = standing.viewing.value(standing.now, ViewKey(ViewKind.SERVICE, "web"))
    assert len(seen(rows, asking, CALLER)[0]) == 200
    assert len(asked) == 2
    standing.store.close()
