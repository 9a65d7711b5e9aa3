"""Changes of who signs, asked of a real server over its socket, with a real agent."""

import json
import os
import signal

import httpx
import pytest

from tests.integration.api.world import ME, dev, mesh, over_unix
from tests.integration.lifecycle.processes import Process, until

CONFIGURATION = "/v1/connect/ca/configuration"
OPERATIONS = "/v1/connect/ca/operations"
LEAF = "/v1/agent/connect/ca/leaf/web"


@pytest.fixture
def home():
    """Return a cluster of its own, with an agent that lets us have ``web``."""
    with mesh() as built:
        built.join("n1", web=(ME,))
        yield built


def test_a_new_root_signs_once_the_agent_has_acknowledged_it(home):
    """Planned, put as a client of Consul does, followed: the same agent, the same root."""
    with over_unix(home.agent_socket("n1")) as agent, home.operator() as client:
        old = agent.get(LEAF).json()["CertPEM"]
        body = {"Settings": {"key_type": "ed25519"}}
        plan = client.post("/v1/connect/ca/plan", json=body).json()
        assert (plan["Kind"], plan["Acknowledge"], plan["CrossSigned"]) == ("rotate", ["n1"], True)
        found = client.get(CONFIGURATION).json()
        found["Config"]["PrivateKeyType"] = "ed25519"
        answer = client.put(CONFIGURATION, json=found, timeout=70)
        assert (answer.status_code, answer.content) == (200, b"")
        (row,) = client.get(OPERATIONS).json()
        assert (row["Kind"], row["Phase"], row["LeftBehind"]) == ("rotate", "active", [])
        assert [step["Phase"] for step in row["History"]] == plan["Phases"]
        leaves = row["Progress"]["Leaves"]
        assert leaves - plan["Leaves"] in {0, 1}  # the server takes a leaf with each new bundle
        assert row["Progress"]["Acknowledged"] == row["Progress"]["Counted"] == 1
        roots = client.get("/v1/connect/ca/roots").json()
        assert len(roots["Roots"]) == 2

        def renewed():
            return agent.get(LEAF).json()["CertPEM"] != old

        until(renewed)
        place = f"{OPERATIONS}/{row['ID']}"
        until(lambda: client.get(place).json()["Progress"]["Reissued"] == leaves)


def test_what_get_gave_is_put_back_without_a_change():
    """Over the wire of ``dev``, a hundred times."""
    with dev() as client:
        found = client.get(CONFIGURATION).json()
        for _ in range(100):
            assert client.put(CONFIGURATION, json=found).status_code == 200
        assert client.get(CONFIGURATION).json() == found
        assert client.get(OPERATIONS).json() == []
        allowed = client.options(CONFIGURATION).headers["allow"]
        assert set(allowed.split(",")) == {"OPTIONS", "GET", "PUT"}


def test_errors_are_consuls_text_or_a_problem_document_with_its_field():
    """A client that names JSON is told the field."""
    with dev() as client:
        body = {"Provider": "consul", "Config": {"LeafCertTTL": "1m"}}
        answer = client.put(CONFIGURATION, json=body, headers={"Accept": "application/json"})
        assert answer.status_code == 400
        assert answer.json()["field"] == "Config.LeafCertTTL"
        answer = client.put(CONFIGURATION, content=b"null")
        assert (answer.status_code, "Request decode failed" in answer.text) == (400, True)


def test_dev_waits_for_nobody_and_names_its_own_agent():
    """There are no readers to settle for; the agent in the same process acknowledges."""
    with dev() as client:
        body = {"Settings": {"config": {"disable_cross_signing": True}}}
        assert client.put("/v1/connect/ca/apply", json=body).json()["Phase"] == "active"
        plan = client.post("/v1/connect/ca/plan", json={"Settings": {"key_type": "rsa"}}).json()
        assert (plan["SettleSeconds"], plan["CrossSigned"], plan["Counted"]) == (0, False, 1)
        row = client.put("/v1/connect/ca/rotate?wait=30s", timeout=40).json()
        assert (row["Phase"], row["CrossSigned"]) == ("active", False)


def test_sighup_applies_the_file_once(tmp_path):
    """A start never begins an operation; a signal does, if the file is another one."""
    file, data = tmp_path / "ca.toml", tmp_path / "data"
    text = f'[server]\ndata_dir = "{data}"\nlisten = ["127.0.0.1:0"]\n[ca]\nleaf_ttl = "%s"\n'
    file.write_text(text % "72h")
    process = Process(tmp_path / "log", "server", "--config", file)
    try:
        process.url()
        with over_unix(data / "server.sock") as client:
            file.write_text(text % "5h")
            assert "differs" in client.get("/v1/cluster/ca/status").json()["Drift"]
            os.kill(process._process.pid, signal.SIGHUP)
            until(lambda: _leaf_ttl(client) == "5h")
            (row,) = client.get(OPERATIONS).json()
            assert (row["Kind"], row["Actor"]) == ("settings", "SIGHUP")
            assert client.get("/v1/cluster/ca/status").json()["Drift"] == ""
            file.write_text("[ca]\nleaf_ttl = 7\n")
            os.kill(process._process.pid, signal.SIGHUP)
            until(lambda: "is not applied" in (tmp_path / "log").read_text())
            assert len(client.get(OPERATIONS).json()) == 1
    finally:
        process.stop()


def _leaf_ttl(client: httpx.Client) -> str:
    return json.loads(client.get(CONFIGURATION).text)["Config"]["LeafCertTTL"]


def test_what_is_not_left_behind_cannot_be_given_up():
    """A key of nothing is a mistake, and is said to be one."""
    with dev() as client:
        answer = client.put("/v1/connect/ca/abandon", json={"Key": "ca-0"})
        assert answer.status_code == 404
        assert "ca-0" in answer.text
        assert client.get("/v1/cluster/ca/status").json()["Leftovers"] == []
