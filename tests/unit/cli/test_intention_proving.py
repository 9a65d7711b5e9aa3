"""Tests of `intention explain`, `diff`, `test` and `suggest`, and of `create --dry-run`."""

import json
import shlex
import tomllib

import msgspec
import pytest

from ca_core.intentions.decision import Default
from ca_core.intentions.documents import parsed_intentions
from ca_core.intentions.explaining import explain
from ca_core.intentions.index import Index
from ca_core.intentions.model import service_name
from ca_core.intentions.requests import HttpRequest
from ca_core.intentions.telling import told

PLACE = "/v1/connect/intentions"
WANTED = """
[[intentions]]
source = "web"
destination = "db"
action = "allow"

[[intentions]]
source = "web"
destination = "api"
permissions = [
  { action = "deny", http = { path_prefix = "/admin" } },
  { action = "allow", http = { methods = ["GET"], header = [{ name = "x-role", exact = "ops" }] } },
]

[[intentions]]
source = "*"
destination = "db"
action = "deny"
observe = true
"""
EXPECTED = """
[[tests]]
source = "web"
destination = "db"
expect = "allow"

[[tests]]
name = "admin"
source = "web"
destination = "api"
path = "/x/../admin"
expect = "deny"

[[tests]]
source = "web"
destination = "api"
headers = { X-Role = "ops" }
expect = "allow"
"""
WEB, API, DB = map(service_name, ("web", "api", "db"))


def answer(source, destination, request=None):
    """Return what a server with ``WANTED`` explains."""
    index = Index.of(parsed_intentions(WANTED).intentions, Default(allowed=False))
    return json.loads(msgspec.json.encode(told(explain(index, source, destination, request))))


@pytest.fixture
def server(api, monkeypatch):
    """Return a fake API."""
    monkeypatch.setenv("CA_CORE_HTTP_ADDR", api.url)
    return api


@pytest.fixture
def files(tmp_path):
    """Write the two files into the test's folder, and return it."""
    (tmp_path / "wanted.toml").write_text(WANTED)
    (tmp_path / "expected.toml").write_text(EXPECTED)
    return tmp_path


def test_a_connection_is_explained(run, server):
    """The verdict, why, and every intention."""
    server.answer("POST", f"{PLACE}/explain", answer(WEB, DB))
    result = run("intention", "explain", "web", "db")
    assert result.exit_code == 0
    assert server.bodies("POST", f"{PLACE}/explain") == [{"Source": "web", "Destination": "db"}]
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["web", "->", "db", "allowed"]
    assert "because" in lines[1]
    assert "web => db (allow)" in result.stdout
    assert "its action is allow" in result.stdout
    assert "* => db (deny, observed only)" in result.stdout


def test_a_request_is_explained_permission_by_permission(run, server):
    """With the part that does not match; values of one header are sent as lines of it."""
    asked = HttpRequest(method="POST", path="/v1")
    server.answer("POST", f"{PLACE}/explain", answer(WEB, API, asked))
    result = run(
        "intention", "explain", "web", "api", "--method", "post", "--path", "/v1",
        "--header", "x-role=a", "--header", "x-role: b=c",
    )  # fmt: skip
    assert server.bodies("POST", f"{PLACE}/explain")[0]["Request"] == {
        "Method": "POST", "Path": "/v1", "Headers": {"x-role": ["a", "b=c"]}
    }  # fmt: skip
    assert "Permissions of web => api (2 permissions)" in result.stdout
    assert "path begins /admin: the request's is /v1" in result.stdout
    assert "the method is POST, not GET" in result.stdout


def test_an_explanation_for_programs_is_the_servers(run, server):
    """As it came."""
    server.answer("POST", f"{PLACE}/explain", answer(WEB, DB))
    told_ = run("intention", "explain", "web", "db", "-o", "json")
    assert json.loads(told_.stdout) == answer(WEB, DB)
    assert run("intention", "explain", "web", "db", "--header", "x").exit_code == 2


DIFFERENCES = {
    "Differences": [
        {
            "Effect": "permissions differ", "Sources": ["web"], "Destinations": ["db"],
            "Gained": ["allow PUT"], "Lost": ["allow GET"], "Text": "permissions differ web -> db",
        }
    ]
}  # fmt: skip


