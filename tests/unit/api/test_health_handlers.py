"""Health over HTTP: which rows, in which words, for what is asked."""

import json

import pytest

from ca_core.api.health_handlers import checks, connect, node, service, state
from ca_core.api.problems import status_of
from ca_core.catalog.views import ViewKind
from ca_core.errors import RequestError
from tests.unit.api.discovering import Room, check_of, instance, on_node, proxy

ON_SERVICES = {"connect": connect, "service": service, "checks": checks}


@pytest.fixture
def room():
    """Return a room with ``web`` on two nodes: one warns, one passes, and a proxy."""
    made = Room()
    rows = (
        instance(status="warning", tags=("v1", "Blue"), meta={"rack": "1"}),
        instance(node="n2", tags=("v2",), meta={"rack": "2"}),
    )
    made.views.put(ViewKind.SERVICE, "web", rows)
    made.views.put(ViewKind.CONNECT, "web", (proxy(),))
    return made


def nodes(rows):
    """Return where the rows are."""
    return [row["Node"]["Node"] for row in rows]


async def test_a_row_holds_node_service_and_checks_in_consuls_words(room):
    """What clients of Consul read is there."""
    (row,) = await room.read(connect, service="web")
    assert set(row) == {"Node", "Service", "Checks"}
    assert row["Node"]["Node"] == "n1"
    assert row["Node"]["Address"] == "10.0.0.1"
    assert row["Node"]["Datacenter"] == "dc1"
    assert row["Service"]["Service"] == "web-sidecar-proxy"
    assert row["Service"]["Kind"] == "connect-proxy"
    assert row["Service"]["Port"] == 80
    assert row["Service"]["Proxy"]["DestinationServiceName"] == "web"
    assert row["Service"]["Connect"] == {}
    assert row["Service"]["Tags"] == []
    assert row["Service"]["Weights"] == {"Passing": 1, "Warning": 1}
    assert [check["CheckID"] for check in row["Checks"]] == [
        "serfHealth",
        "service:web-sidecar-proxy",
    ]
    assert {check["Status"] for check in row["Checks"]} == {"passing"}


async def test_every_instance_is_shown_unless_something_is_asked_for(room):
    """Health is shown, and excludes nobody."""
    assert nodes(await room.read(service, service="web")) == ["n1", "n2"]


@pytest.mark.parametrize("query", ["passing", "passing=1", "passing=true", "passing=t"])
async def test_passing_leaves_out_whoever_warns(room, query):
    """A bare ``passing`` means true."""
    assert nodes(await room.read(service, query, service="web")) == ["n2"]


async def test_passing_looks_at_the_nodes_checks_too(room):
    """A node that is gone takes its instances along."""
    rows = (instance(alive="critical"), instance(node="n2"))
    room.views.put(ViewKind.SERVICE, "web", rows)
    assert nodes(await room.read(service, "passing", service="web")) == ["n2"]


async def test_passing_false_leaves_out_nobody(room):
    """It is a boolean, not a mark."""
    assert nodes(await room.read(service, "passing=false", service="web")) == ["n1", "n2"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tag=v1", ["n1"]),
        ("tag=BLUE", ["n1"]),
        ("tag=v1&tag=blue", ["n1"]),
        ("tag=v1&tag=v2", []),
        ("tag=v2&passing", ["n2"]),
        ("node-meta=rack:2", ["n2"]),
        ("node-meta=rack:1&node-meta=rack:2", []),
        ("node-meta=rack", []),
    ],
)
async def test_tags_and_meta_choose_rows_and_each_must_fit(room, query, found):
    """Tags compare without case, as in Consul; repeated parameters all count."""
    assert nodes(await room.read(service, query, service="web")) == found


async def test_checks_of_a_service_are_those_of_its_instances(room):
    """The checks of the nodes are not among them."""
    found = await room.read(checks, service="web")
    assert [(one["Node"], one["CheckID"], one["Status"]) for one in found] == [
        ("n1", "service:web", "warning"),
        ("n2", "service:web", "passing"),
    ]


