"""Explain, compare, test and suggest against a real ``dev``, by HTTP and by command."""

import json
import time

import pytest
from typer.testing import CliRunner

from ca_core.agent import acknowledging
from ca_core.cli.main import app
from tests.integration.api.world import dev

PLACE = "/v1/connect/intentions"
PERMISSIONS = [
    {"Action": "deny", "HTTP": {"PathPrefix": "/admin"}},
    {"Action": "allow", "HTTP": {"Header": [{"Name": "x-role", "Exact": "ops"}]}},
]
EXPECTED = """
[[tests]]
source = "shop"
destination = "api"
path = "//%61dmin"
headers = { x-role = "ops" }
expect = "deny"

[[tests]]
source = "shop"
destination = "api"
headers = { x-role = "ops" }
expect = "allow"
"""
AGENT_REPORTS_WITHIN = 30
"""Seconds until an agent's next lease must have brought what it counted."""


@pytest.fixture(scope="module")
def playground():
    """Return a client of a ``dev`` of our own, where shop asks api by permissions.

    Its agent reports five times a second.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(acknowledging, "EVERY", 0.2)
        with dev() as client:
            where = f"{PLACE}/exact?source=shop&destination=api"
            client.put(where, json={"Permissions": PERMISSIONS})
            yield client


def run(playground, *arguments):
    """Run the program against ``dev``."""
    address = ["--http-addr", str(playground.base_url)]
    return CliRunner().invoke(app, ["intention", *arguments, *address], prog_name="ca-core")


def explained(playground, **query):
    """Return the answer of explain."""
    query = {"source": "shop", "destination": "api"} | query
    return playground.get(f"{PLACE}/explain", params=query).json()


def test_a_request_is_decided_by_its_one_form(playground):
    """What HTTP clients do to addresses on the way is not what is compared."""
    assert not explained(playground)["Decision"]["Allowed"]
    assert explained(playground, header="x-role: ops", path="/a")["Decision"]["Allowed"]
    hidden = explained(playground, header="x-role: ops", path="/x/../%61dmin")
    assert (hidden["Path"], hidden["Decision"]["Permission"]) == ("/admin", 0)
    twice = explained(playground, header=["x-role: ops", "x-role: dev"], path="/a")
    assert twice["Decision"]["Why"] == twice["Default"]["Why"]
    slash = explained(playground, header="x-role: ops", path="/a%2Fb")
    assert (slash["Decision"]["Allowed"], slash["Decision"]["Why"]) == (False, "request")


def test_the_commands_explain_and_test(playground, tmp_path):
    """As the server says."""
    asked = ("--path", "/admin/x", "--header", "x-role=ops")
    said = run(playground, "explain", "shop", "api", *asked).stdout
    assert "Permissions[0] is the first that matches: deny" in said
    file = tmp_path / "expected.toml"
    file.write_text(EXPECTED)
    assert run(playground, "test", str(file)).exit_code == 0
    file.write_text(EXPECTED.replace('expect = "allow"', 'expect = "deny"'))
    failed = run(playground, "test", str(file))
    assert failed.exit_code == 1
    assert "1 of 2 as expected." in failed.stdout


def test_what_a_file_would_change_is_what_then_changes(playground, tmp_path):
    """The difference is said, the change made, and then there is none."""
    file = tmp_path / "more.toml"
    file.write_text('[[intentions]]\nsource = "*"\ndestination = "safe"\naction = "deny"\n')
    before = run(playground, "diff", "--upsert", str(file)).stdout
    assert "newly denies" in before
    dry = run(playground, "create", "--dry-run", "--deny", "*", "safe").stdout
    assert dry == before
    assert run(playground, "create", "--deny", "*", "safe").exit_code == 0
    after = run(playground, "diff", "--upsert", str(file)).stdout
    assert after == "Everything is decided as before.\n"
    listed = tmp_path / "all.json"
    listed.write_text(run(playground, "list", "-o", "json").stdout)
    assert run(playground, "diff", str(listed)).stdout == "Everything is decided as before.\n"


def test_what_observing_finds_becomes_suggestions(playground):
    """An agent decides, counts, reports with its lease; a person reads and allows."""
    run(playground, "create", "--deny", "--observe", "*", "vault")
    trust = playground.get("/v1/connect/ca/roots").json()["TrustDomain"]
    uri = f"spiffe://{trust}/ns/default/dc/dc1/svc/cart"
    asked = {"Target": "vault", "ClientCertURI": uri}
    end = time.monotonic() + AGENT_REPORTS_WITHIN
    seen = []
    while not seen and time.monotonic() < end:
        answer = playground.post("/v1/agent/connect/authorize", json=asked)
        assert answer.json()["Authorized"], answer.text
        seen = playground.get(f"{PLACE}/observed").json()["Observed"]
        time.sleep(0.2)
    assert (seen[0]["Source"], seen[0]["Destination"]) == ("cart", "vault")
    assert seen[0]["Rule"] == "default/* => default/vault"
    lines = run(playground, "suggest").stdout.splitlines()
    assert lines[1].startswith("ca-core intention create cart vault")
    (body,) = json.loads(run(playground, "suggest", "-o", "json").stdout)
    assert playground.post(PLACE, json=body).status_code == 200
    assert explained(playground, source="cart", destination="vault")["Would"] is None