@pytest.mark.usefixtures("files")
def test_a_file_is_compared_with_what_the_server_has(run, server):
    """All of it is sent, and nothing is written."""
    server.answer("POST", f"{PLACE}/diff", DIFFERENCES)
    result = run("intention", "diff", "wanted.toml")
    assert result.stdout.splitlines() == [
        "permissions differ web -> db", "  + allow PUT", "  - allow GET"
    ]  # fmt: skip
    (sent,) = server.bodies("POST", f"{PLACE}/diff")
    assert [one["SourceName"] for one in sent["Intentions"]] == ["web", "web", "*"]
    assert {method for method, *_ in server.requests} == {"POST"}
    told_ = run("intention", "diff", "wanted.toml", "-o", "json")
    assert json.loads(told_.stdout) == DIFFERENCES


@pytest.mark.usefixtures("files")
def test_changes_are_compared(run, server):
    """What is written beside what stands, and what is removed."""
    server.answer("POST", f"{PLACE}/diff", {"Differences": []})
    result = run("intention", "diff", "--upsert", "wanted.toml", "--delete", "a", "ns/b")
    assert result.stdout == "Everything is decided as before.\n"
    (sent,) = server.bodies("POST", f"{PLACE}/diff")
    assert len(sent["Upsert"]) == 3
    assert sent["Delete"] == [{"Source": "a", "Destination": "ns/b"}]


