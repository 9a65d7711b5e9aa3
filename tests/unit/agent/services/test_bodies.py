"""What programs send is read strictly: each fault is told with its place."""

from datetime import timedelta

import pytest

from ca_core.agent.services.definitions import Alias, Http, Tcp, Thresholds, Ttl
from ca_core.agent.services.localstate import LocalState
from ca_core.agent.services.servicebodies import body_of, registration_of
from ca_core.agent.services.sidecar import registrations_of
from ca_core.errors import RequestError
from ca_core.wire.catalog import CheckStatus
from ca_core.wire.services import CheckBody, ServiceBody

URL = "http://127.0.0.1:80/"
PROXY = {"Name": "p", "Kind": "connect-proxy", "Port": 1}
FOR_WEB = {"DestinationServiceName": "web"}
UPSTREAM = {"DestinationName": "db", "LocalBindPort": 9191}


def read(**body):
    """Return what a body registers."""
    return registration_of(body_of(body, ServiceBody), "n1")


def check(**body):
    """Return the one check of a service."""
    return read(Name="web", Check=body).checks[0]


def test_what_is_left_out_has_consuls_defaults():
    """A name is enough; the id is the name."""
    service = read(Name="web").service
    assert (service.id, service.kind, service.weights.passing) == ("web", "", 1)


def test_keys_come_in_any_case_and_with_underscores():
    """As Consul takes them, and its libraries send them."""
    found = read(name="web", enable_tag_override=True, tagged_addresses={"lan": {"address": "a"}})
    assert found.service.enable_tag_override
    assert found.service.tagged_addresses == {"lan": {"Address": "a", "Port": 0}}


def test_free_keys_stay_as_they_are():
    """Meta data and the configuration of a proxy are the program's."""
    proxy = {"DestinationServiceName": "web", "Config": {"my_key": {"Sub_Key": 1}}}
    assert read(**PROXY, Proxy=proxy).service.proxy.config == {"my_key": {"Sub_Key": 1}}
    assert read(Name="web", Meta={"my_key": "v"}).service.meta == {"my_key": "v"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"TTL": "10s"}, Ttl(ttl=timedelta(seconds=10))),
        ({"TTL": 10_000_000_000}, Ttl(ttl=timedelta(seconds=10))),
        (
            {"TCP": "localhost:80", "Interval": "10s", "Timeout": "1s"},
            Tcp(host="localhost", port=80, interval=timedelta(seconds=10), timeout=timedelta(0, 1)),
        ),
        (
            {"TCP": "[::1]:80", "Interval": "10ms"},
            Tcp(host="::1", port=80, interval=timedelta(0, 1), timeout=timedelta(0, 10)),
        ),
        ({"AliasService": "db"}, Alias(service_id="db")),
        ({"AliasNode": "n1"}, Alias(service_id="")),
        (
            {"HTTP": URL, "Interval": "5s", "method": "post", "Header": {"X-A": ["1", "2"]}},
            Http(
                url=URL,
                method="POST",
                headers=(("X-A", "1"), ("X-A", "2")),
                interval=timedelta(0, 5),
                timeout=timedelta(0, 10),
            ),
        ),
    ],
)
def test_a_check_is_one_of_four_kinds(body, kind):
    """Durations are texts or nanoseconds; intervals below a second count as one."""
    assert check(**body).kind == kind


def test_checks_are_numbered_where_there_are_several():
    """As Consul's clients expect to find them; one alone has no number."""
    found = read(Name="web", Check={"TTL": "1s"}, Checks=[{"TTL": "2s"}, {"TTL": "3s"}])
    assert [each.id for each in found.checks] == ["service:web:1", "service:web:2", "service:web:3"]
    assert check(TTL="1s").id == "service:web"
    assert check(TTL="1s", CheckID="mine", Name="My check").id == "mine"


def test_an_empty_check_is_none():
    """Libraries send one that says nothing."""
    assert read(Name="web", Check={}, Checks=[]).checks == ()


