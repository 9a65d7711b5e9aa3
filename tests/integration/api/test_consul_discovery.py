"""Consul's client library, unmodified: services, checks, catalog and health, as programs use it.

Nothing here sleeps: whoever waits for a change blocks on the index, as the library's users do.
"""

import json
import queue
import threading
from contextlib import contextmanager

import consul
import httpx
import pytest
from consul import Check
from consul.callback import CB
from consul.exceptions import ACLPermissionDenied, BadRequest, ConsulException

from ca_core.api.routes import ROUTES
from docs.pyconsul import CALLS
from tests.integration.api.world import ME, dev, mesh

PATIENCE = 10.0
SIDECAR = {"SidecarService": {}}


@pytest.fixture(scope="module")
def home():
    """Return where a ``dev`` of its own answers."""
    with dev() as client:
        yield client.base_url


@contextmanager
def library(where, token=None, **more):
    """Lend py-consul pointed at an address."""
    with consul.Consul(host=where.host, port=where.port, token=token, **more) as found:
        yield found


@pytest.fixture
def client(home):
    """Return py-consul pointed at ``dev``."""
    with library(home) as found:
        yield found


def until(read, fits):
    """Read until the value fits, blocking on the index; return it."""
    index = None
    for _ in range(20):
        index, value = read(index=index, wait="5s")
        if fits(value):
            return value
    raise AssertionError(value)


def passing(client, name):
    """Return how instances of a service are followed that pass."""

    def read(index, wait):
        return client.health.service(name, passing=True, index=index, wait=wait)

    return read


@pytest.fixture
def web(client):
    """Register ``web`` with a check that the program itself answers, and a sidecar."""
    assert client.agent.service.register(
        "web",
        service_id="web-1",
        address="127.0.0.1",
        port=8080,
        tags=["v1"],
        meta={"team": "shop"},
        check=Check.ttl("10m"),
        connect=SIDECAR,
    )
    assert client.agent.check.ttl_pass("service:web-1")
    until(passing(client, "web"), len)
    yield "web-1"
    client.agent.service.deregister("web-1")
    until(passing(client, "web"), lambda rows: not rows)


def test_the_endpoints_of_the_listed_calls_are_served():
    """The page promises nothing that is not there."""
    served = {f"{route.method} {route.path}" for route in ROUTES}
    assert set(CALLS.values()) <= served


def agents_answer(client, service_id):
    """Return what the local agent says of everything there is."""
    return {
        "agent.self": client.agent.self(),
        "agent.services": client.agent.services()[service_id],
        "agent.service_definition": client.agent.service_definition(service_id),
        "agent.checks": client.agent.checks()["service:web-1"],
        "agent.connect.ca.roots": client.agent.connect.ca.roots(),
        "agent.connect.ca.leaf": client.agent.connect.ca.leaf("web"),
    }


def discovered(client, node):
    """Return what agents and servers say of ``web``; indexes are dropped."""
    indexed = {
        "catalog.nodes": client.catalog.nodes(),
        "catalog.services": client.catalog.services(),
        "catalog.node": client.catalog.node(node),
        "catalog.service": client.catalog.service("web", tag="v1"),
        "catalog.connect": client.catalog.connect("web"),
        "health.service": client.health.service("web", passing=True, tag=["v1"]),
        "health.connect": client.health.connect("web"),
        "health.checks": client.health.checks("web"),
        "health.state": client.health.state("any"),
        "health.node": client.health.node(node),
    }
    assert all(int(index) > 0 for index, _ in indexed.values())
    return {"catalog.datacenters": client.catalog.datacenters()} | {
        call: value for call, (_, value) in indexed.items()
    }