def test_two_files_are_compared_without_a_server(run, files):
    """For CI, before anything is applied."""
    (files / "old.toml").write_text("intentions = []")
    result = run("intention", "diff", "old.toml", "wanted.toml")
    assert result.exit_code == 0
    assert "newly allows web -> db" in result.stdout.splitlines()
    back = run("intention", "diff", "wanted.toml", "old.toml", "-o", "json")
    texts = [one["Text"] for one in json.loads(back.stdout)["Differences"]]
    assert "newly denies web -> db" in texts
    open_ = run("intention", "diff", "old.toml", "wanted.toml", "--default", "allow")
    assert "newly denies web -> api" in open_.stdout
    assert run("intention", "diff", "old.toml", "wanted.toml", "--default", "x").exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("diff",),
        ("diff", "wanted.toml", "--delete", "a", "b"),
        ("diff", "none.toml"),
        ("diff", "wanted.toml", "--default", "deny"),
        ("test", "expected.toml", "--default", "deny"),
        ("diff", "broken.toml"),
        ("diff", "broken.toml", "wanted.toml"),
        ("diff", "--upsert", "binary.toml"),
        ("test", "none.toml"),
        ("test", "wanted.toml"),
        ("test", "empty.toml"),
        ("test", "expected.toml", "--intentions", "broken.toml"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(run, server, files, arguments):
    """A usage error, and the server hears nothing."""
    (files / "broken.toml").write_text("[[intentions]]\nsource = 1")
    (files / "binary.toml").write_bytes(b"\xff\xfe")
    (files / "empty.toml").write_text("tests = []")
    result = run("intention", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert not server.requests


@pytest.mark.usefixtures("files")
def test_expectations_are_held_against_a_file(run):
    """Without a server; 0 if all is as expected."""
    result = run("intention", "test", "expected.toml", "--intentions", "wanted.toml")
    assert result.exit_code == 0, result.stdout
    assert result.stdout.endswith("\n3 of 3 as expected.\n")
    assert "admin: deny web -> api GET /x/../admin" in result.stdout


def test_what_is_not_as_expected_is_explained(run, files):
    """And the command fails."""
    (files / "expected.toml").write_text(EXPECTED.replace('expect = "deny"', 'expect = "allow"'))
    result = run("intention", "test", "expected.toml", "--intentions", "wanted.toml")
    assert result.exit_code == 1
    assert "Not as expected: admin: allow web -> api GET /x/../admin" in result.stdout
    assert "deny path begins /admin" in result.stdout
    assert result.stdout.endswith("\n2 of 3 as expected.\n")
    told_ = run("intention", "test", "expected.toml", "--intentions", "wanted.toml", "-o", "json")
    assert [one["Passed"] for one in json.loads(told_.stdout)] == [True, False, True]
    assert told_.exit_code == 1


@pytest.mark.usefixtures("files")
def test_expectations_are_held_against_the_server(run, server):
    """Each is asked for."""
    server.answer_in_turn(
        "POST",
        f"{PLACE}/explain",
        [answer(WEB, DB), answer(WEB, API, HttpRequest(path="/admin")), answer(WEB, API)],
    )
    result = run("intention", "test", "expected.toml")
    assert result.exit_code == 1
    assert result.stdout.endswith("\n2 of 3 as expected.\n")
    sent = server.bodies("POST", f"{PLACE}/explain")
    assert sent[1]["Request"] == {"Method": "GET", "Path": "/x/../admin", "Headers": {}}
    assert sent[2]["Request"]["Headers"] == {"X-Role": ["ops"]}


def seen(source, destination, count, rule="default/* => default/db", error=0):
    """Return an entry of what agents observed."""
    return {
        "Source": source, "Destination": destination, "Rule": rule, "Count": count,
        "Error": error, "Last": "2030-01-01T00:00:00Z",
    }  # fmt: skip


@pytest.fixture
def observing(server):
    """Return a server that agents reported to."""
    counts = [
        seen("web", "db", 40), seen("ns/api", "db", 7, error=2), seen("web", "db", 2, "default"),
        seen("own", "db", 9, "default/own => default/db"),
        seen("l7", "db", 1, "x => y Permissions[0]"),
    ]  # fmt: skip
    server.answer("GET", f"{PLACE}/observed", {"Observed": counts, "Unlisted": 3})
    return server


@pytest.mark.usefixtures("observing")
def test_suggestions_are_commands(run):
    """Ready to run; what somebody said about the very pair is left to people."""
    lines = run("intention", "suggest").stdout.splitlines()
    commands = [shlex.split(line) for line in lines if not line.startswith("#")]
    assert [line[:5] for line in commands] == [
        ["ca-core", "intention", "create", "web", "db"],
        ["ca-core", "intention", "create", "ns/api", "db"],
    ]
    assert "seen 42 times, would be denied by default, default/* => default/db" in lines[0]
    assert any("seen 5 to 7 times" in line for line in lines)
    assert any(line.endswith("ca-core intention get own db") for line in lines)
    assert lines[-1] == "# What is not listed was seen 3 times at most."


@pytest.mark.usefixtures("observing")
def test_suggestions_are_a_file(run):
    """One that `intention diff` reads; or bodies of the API."""
    text = run("intention", "suggest", "--toml").stdout
    found = parsed_intentions(text).intentions
    assert [(str(one.source), one.action) for one in found] == [
        ("default/web", "allow"), ("ns/api", "allow")
    ]  # fmt: skip
    assert len(tomllib.loads(text)["intentions"]) == 2
    bodies = json.loads(run("intention", "suggest", "-o", "json", "--at-least", "6").stdout)
    assert [one["SourceName"] for one in bodies] == ["web"]


def test_nothing_seen_is_said(run, server):
    """It is no error."""
    server.answer("GET", f"{PLACE}/observed", {"Observed": []})
    assert run("intention", "suggest").stdout.startswith("# Nothing that was seen")
    assert run("intention", "suggest", "-o", "json").stdout == "[]\n"


def test_a_dry_run_writes_nothing(run, server):
    """It shows what the intention would newly allow and deny."""
    server.answer("POST", f"{PLACE}/diff", DIFFERENCES)
    result = run("intention", "create", "--dry-run", "--deny", "*", "ns/db")
    assert result.stdout.startswith("permissions differ web -> db\n")
    assert server.bodies("POST", f"{PLACE}/diff") == [
        {
            "Upsert": [
                {
                    "SourceNS": "default", "SourceName": "*", "DestinationNS": "ns",
                    "DestinationName": "db", "Action": "deny",
                }
            ]
        }
    ]  # fmt: skip
    assert len(server.requests) == 1
    assert run("intention", "create", "--dry-run", "a b", "db").exit_code == 2