def test_a_check_begins_critical_unless_it_says_more():
    """Nobody gets traffic before it was seen to work."""
    assert check(TTL="1s").status is CheckStatus.CRITICAL
    assert check(TTL="1s", Status="passing").status is CheckStatus.PASSING


def test_failures_count_as_critical_at_once_by_default():
    """And a warning comes no later than that."""
    assert check(TTL="1s").thresholds == Thresholds()
    found = check(TTL="1s", FailuresBeforeCritical=3, SuccessBeforePassing=2).thresholds
    assert found == Thresholds(passing=2, warning=3, critical=3)


def test_what_go_clients_send_empty_says_nothing():
    """Zero values of fields that are not served are no wish."""
    empty = {"Script": "", "GRPC": "", "DockerContainerID": "", "Args": None, "UDP": ""}
    assert check(TTL="1s", **empty).kind == Ttl(ttl=timedelta(seconds=1))
    assert read(Name="web", Namespace="default", Partition="").service.id == "web"


def test_no_header_of_a_check_is_shown():
    """It may be a password."""
    secret = "sesame"
    found = check(HTTP=URL, Interval="1s", Header={"Authorization": [secret]}, Body=secret)
    assert secret not in repr(found)
    assert secret not in repr(body_of({"Header": {"A": [secret]}}, CheckBody))