def hold_together(found):
    """Check that every answer tells of the same instance, node and checks."""
    (row,) = found["health.service"]
    node = row["Node"]["Node"]
    assert (row["Service"]["ID"], row["Service"]["Port"]) == ("web-1", 8080)
    assert {check["CheckID"] for check in row["Checks"]} == {"serfHealth", "service:web-1"}
    (flat,) = found["catalog.service"]
    assert (flat["ServiceID"], flat["Node"], flat["ServiceMeta"]) == (
        "web-1", node, {"team": "shop"},
    )  # fmt: skip
    (through,) = found["health.connect"]
    assert through["Service"]["Proxy"]["DestinationServiceName"] == "web"
    assert [one["ServiceName"] for one in found["catalog.connect"]] == ["web-sidecar-proxy"]
    assert found["catalog.services"]["web"] == ["v1"]
    assert node in {one["Node"] for one in found["catalog.nodes"]}
    assert "web-1" in found["catalog.node"]["Services"]
    assert [one["CheckID"] for one in found["health.checks"]] == ["service:web-1"]
    for call in ("health.state", "health.node"):
        assert {"serfHealth", "service:web-1"} <= {one["CheckID"] for one in found[call]}
    assert found["catalog.datacenters"] == ["dc1"]


def test_every_read_of_the_library_tells_of_a_registered_service(client, web):
    """Agent, catalog and health agree."""
    told = agents_answer(client, web)
    assert told["agent.services"]["Service"] == "web"
    assert told["agent.service_definition"]["Meta"] == {"team": "shop"}
    assert told["agent.checks"]["Status"] == "passing"
    found = discovered(client, told["agent.self"]["Config"]["NodeName"])
    hold_together(found)
    driven = {*told, *found, *WRITES, *TRUST}
    assert driven == set(CALLS)


WRITES = (
    *("agent.service.register", "agent.service.deregister", "agent.service.maintenance"),
    *("agent.check.register", "agent.check.deregister"),
    *("agent.check.ttl_pass", "agent.check.ttl_warn", "agent.check.ttl_fail"),
)
TRUST = ("connect.ca.roots", "status.leader", "agent.connect.authorize")
"""Driven below, and by the tests of trust."""


@pytest.mark.usefixtures("web")
def test_a_check_moves_a_service_in_and_out_of_discovery(client):
    """Pass, warn, fail and update, each seen by whoever follows the service."""

    def has(status):
        def fits(rows):
            return {c["Status"] for row in rows for c in row["Checks"] if c["ServiceID"]} == {
                status
            }

        return fits

    def read(index, wait):
        return client.health.service("web", index=index, wait=wait)

    assert client.agent.check.ttl_warn("service:web-1", notes="slow")
    (row,) = until(read, has("warning"))
    assert "slow" in {check["Output"] for check in row["Checks"]}
    assert client.health.service("web", passing=True)[1] == []
    assert client.agent.check.ttl_fail("service:web-1")
    until(read, has("critical"))
    assert "service:web-1" in {one["CheckID"] for one in client.health.state("critical")[1]}
    body = json.dumps({"Status": "passing", "Output": "well"})
    assert client.http.put(CB.boolean(), "/v1/agent/check/update/service:web-1", data=body)
    until(read, has("passing"))


@pytest.mark.usefixtures("web")
def test_maintenance_takes_a_service_out_until_it_is_over(client):
    """A check of its own says why."""
    assert client.agent.service.maintenance("web-1", "true", "disk")
    until(passing(client, "web"), lambda rows: not rows)
    assert client.agent.service.maintenance("web-1", "false")
    until(passing(client, "web"), len)


@pytest.mark.usefixtures("web")
def test_a_check_of_its_own_counts_for_the_service_it_names(client):
    """Registered and taken away while the service runs."""
    assert client.agent.check.register(
        "disk", check=Check.ttl("10m"), check_id="disk", service_id="web-1"
    )
    until(passing(client, "web"), lambda rows: not rows)
    assert client.agent.check.deregister("disk")
    until(passing(client, "web"), len)


def test_in_one_process_the_agent_answers(home):
    """``dev`` serves both: discovery comes from the agent's memory, as outside ``dev``."""
    with httpx.Client(base_url=home, trust_env=False) as asking:
        for _ in range(2):
            answer = asking.get("/v1/health/service/memory")
        assert (answer.json(), answer.headers["x-cache"]) == ([], "HIT")


def test_what_is_not_here_is_refused_in_words(client):
    """The library's own exception, with our sentence in it."""
    with pytest.raises(BadRequest, match="near"):
        client.health.service("web", near="_agent")
    with pytest.raises(BadRequest, match="filter"):
        client.catalog.nodes(filter_expr='Node == "n1"')
    with pytest.raises(BadRequest, match="central"):
        client.health.connect("web", merge_central_config=True)
    with pytest.raises(BadRequest, match="only 'dc1' is served here"):
        client.catalog.services(dc="dc2")


