"""Intentions against real processes: a client library of Consul, and the command line."""

import json
from concurrent.futures import ThreadPoolExecutor

import consul
import httpx
import pytest
from consul.exceptions import BadRequest
from typer.testing import CliRunner

from ca_core.cli.main import app
from tests.integration.api.world import Running, dev, mesh, run_server

PLACE = "/v1/connect/intentions"


@pytest.fixture(scope="module")
def playground():
    """Return a client of a ``dev`` of our own: these tests write."""
    with dev() as client:
        yield client


@pytest.fixture
def intentions(playground):
    """Return py-consul's intentions, unmodified."""
    url = playground.base_url
    with consul.Consul(host=url.host, port=url.port) as library:
        yield library.connect.intentions


def test_a_client_of_consul_writes_reads_and_deletes(intentions):
    """Upsert twice, read, list, delete, and it is gone."""
    assert intentions.upsert("web", "db", action="allow", description="x") is True
    assert intentions.upsert("web", "db", action="deny", meta={"a": "b"}) is True
    found = intentions.read("web", "db")
    assert (found["Action"], found["Precedence"], found["Meta"]) == ("deny", 9, {"a": "b"})
    to_db = [each for each in intentions.list() if each["DestinationName"] == "db"]
    assert [each["SourceName"] for each in to_db] == ["web"]
    assert intentions.delete("web", "db") is True
    assert intentions.delete("web", "db") is True
    assert intentions.read("web", "db") is None


def test_a_client_of_consul_matches_and_checks(intentions):
    """In the order of evaluation; ``dev`` allows what nobody denied."""
    assert intentions.check("web", "api") is True
    permissions = [{"Action": "allow", "HTTP": {"PathPrefix": "/v1/", "Methods": ["GET"]}}]
    intentions.upsert("*", "api", action="deny")
    intentions.upsert("web", "api", action="allow")
    intentions.upsert("job", "api", permissions=permissions)
    found = intentions.match("destination", "api")["api"]
    assert [each["SourceName"] for each in found] == ["job", "web", "*"]
    assert found[0]["Permissions"] == permissions
    decided = [intentions.check(name, "api") for name in ("web", "other", "job")]
    assert decided == [True, False, False]


def test_a_refusal_reaches_a_client_of_consul_as_its_own(intentions):
    """400 with our sentence in it, where Consul answers 500."""
    with pytest.raises(BadRequest, match="must be set to 'allow' or 'deny'"):
        intentions.upsert("web", "db", action="maybe")
    with pytest.raises(BadRequest, match="filter expressions are not supported"):
        intentions.list(filter_expr='SourceName == "web"')


def test_every_method_is_on_its_path_and_no_other(playground):
    """What is not served says what is."""
    for path, allowed in (
        (PLACE, {"GET", "POST", "OPTIONS"}),
        (f"{PLACE}/exact", {"GET", "PUT", "DELETE", "OPTIONS"}),
        (f"{PLACE}/match", {"GET", "OPTIONS"}),
        (f"{PLACE}/check", {"GET", "OPTIONS"}),
        (f"{PLACE}/11111111-2222-3333-4444-555555555555", {"GET", "PUT", "DELETE", "OPTIONS"}),
    ):
        assert set(playground.options(path).headers["allow"].split(",")) == allowed
    assert playground.post(f"{PLACE}/exact", json={}).status_code == 405


def test_a_null_body_is_a_bad_request(playground):
    """It ends a request of Consul's in a panic."""
    for method, path in (("POST", PLACE), ("PUT", f"{PLACE}/exact?source=a&destination=b")):
        answer = playground.request(method, path, content=b"null")
        assert (answer.status_code, answer.headers["content-type"]) == (
            400,
            "text/plain; charset=utf-8",
        )


def test_an_old_client_creates_by_body_and_goes_by_id(playground):
    """Create, read, change, delete."""
    body = {"SourceName": "old", "DestinationName": "db", "Action": "allow"}
    place = f"{PLACE}/{playground.post(PLACE, json=body).json()['ID']}"
    assert playground.post(PLACE, json=body).status_code == 409
    assert playground.put(place, json={"Action": "deny"}).status_code == 200
    assert playground.get(place).json()["Action"] == "deny"
    assert playground.delete(place).json() is True
    assert playground.get(place).status_code == 404


def test_a_blocking_match_answers_when_its_destination_changes(playground):
    """One connection waits, another one writes."""
    query = {"by": "destination", "name": "watched"}
    first = playground.get(f"{PLACE}/match", params=query)
    later = query | {"index": first.headers["x-consul-index"], "wait": "20s"}
    with ThreadPoolExecutor(1) as thread, httpx.Client(base_url=playground.base_url) as other:
        parked = thread.submit(other.get, f"{PLACE}/match", params=later, timeout=30)
        playground.put(f"{PLACE}/exact?source=a&destination=unrelated", json={"Action": "deny"})
        playground.put(f"{PLACE}/exact?source=a&destination=watched", json={"Action": "deny"})
        assert [each["SourceName"] for each in parked.result(20).json()["watched"]] == ["a"]


def run(playground, *arguments):
    """Run the program against ``dev``."""
    address = ["--http-addr", str(playground.base_url)]
    return CliRunner().invoke(app, ["intention", *arguments, *address], prog_name="ca-core")


def test_the_command_line_goes_through_a_life(playground):
    """Create, check, match, replace, list, get, delete: each says what stands."""
    assert run(playground, "create", "cli", "store").stdout == "Created: cli => store (allow)\n"
    assert run(playground, "create", "cli", "store", "--deny").exit_code == 2
    assert run(playground, "check", "cli", "store").exit_code == 0
    assert run(playground, "create", "--replace", "--deny", "cli", "store").exit_code == 0
    refused = run(playground, "check", "cli", "store")
    assert refused.exit_code == 1
    assert "Matched L4 intention: default/cli => default/store" in refused.stdout
    assert run(playground, "match", "store").stdout == "cli => store (deny)\n"
    assert "store" in run(playground, "list").stdout
    told = json.loads(run(playground, "get", "cli", "store", "-o", "json").stdout)
    assert told["Action"] == "deny"
    assert run(playground, "delete", "cli", "store").exit_code == 0
    assert run(playground, "get", "cli", "store").exit_code == 2


def test_intentions_outlive_their_server():
    """Outside ``dev`` an operator writes them over the socket, and the default denies."""
    with mesh() as built, built.operator() as client:
        assert client.get(f"{PLACE}/check?source=a&destination=b").json() == {"Allowed": False}
        written = client.put(f"{PLACE}/exact?source=a&destination=b", json={"Action": "allow"})
        assert written.json() is True
        built.server.close()
        built.server = Running(run_server, built.config)
        with built.operator() as again:
            assert again.get(f"{PLACE}/check?source=a&destination=b").json() == {"Allowed": True}