TTL_ = {"TTL": "1s"}
RUN = {"Interval": "1s"}


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("Name", {}),
        ("Name", {"Name": "a b"}),
        ("Name", {"Name": "a/b"}),
        ("Name", {"Name": "x" * 300}),
        ("ID", {"Name": "web", "ID": "a b"}),
        ("ID", {"Name": "web", "ID": "a/b"}),
        ("ID", {"Name": "web", "ID": "a\nb"}),
        ("ID", {"Name": "web", "ID": ".."}),
        ("Kind", {"Name": "web", "Kind": "mesh-gateway"}),
        ("Port", {"Name": "web", "Port": 65536}),
        ("Port", {"Name": "web", "Port": -1}),
        ("Port", {"Name": "web", "Connect": {"Native": True}}),
        ("Address", {"Name": "web", "Address": "0.0.0.0"}),
        ("Address", {"Name": "web", "Address": "a b"}),
        ("Tags", {"Name": "web", "Tags": ["x"] * 65}),
        ("Tags", {"Name": "web", "Tags": ["a\x1b"]}),
        ("Meta", {"Name": "web", "Meta": {"a b": "v"}}),
        ("Meta", {"Name": "web", "Meta": {"consul-x": "v"}}),
        ("Meta.k", {"Name": "web", "Meta": {"k": "v" * 513}}),
        ("Meta", {"Name": "web", "Meta": {f"k{n}": "" for n in range(65)}}),
        ("Weights", {"Name": "web", "Weights": {"Passing": 0}}),
        ("Weights", {"Name": "web", "Weights": {"Passing": 1, "Warning": -1}}),
        ("TaggedAddresses.lan.Port", {"Name": "w", "TaggedAddresses": {"lan": {"Port": 70000}}}),
        ("Token", {"Name": "web", "Token": "secret"}),
        ("Locality", {"Name": "web", "Locality": {"Region": "r"}}),
        ("Namespace", {"Name": "web", "Namespace": "other"}),
        ("Proxy", {"Name": "web", "Proxy": {"DestinationServiceName": "db"}}),
        ("Connect.Gateway", {"Name": "web", "Connect": {"Gateway": {"x": 1}}}),
        ("Connect.Native", {**PROXY, "Proxy": FOR_WEB, "Connect": {"Native": True}}),
        ("Port", {"Name": "p", "Kind": "connect-proxy", "Proxy": {"DestinationServiceName": "w"}}),
        ("Proxy.DestinationServiceName", PROXY),
        ("Proxy.DestinationServiceName", {**PROXY, "Proxy": {"DestinationServiceName": "*"}}),
        ("Proxy.Mode", {**PROXY, "Proxy": {"DestinationServiceName": "w", "Mode": "transparent"}}),
        ("Check.GRPC", {"Name": "web", "Check": {"GRPC": "h:1", **RUN}}),
        ("Check.DockerContainerID", {"Name": "web", "Check": {"DockerContainerID": "x", **RUN}}),
        ("Check.Args", {"Name": "web", "Check": {"Args": ["true"], **RUN}}),
        ("Check.Script", {"Name": "web", "Check": {"Script": "true", **RUN}}),
        ("Check.H2PING", {"Name": "web", "Check": {"H2PING": "h:1", **RUN}}),
        ("Check.UDP", {"Name": "web", "Check": {"UDP": "h:1", **RUN}}),
        ("Check.OSService", {"Name": "web", "Check": {"OSService": "x", **RUN}}),
        ("Check.TCPUseTLS", {"Name": "web", "Check": {"TCP": "h:1", "TCPUseTLS": True, **RUN}}),
        ("Check.Token", {"Name": "web", "Check": {**TTL_, "Token": "x"}}),
        ("Check", {"Name": "web", "Check": {"Name": "nothing to do"}}),
        ("Check", {"Name": "web", "Check": {**TTL_, "HTTP": URL, **RUN}}),
        ("Check.TTL", {"Name": "web", "Check": {**TTL_, **RUN}}),
        ("Check.TTL", {"Name": "web", "Check": {"TTL": "10"}}),
        ("Check.TTL", {"Name": "web", "Check": {"TTL": -1}}),
        ("Check.Status", {"Name": "web", "Check": {**TTL_, "Status": "fine"}}),
        ("Check.CheckID", {"Name": "web", "Check": {**TTL_, "CheckID": "serfHealth"}}),
        ("Check.CheckID", {"Name": "web", "Check": {**TTL_, "CheckID": "_node_maintenance"}}),
        ("Check.CheckID", {"Name": "web", "Check": {**TTL_, "CheckID": "a/b"}}),
        ("Check.ServiceID", {"Name": "web", "Check": {**TTL_, "ServiceID": "db"}}),
        ("Checks", {"Name": "web", "Checks": [{**TTL_, "CheckID": "a"}] * 2}),
        ("Checks", {"Name": "web", "Checks": [TTL_] * 65}),
        ("Check.AliasNode", {"Name": "web", "Check": {"AliasNode": "n2", "AliasService": "db"}}),
        ("Check.TCP", {"Name": "web", "Check": {"TCP": "localhost", **RUN}}),
        ("Check.TCP", {"Name": "web", "Check": {"TCP": "localhost:99999", **RUN}}),
        ("Check.Interval", {"Name": "web", "Check": {"TCP": "localhost:1"}}),
        ("Check.Timeout", {"Name": "web", "Check": {"TCP": "h:1", **RUN, "Timeout": "1h"}}),
        ("Check.HTTP", {"Name": "web", "Check": {"HTTP": "ftp://h/", **RUN}}),
        ("Check.HTTP", {"Name": "web", "Check": {"HTTP": "http://", **RUN}}),
        ("Check.HTTP", {"Name": "web", "Check": {"HTTP": "http://h:x/", **RUN}}),
        ("Check.HTTP", {"Name": "web", "Check": {"HTTP": "http://u:p@h/", **RUN}}),
        ("Check.HTTP", {"Name": "web", "Check": {"HTTP": "http://h/a b", **RUN}}),
        ("Check.HTTP", {"Name": "web", "Check": {"HTTP": "http://h/\r\nX: y", **RUN}}),
        ("Check.Method", {"Name": "web", "Check": {"HTTP": URL, **RUN, "Method": "CONNECT"}}),
        ("Check.Header", {"Name": "web", "Check": {"HTTP": URL, **RUN, "Header": {"a b": ["x"]}}}),
        ("Check.Header.a", {"Name": "w", "Check": {"HTTP": URL, **RUN, "Header": {"a": ["\r\n"]}}}),
        (
            "Check.FailuresBeforeWarning",
            {"Name": "web", "Check": {**TTL_, "FailuresBeforeWarning": 2}},
        ),
        (
            "Check.SuccessBeforePassing",
            {"Name": "w", "Check": {**TTL_, "SuccessBeforePassing": -1}},
        ),
        ("Chek", {"Name": "web", "Chek": {}}),
        ("Check.Colour", {"Name": "web", "Check": {**TTL_, "Colour": "red"}}),
        ("Checks[0].Colour", {"Name": "web", "Checks": [{**TTL_, "Colour": "red"}]}),
        ("Connect.SidecarService.Prot", {"connect": {"sidecar_service": {"Prot": 1}}}),
        ("Name", {"Name": 1}),
        ("Name", {"Name": "web", "name": "web"}),
        ("EnableTagOverride", {"Name": "w", "EnableTagOverride": 1, "enable_tag_override": 1}),
    ],
)
def test_a_fault_is_told_with_its_field(field, body):
    """What is not served is no silent wish."""
    with pytest.raises(RequestError) as raised:
        read(**body)
    assert raised.value.field == field


