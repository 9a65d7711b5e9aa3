"""The catalog over HTTP: flat rows, names, nodes."""

import pytest

from ca_core.api.catalog_handlers import connect, datacenters, node, nodes, service, services
from ca_core.catalog.views import ViewKind
from ca_core.errors import RequestError
from tests.unit.api.discovering import Room, instance, node_of, on_node, proxy


@pytest.fixture
def room():
    """Return a room where everybody may everything."""
    return Room()


async def test_a_row_is_flat_and_without_checks(room):
    """The fields that Consul's clients read, under Consul's names."""
    row = instance(tags=("v1",), meta={"rack": "1"}, address="10.9.9.9")
    room.views.put(ViewKind.SERVICE, "web", (row,))
    (found,) = await room.read(service, service="web")
    assert found == {
        "ID": "", "Node": "n1", "Address": "10.0.0.1", "Datacenter": "dc1",
        "TaggedAddresses": {}, "NodeMeta": {"rack": "1"}, "ServiceKind": "", "ServiceID": "web",
        "ServiceName": "web", "ServiceTags": ["v1"], "ServiceAddress": "10.9.9.9",
        "ServiceTaggedAddresses": {}, "ServiceWeights": {"Passing": 1, "Warning": 1},
        "ServiceMeta": {}, "ServicePort": 80, "ServiceSocketPath": "",
        "ServiceEnableTagOverride": False, "ServiceProxy": {}, "ServiceConnect": {},
        "CreateIndex": 0, "ModifyIndex": 0,
    }  # fmt: skip


async def test_connect_lists_proxies_under_the_name_they_stand_for(room):
    """The proxy's own name is in the row."""
    room.views.put(ViewKind.CONNECT, "web", (proxy(),))
    (found,) = await room.read(connect, service="web")
    assert found["ServiceName"] == "web-sidecar-proxy"
    assert found["ServiceProxy"] == {"DestinationServiceName": "web"}


async def test_rows_are_chosen_by_tag_and_meta(room):
    """``passing`` has no meaning in rows without checks, and is refused."""
    rows = (instance(tags=("v1",)), instance(node="n2", tags=("v2",), meta={"rack": "2"}))
    room.views.put(ViewKind.SERVICE, "web", rows)
    for query in ("tag=v2", "node-meta=rack:2"):
        (found,) = await room.read(service, query, service="web")
        assert found["Node"] == "n2"
    with pytest.raises(RequestError, match="'passing' query parameter has no effect here"):
        await room.ask(service, "passing", service="web")


async def test_services_are_names_with_their_tags(room):
    """An object, also when it is empty."""
    assert (await room.ask(services)).body == b"{}"
    room.views.put(ViewKind.SERVICES, "", {"web": ("v1", "v2"), "db": ()})
    assert await room.read(services) == {"web": ["v1", "v2"], "db": []}


async def test_nodes_are_chosen_by_meta(room):
    """All of them unless it is asked for."""
    listed = (node_of("n1", meta={"rack": "1"}), node_of("n2"))
    room.views.put(ViewKind.NODES, "", listed)
    assert [one["Node"] for one in await room.read(nodes)] == ["n1", "n2"]
    assert [one["Node"] for one in await room.read(nodes, "node-meta=rack:1")] == ["n1"]


async def test_a_node_has_its_services_by_their_ids(room):
    """As ``/v1/catalog/node/:node`` of Consul."""
    room.views.put(ViewKind.NODE, "n1", on_node("n1", instance(id="web-1"), instance("db")))
    found = await room.read(node, node="n1")
    assert found["Node"]["Node"] == "n1"
    assert {key: one["Service"] for key, one in found["Services"].items()} == {
        "web-1": "web",
        "db": "db",
    }


async def test_a_node_that_is_not_there_is_null(room):
    """As in Consul: there is no list that could be empty."""
    answer = await room.ask(node, node="gone")
    assert (answer.status, answer.body) == (200, b"null")


async def test_there_is_one_datacenter(room):
    """Ours."""
    assert await room.read(datacenters) == ["dc1"]


@pytest.mark.parametrize("handler", [services, nodes])
@pytest.mark.parametrize("query", ["tag=v1", "passing", "filter=ID==a", "near=_agent", "dc=dc2"])
async def test_lists_refuse_what_they_cannot_filter_by(room, handler, query):
    """A whole list that looks filtered misleads."""
    with pytest.raises(RequestError):
        await room.ask(handler, query)
    assert room.views.looked_at == []
