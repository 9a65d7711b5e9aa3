"""Tests of `catalog services`, `catalog service` and `catalog nodes`."""

import json

import msgspec
import pytest

from ca_core.cli.catalog_actions import MOST_OUTPUT, health_of
from ca_core.wire.catalog import Node
from tests.unit.api.discovering import check_of, instance, proxy

SERVICES = "/v1/catalog/services"
HEALTH = "/v1/health/service/web"


@pytest.fixture
def agent(api, monkeypatch):
    """Return a fake agent that knows ``web`` on two nodes."""
    monkeypatch.setenv("CA_CORE_HTTP_ADDR", api.url)
    rows = (instance(tags=("v1",), address="10.9.9.9"), instance(node="n2", status="warning"))
    nodes = (Node(node="n1", address="10.0.0.1", meta={"rack": "1"}), Node(node="n2"))
    checks = (check_of(), check_of(node="n2", status="critical"), check_of("web", node="n2"))
    api.answer("GET", SERVICES, {"web": ["v1", "v2"], "db": []})
    api.answer("GET", HEALTH, msgspec.json.encode(rows))
    api.answer("GET", "/v1/health/connect/web", msgspec.json.encode((proxy(),)))
    api.answer("GET", "/v1/catalog/nodes", msgspec.json.encode(nodes))
    api.answer("GET", "/v1/health/state/any", msgspec.json.encode(checks))
    return api


def asked(api):
    """Return what was asked for."""
    return [where for _, where, _, _ in api.requests]


@pytest.mark.usefixtures("agent")
def test_services_are_listed_by_name(run):
    """With their tags."""
    lines = run("catalog", "services").stdout.splitlines()
    assert [line.split() for line in lines] == [["SERVICE", "TAGS"], ["db"], ["web", "v1,", "v2"]]


@pytest.mark.usefixtures("agent")
def test_json_is_what_the_api_answers(run):
    """Unchanged."""
    assert json.loads(run("catalog", "services", "--output", "json").stdout) == {
        "web": ["v1", "v2"],
        "db": [],
    }
    (first, _) = json.loads(run("catalog", "service", "web", "-o", "json").stdout)
    assert first["Service"]["ID"] == "web"


@pytest.mark.usefixtures("agent")
def test_json_of_nodes_says_how_their_agents_stand(run):
    """Beside what the API answers; programs know what the table shows."""
    first, second = json.loads(run("catalog", "nodes", "-o", "json").stdout)
    assert (first["Node"], first["AgentStatus"]) == ("n1", "passing")
    assert (second["Node"], second["AgentStatus"]) == ("n2", "critical")


@pytest.mark.usefixtures("agent")
def test_a_service_is_shown_with_its_places_and_its_health(run):
    """The instance's own address goes before that of its node; bad news names its check."""
    _, first, second = run("catalog", "service", "web").stdout.splitlines()
    assert first.split() == ["n1", "web", "10.9.9.9:80", "v1", "passing"]
    assert second.split() == ["n2", "web", "10.0.0.1:80", "warning:", "service:web"]


def test_what_is_asked_for_is_asked_of_the_api(run, agent):
    """The mesh's endpoint with ``--connect``; names are escaped."""
    run("catalog", "service", "web", "--connect")
    run("catalog", "service", "web", "--passing", "--tag", "v1", "--tag", "a&b")
    run("catalog", "service", "a/b")
    assert asked(agent) == [
        "/v1/health/connect/web",
        f"{HEALTH}?passing=true&tag=v1&tag=a%26b",
        "/v1/health/service/a%2Fb",
    ]


def test_nothing_says_what_to_do(run, agent):
    """An empty table would look like a failure."""
    agent.answer("GET", HEALTH, [])
    assert "`ca-core catalog services` lists" in run("catalog", "service", "web").stdout


@pytest.mark.usefixtures("agent")
def test_nodes_are_shown_with_whether_their_agents_call(run):
    """The check that says so, whatever other checks say."""
    _, first, second = run("catalog", "nodes").stdout.splitlines()
    assert first.split() == ["n1", "10.0.0.1", "rack=1", "passing"]
    assert second.split() == ["n2", "critical"]


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ("", "passing"),
        ("pp", "passing"),
        ("pw", "warning: 1"),
        ("wc", "critical: 1"),
        ("cwc", "critical: 0, 2"),
    ],
)
def test_an_instance_is_as_healthy_as_its_worst_check(statuses, said):
    """Critical, else warning, else passing."""
    words = {"p": "passing", "w": "warning", "c": "critical"}
    checks = [check_of(status=words[one], id=str(at)) for at, one in enumerate(statuses)]
    assert health_of(checks) == said


def test_bad_news_says_what_its_check_said():
    """One line of it, after the name; what a passing check said is none."""
    checks = [
        check_of(status="critical", id="a", output="Connection refused\nand more"),
        check_of(status="critical", id="b", output=" \n"),
        check_of(status="passing", id="c", output="well"),
        check_of(status="critical", id="d", output="x" * 500),
    ]
    assert health_of(checks) == f"critical: a (Connection refused), b, d ({'x' * MOST_OUTPUT})"