async def test_checks_of_a_node_are_all_that_are_there(room):
    """Its own and those of its instances."""
    room.views.put(ViewKind.NODE, "n1", on_node("n1", instance()))
    found = await room.read(node, node="n1")
    assert [one["CheckID"] for one in found] == ["serfHealth", "service:web"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("any", ["a", "b", "c"]),
        ("passing", ["a"]),
        ("warning", ["b"]),
        ("critical", ["c"]),
        ("unknown", []),
    ],
)
async def test_checks_are_listed_by_how_they_stand(room, asked, found):
    """``any`` is every one of them."""
    listed = tuple(
        check_of(status=status, id=name)
        for name, status in {"a": "passing", "b": "warning", "c": "critical"}.items()
    )
    room.views.put(ViewKind.CHECKS, "", listed)
    assert [one["CheckID"] for one in await room.read(state, state=asked)] == found


@pytest.mark.parametrize("handler", ON_SERVICES.values(), ids=ON_SERVICES)
async def test_what_nobody_registered_is_an_empty_list_and_never_null(room, handler):
    """``[]``; clients iterate over it."""
    answer = await room.ask(handler, service="gone")
    assert (answer.status, answer.body, answer.headers["x-consul-index"]) == (200, b"[]", "1")


async def test_a_node_that_is_not_there_has_no_checks(room):
    """``[]``, too."""
    assert (await room.ask(node, node="gone")).body == b"[]"


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä", "..", "x" * 1025])
@pytest.mark.parametrize("handler", ON_SERVICES.values(), ids=ON_SERVICES)
async def test_what_can_be_no_service_is_refused(room, handler, name):
    """400, before anybody looks."""
    with pytest.raises(RequestError) as caught:
        await room.ask(handler, service=name)
    assert (status_of(caught.value), caught.value.field) == (400, "service")
    assert room.views.looked_at == []


async def test_a_name_that_is_missing_is_missed_in_consuls_words(room):
    """``Missing service name``, and its siblings."""
    for handler in ON_SERVICES.values():
        with pytest.raises(RequestError, match="Missing service name"):
            await room.ask(handler, service="")
    with pytest.raises(RequestError, match="Missing node name"):
        await room.ask(node, node="")
    with pytest.raises(RequestError, match="Missing check state"):
        await room.ask(state, state="")


async def test_a_state_that_is_none_is_refused(room):
    """Consul answers an empty list, which looks like good news."""
    with pytest.raises(RequestError, match="not one of any, unknown, passing"):
        await room.ask(state, state="criticl")


async def test_a_value_of_passing_that_is_no_boolean_is_refused(room):
    """In Consul's words."""
    with pytest.raises(RequestError, match=r"Invalid value for \?passing"):
        await room.ask(service, "passing=maybe", service="web")


async def test_the_headers_say_how_fresh_it_is(room):
    """Index, contact, cache and default policy."""
    headers = dict((await room.ask(service, service="web")).headers)
    assert headers == {
        "x-consul-index": "7",
        "x-consul-knownleader": "true",
        "x-consul-lastcontact": "0",
        "x-consul-default-acl-policy": "allow",
        "x-cache": "HIT",
        "age": "0",
    }
    room.views.hit = room.views.known_leader = False
    headers = (await room.ask(service, service="web")).headers
    assert (headers["x-cache"], headers["x-consul-knownleader"]) == ("MISS", "false")
    assert "age" not in headers


async def test_bodies_are_json_without_nulls(room):
    """A list that Go would leave nil is ``[]`` here, at every depth."""
    assert b"null" not in (await room.ask(service, service="web")).body
    assert json.loads((await room.ask(connect, "passing", service="web")).body)


@pytest.mark.parametrize("handler", [connect, service, checks])
async def test_a_name_longer_than_any_registered_one_is_refused_here(room, handler):
    """A server would refuse the agent's whole question for it, and everything would grow old."""
    with pytest.raises(RequestError, match="longer than 256"):
        await room.ask(handler, service="w" * 257)
    assert room.views.looked_at == []
    await room.ask(handler, service="w" * 256)