@pytest.mark.parametrize("key", ["Knid", "knid", "KINDS"])
def test_an_unknown_key_is_refused_with_the_nearest_known_one(key):
    """However it is spelled; and nothing is said of HTTP, since files have such bodies too."""
    with pytest.raises(RequestError) as raised:
        read(**{"Name": "web", key: "x"})
    assert str(raised.value).endswith(": unknown key; did you mean 'Kind'?")


@pytest.mark.parametrize(
    ("field", "upstreams"),
    [
        ("Proxy.Upstreams", [UPSTREAM, {**UPSTREAM, "LocalBindPort": 9192}]),
        ("Proxy.Upstreams", [UPSTREAM, {**UPSTREAM, "DestinationName": "dc"}]),
        ("Proxy.Upstreams[0].LocalBindPort", [{"DestinationName": "db"}]),
        ("Proxy.Upstreams[0].DestinationName", [{"LocalBindPort": 1}]),
        ("Proxy.Upstreams[0].DestinationName", [{**UPSTREAM, "DestinationName": "*"}]),
        (
            "Proxy.Upstreams[1].DestinationType",
            [UPSTREAM, {"DestinationType": "prepared_query", "DestinationName": "q"}],
        ),
        ("Proxy.Upstreams[0].DestinationPeer", [{**UPSTREAM, "DestinationPeer": "p"}]),
    ],
)
def test_no_two_upstreams_share_a_destination_or_a_port(field, upstreams):
    """A proxy could not tell them apart."""
    proxy = {"DestinationServiceName": "web", "Upstreams": upstreams}
    with pytest.raises(RequestError) as raised:
        read(**PROXY, Proxy=proxy)
    assert raised.value.field == field


def test_only_checks_of_services_may_remove_their_service():
    """A minute at least: shorter ones count as that."""
    found = check(TTL="1s", DeregisterCriticalServiceAfter="5s")
    assert found.deregister_after == timedelta(minutes=1)


@pytest.mark.parametrize("levels", [2, 20, 300, 5000])
def test_sidecars_within_sidecars_are_refused_however_deep(levels):
    """A body that a stranger made must not break the agent."""
    body = {"Name": "web", "Port": 1}
    for _ in range(levels):
        body = {"Name": "web", "Port": 1, "Connect": {"SidecarService": body}}
    with pytest.raises(RequestError):
        registrations_of(body_of(body, ServiceBody), LocalState(), "n1")


def test_a_name_that_no_service_may_have_is_refused_once():
    """The field stands before the sentence, and no other name of it within."""
    with pytest.raises(RequestError, match=r"\AName: 'a/b' is not a service: [^:]*\Z") as raised:
        read(Name="a/b")
    assert raised.value.field == "Name"