def followed(where, read, found):
    """Follow something on a thread of its own, as the library's documentation has it.

    The index goes into the next question; one that runs backwards is reset. Every value goes into
    ``found``. It ends when nobody answers any more.
    """

    def run():
        index = None
        with library(where) as client:
            while True:
                try:
                    told, value = read(client, index)
                except (ConsulException, OSError):
                    return
                index = None if index is not None and int(told) < int(index) else told
                found.put(value)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def read_roots(client, index):
    """Read the agent's roots once they are others."""
    params = [("index", index), ("wait", "10s")] if index else []
    return client.http.get(CB.json(index=True), "/v1/agent/connect/ca/roots", params=params)


def read_web(client, index):
    """Read the instances of ``web`` that pass, once they are others."""
    return client.health.service("web", passing=True, index=index, wait="10s")


def awaited(found, fits):
    """Return the first value that fits."""
    while not fits(value := found.get(timeout=PATIENCE)):
        pass
    return value


def test_a_watch_follows_roots_and_health_through_a_rotation():
    """The new root is seen before it signs; the service stays found all the while."""
    roots, rows = queue.Queue(), queue.Queue()
    with dev() as client, library(client.base_url) as own:
        threads = [
            followed(client.base_url, read_roots, roots),
            followed(client.base_url, read_web, rows),
        ]
        (first,) = awaited(roots, lambda one: one["ActiveRootID"])["Roots"]
        assert awaited(rows, lambda found: True) == []
        own.agent.service.register("web", port=8080)
        assert awaited(rows, len)[0]["Service"]["ID"] == "web"
        row = client.put("/v1/connect/ca/rotate?wait=30s", timeout=40).json()
        assert row["Phase"] == "active", row
        both = awaited(roots, lambda one: len(one["Roots"]) == 2)
        assert first["ID"] in {one["ID"] for one in both["Roots"]}
        now = awaited(roots, lambda one: one["ActiveRootID"] != first["ID"])
        assert now["ActiveRootID"] == own.connect.ca.roots()["ActiveRootID"]
        own.agent.service.deregister("web")
        awaited(rows, lambda found: not found)
        assert isinstance(own.status.leader(), str)
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def agreed(near, server):
    """Return what agent and server both say; the first runs of checks may come in between."""
    for _ in range(20):
        of_agent, of_server = discovered(near, "n1"), discovered(server, "n1")
        if of_agent == of_server:
            break
    assert of_agent == of_server
    return of_agent


def test_agent_and_server_give_a_token_the_same_answers(tmp_path):
    """Over mTLS between them, and TLS to the server: rows, and what is refused."""
    with mesh() as built:
        agent = built.join("n1", web=(ME,))
        rules = (
            'service_prefix "web" { policy = "write" } node_prefix "" { policy = "read" }'
            ' agent_prefix "" { policy = "read" }'
        )
        with built.operator() as operator:
            policy = operator.put("/v1/acl/policy", json={"Name": "p", "Rules": rules}).json()
            held = {"Policies": [{"ID": policy["ID"]}]}
            token = operator.put("/v1/acl/token", json=held).json()["SecretID"]
            pem = operator.get("/v1/connect/ca/roots?pem").content
        (tmp_path / "roots.pem").write_bytes(pem)
        where, far = httpx.URL(agent.url), httpx.URL(built.url)
        over_tls = {"scheme": "https", "verify": str(tmp_path / "roots.pem")}
        with library(where, token) as near, library(far, token, **over_tls) as server:
            assert near.agent.service.register(
                "web", service_id="web-1", port=8080, tags=["v1"], meta={"team": "shop"},
                check=Check.ttl("10m"), connect=SIDECAR,
            )  # fmt: skip
            assert near.agent.check.ttl_pass("service:web-1")
            for asked in (near, server):
                until(passing(asked, "web"), len)
                until(lambda asked=asked, **more: asked.health.connect("web", **more), len)
            hold_together(agreed(near, server))
            for asked in (near, server):
                with pytest.raises(ACLPermissionDenied, match="service:read"):
                    asked.health.connect("bank")
                assert asked.health.service("bank")[1] == []
