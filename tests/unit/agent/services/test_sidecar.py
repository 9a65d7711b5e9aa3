"""A sidecar follows from its service, but for what is said of it."""

import pytest

from ca_core.agent.services.definitions import Alias, Registration, Tcp
from ca_core.agent.services.localstate import LocalState
from ca_core.agent.services.servicebodies import body_of
from ca_core.agent.services.sidecar import PORTS, registrations_of
from ca_core.agent.services.state import registered
from ca_core.errors import ConflictError, RequestError
from ca_core.wire.catalog import Service
from ca_core.wire.services import ServiceBody

EMPTY = LocalState()


def sidecar(state=EMPTY, asked=None, **more):
    """Return the service and its sidecar."""
    body = {"Name": "web", "ID": "w1", "Port": 8080, **more}
    body["Connect"] = {"SidecarService": {} if asked is None else asked}
    return registrations_of(body_of(body, ServiceBody), state, "n1")


def with_ports(*ports):
    """Return the state of a host whose services have these ports."""
    state = EMPTY
    for port in ports:
        service = Service(id=f"s{port}", service="s", port=port)
        state = registered(state, Registration(service=service), at=0.0)
    return state


def test_what_is_left_out_follows_from_the_service():
    """Name, id, tags, meta data, address, and what it stands in front of."""
    more = {"Tags": ["a"], "Meta": {"k": "v"}, "Address": "10.0.0.1", "EnableTagOverride": True}
    parent, beside = sidecar(**more)
    service = beside.service
    assert (service.id, service.service) == ("w1-sidecar-proxy", "web-sidecar-proxy")
    assert (service.kind, service.port, beside.parent) == ("connect-proxy", 21000, "w1")
    assert (service.tags, service.meta, service.address) == (("a",), {"k": "v"}, "10.0.0.1")
    assert service.enable_tag_override
    proxy = service.proxy
    assert (proxy.destination_service_name, proxy.destination_service_id) == ("web", "w1")
    assert (proxy.local_service_address, proxy.local_service_port) == ("127.0.0.1", 8080)
    assert parent.service.connect.native is False


def test_its_checks_are_whether_it_listens_and_how_its_service_is():
    """Unless it brings its own."""
    _, beside = sidecar()
    listening, following = beside.checks
    assert isinstance(listening.kind, Tcp)
    assert (listening.kind.host, listening.kind.port) == ("127.0.0.1", 21000)
    assert following.kind == Alias(service_id="w1")
    assert {check.service_id for check in beside.checks} == {"w1-sidecar-proxy"}
    _, own = sidecar(asked={"Check": {"TTL": "10s"}})
    assert [check.type for check in own.checks] == ["ttl"]


def test_what_is_said_of_it_counts():
    """Upstreams above all."""
    upstream = {"DestinationName": "db", "LocalBindPort": 9191}
    asked = {
        "Name": "web-proxy",
        "Port": 9000,
        "Tags": ["b"],
        "Proxy": {"Upstreams": [upstream], "Config": {"a": 1}},
    }
    _, beside = sidecar(asked=asked, Tags=["a"])
    service = beside.service
    assert (service.service, service.port, service.tags) == ("web-proxy", 9000, ("b",))
    assert service.proxy.upstreams[0].destination_name == "db"
    assert service.proxy.destination_service_name == "web"


def test_the_port_is_the_lowest_that_nobody_here_has():
    """From 21000 to 21255."""
    assert sidecar(with_ports(21000, 21001, 21003))[1].service.port == 21002


def test_a_sidecar_keeps_its_port():
    """A service that registers again must not move its proxy."""
    state = with_ports(21000)
    for each in sidecar(state):
        state = registered(state, each, at=0.0)
    assert state.services["w1-sidecar-proxy"].service.port == 21001
    lower_is_free = LocalState.of(each for key, each in state.services.items() if key != "s21000")
    assert sidecar(lower_is_free)[1].service.port == 21001


def test_without_a_free_port_nothing_is_registered():
    """The message says which one to name."""
    with pytest.raises(ConflictError) as raised:
        sidecar(with_ports(*PORTS))
    assert "Port" in raised.value.hint


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("Connect.SidecarService.ID", {"ID": "mine"}),
        ("Connect.SidecarService.Connect.SidecarService", {"Connect": {"SidecarService": {}}}),
        ("Connect.SidecarService.Token", {"Token": "t"}),
        ("Connect.SidecarService.Connect.Native", {"Connect": {"Native": True}}),
        (
            "Connect.SidecarService.Proxy.Upstreams[0].LocalBindPort",
            {"Proxy": {"Upstreams": [{"DestinationName": "db"}]}},
        ),
    ],
)
def test_a_fault_of_a_sidecar_is_told_with_its_place(field, asked):
    """Not that of its service."""
    with pytest.raises(RequestError) as raised:
        sidecar(asked=asked)
    assert raised.value.field == field


def test_a_proxy_has_no_sidecar():
    """Nor has a service that speaks mTLS itself."""
    proxy = {"Kind": "connect-proxy", "Proxy": {"DestinationServiceName": "db"}}
    with pytest.raises(RequestError):
        sidecar(**proxy)
    body = {"Name": "web", "Port": 1, "Connect": {"Native": True, "SidecarService": {}}}
    with pytest.raises(RequestError):
        registrations_of(body_of(body, ServiceBody), EMPTY, "n1")
