"""Tests of the commands that change who signs, against a real server and a real agent."""

import json

import pytest
from typer.testing import CliRunner

from ca_core.cli.main import app
from tests.integration.api.world import SERVER_SOCKET, mesh


@pytest.fixture(scope="module")
def server():
    """Return a server on its own; these tests change what it signs with."""
    with mesh() as built:
        yield built


@pytest.fixture
def run(server, monkeypatch, tmp_path):
    """Return a function that runs the program as the server's operator."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CA_CORE_HTTP_ADDR", f"unix:{server.home / 'server' / SERVER_SOCKET}")

    def invoke(*arguments, text=None):
        return CliRunner().invoke(app, ["ca", *arguments], input=text, prog_name="ca-core")

    return invoke


def told(result):
    """Return what a command that went told programs."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_one_setting_is_planned_applied_and_then_stands(run):
    """What the plan names is what changes, and the same again is no change."""
    change = ("--set", "leaf_ttl=24h", "--output", "json")
    plan = told(run("plan", *change))
    assert (plan["Kind"], plan["NewRoot"], plan["Blockers"]) == ("settings", False, [])
    assert any("leaf_ttl" in line for line in plan["Changes"])
    done = told(run("apply", *change, "--yes"))
    assert (done["Phase"], done["Kind"]) == ("active", "settings")
    assert told(run("get-config", "-o", "json"))["Config"]["LeafCertTTL"] == "24h"
    assert told(run("plan", *change))["Kind"] == "none"
    again = run("apply", "--set", "leaf_ttl=24h")
    assert again.stdout == "Nothing changes: this is the configuration that stands.\n"


def test_a_file_is_applied_as_it_stands(run, tmp_path):
    """The section of the usual file becomes what stands, everything else its default."""
    (tmp_path / "ca-core.toml").write_text('[ca]\nleaf_ttl = "48h"\n')
    assert told(run("apply", "--yes", "-o", "json"))["Phase"] == "active"
    assert told(run("get-config", "-o", "json"))["Config"]["LeafCertTTL"] == "48h"


def test_a_server_that_takes_tests_lives_shows_them_so(run):
    """What stands can always be sent back, lives that only tests may have included."""
    short = ("--set", "leaf_ttl=10m", "--set", "unsafe_short_ttls=true", "--yes", "-o", "json")
    assert told(run("apply", *short))["Phase"] == "active"
    plain = run("apply", "--set", "csr_max_per_second=40", "--yes", "-o", "json")
    assert told(plain)["Phase"] == "active"
    assert told(run("apply", "--set", "leaf_ttl=72h", "--yes", "-o", "json"))["Phase"] == "active"


def test_what_consul_s_api_gives_can_be_set(run, tmp_path):
    """A document as it was given changes nothing; with a new life in it, that is changed."""
    document = told(run("get-config", "-o", "json"))
    (tmp_path / "c.json").write_text(json.dumps(document))
    assert told(run("set-config", "c.json", "-o", "json"))["Active"] is True
    document["Config"]["LeafCertTTL"] = "36h"
    assert told(run("set-config", "-", "-o", "json", text=json.dumps(document)))["Active"] is True
    assert told(run("get-config", "-o", "json"))["Config"]["LeafCertTTL"] == "36h"


def test_a_refused_configuration_says_which_key(run):
    """The plan lists it, apply refuses it, and nothing was changed."""
    before = told(run("get-config", "-o", "json"))
    plan = run("plan", "--set", "config.nonsense=1")
    assert plan.exit_code == 1
    assert "nonsense" in plan.output
    assert run("apply", "--set", "config.nonsense=1", "--yes").exit_code == 1
    assert told(run("get-config", "-o", "json")) == before


def test_a_signer_is_renewed_under_its_root(run):
    """The root stays, and the operation is on record."""
    before = told(run("roots", "-o", "json"))
    done = told(run("renew", "-o", "json"))
    assert (done["Kind"], done["Phase"]) == ("renew", "active")
    assert done["OldSigner"] != done["NewSigner"]
    after = told(run("roots", "-o", "json"))
    assert after["ActiveRootID"] == before["ActiveRootID"]
    assert {one["ID"] for one in after["Roots"]} <= {one["ID"] for one in before["Roots"]}
    assert done["ID"] in [row["ID"] for row in told(run("operations", "-o", "json"))]


def test_a_rotation_names_who_holds_it_up_and_can_be_aborted(run, server):
    """An agent that never acknowledges is named everywhere; abort leaves the root as it was."""
    server.admit("mute")
    active = told(run("roots", "-o", "json"))["ActiveRootID"]
    forced = run("rotate", "--force", text="n\n")
    assert forced.exit_code == 1
    assert "mute" in forced.stdout.partition("With --force this breaks:")[2]
    begun = told(run("rotate", "--detach", "-o", "json"))
    for _ in range(200):
        row = told(run("operations", begun["ID"], "-o", "json"))
        if row["Progress"]["Missing"]:
            break
    assert "mute" in [one["Node"] for one in row["Progress"]["Missing"]]
    assert "missing mute" in run("operations", begun["ID"]).stdout
    second = run("rotate", "--detach")
    assert second.exit_code == 2
    assert begun["ID"] in second.stderr
    aborted = run("abort")
    assert aborted.exit_code == 0, aborted.output
    assert "everything is as it was before" in aborted.stdout
    assert told(run("roots", "-o", "json"))["ActiveRootID"] == active
    with server.operator() as client:
        assert client.delete("/v1/cluster/agents/mute").status_code == 200


def test_a_root_is_rotated_and_rolled_back(run, server):
    """Followed to its end, an operation is active; the way back is one command."""
    server.join("n1")
    active = told(run("roots", "-o", "json"))["ActiveRootID"]
    done = run("rotate", "--settle", "0s")
    assert done.exit_code == 0, done.output
    assert "active" in done.stdout
    rotated = told(run("roots", "-o", "json"))
    assert rotated["ActiveRootID"] != active
    assert active in {root["ID"] for root in rotated["Roots"]}
    back = told(run("rollback", "--yes", "-o", "json"))
    assert back["Phase"] == "rolled_back"
    assert told(run("roots", "-o", "json"))["ActiveRootID"] == active


def test_a_tainted_root_is_replaced(run):
    """After the question another root signs, and the status names the change."""
    active = told(run("roots", "-o", "json"))["ActiveRootID"]
    done = run("taint", "--settle", "0s", text="y\n")
    assert done.exit_code == 0, done.output
    assert told(run("roots", "-o", "json"))["ActiveRootID"] != active
