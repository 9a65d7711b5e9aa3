"""Tests of `intention create`, `list`, `get`, `delete`, `match` and `check`."""

import json

import pytest

PLACE = "/v1/connect/intentions"
EXACT = f"{PLACE}/exact"
ROW = {
    "SourceNS": "default", "SourceName": "web", "DestinationNS": "default",
    "DestinationName": "db", "SourceType": "consul", "Action": "allow", "Precedence": 9,
    "CreateIndex": 5, "ModifyIndex": 6,
}  # fmt: skip
L7 = {
    "Action": "allow",
    "HTTP": {
        "PathPrefix": "/v1/",
        "Methods": ["GET", "HEAD"],
        "Header": [{"Name": "x-role", "Contains": "ops", "IgnoreCase": True, "Invert": True}],
    },
}


@pytest.fixture
def server(api, monkeypatch):
    """Return a fake API that has the intention from web to db."""
    monkeypatch.setenv("CA_CORE_HTTP_ADDR", api.url)
    api.answer("PUT", EXACT, True)
    api.answer("GET", EXACT, ROW)
    api.answer("DELETE", EXACT, True)
    return api


def queries(api, method):
    """Return the queries that were sent by a method."""
    return [where.partition("?")[2] for sent, where, _, _ in api.requests if sent == method]


def test_an_intention_allows_unless_it_is_told_to_deny(run, server):
    """Nothing is written over what stands: the write expects that there is none."""
    result = run("intention", "create", "web", "db")
    assert result.stdout == "Created: web => db (allow)\n"
    run("intention", "create", "--deny", "*", "ns/db")
    assert server.bodies("PUT", EXACT) == [{"Action": "allow"}, {"Action": "deny"}]
    assert queries(server, "PUT") == [
        "source=web&destination=db&cas=0",
        "source=%2A&destination=ns%2Fdb&cas=0",
    ]


def test_everything_that_can_be_said_is_sent(run, server):
    """Description, notes, observe, and to replace."""
    result = run(
        "intention", "create", "web", "db", "--deny", "--observe", "--replace",
        "--description", "why", "--meta", "a=b", "--meta", "c=d=e",
    )  # fmt: skip
    assert result.stdout.startswith("Written: ")
    assert server.bodies("PUT", EXACT) == [
        {"Action": "deny", "Description": "why", "Meta": {"a": "b", "c": "d=e"}, "Observe": True}
    ]
    assert queries(server, "PUT") == ["source=web&destination=db"]


def test_permissions_come_from_a_file(run, server, tmp_path):
    """They are sent as they are; the server checks them."""
    (tmp_path / "p.json").write_text(json.dumps([L7]))
    assert run("intention", "create", "web", "db", "--permissions", "p.json").exit_code == 0
    assert server.bodies("PUT", EXACT) == [{"Permissions": [L7]}]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--allow", "--deny"), "Only one of --allow or --deny may be specified."),
        (("--permissions", "p.json", "--allow"), "permissions say themselves what is allowed"),
        (("--permissions", "none.json"), "--permissions none.json: no such file or directory"),
        (("--permissions", "broken.json"), "is no JSON"),
        (("--permissions", "object.json"), "must be a list of permissions"),
        (("--meta", "a"), "'a' is not KEY=VALUE"),
        (("--meta", "=a"), "'=a' is not KEY=VALUE"),
    ],
)
def test_what_contradicts_itself_is_refused_before_anything_is_sent(
    run, server, tmp_path, arguments, text
):
    """A usage error, and the server hears nothing."""
    (tmp_path / "p.json").write_text("[{}]")
    (tmp_path / "broken.json").write_text("[" * 100_000)
    (tmp_path / "object.json").write_text("{}")
    result = run("intention", "create", "web", "db", *arguments)
    assert result.exit_code == 2
    assert text in result.stderr
    assert not server.requests


def test_one_that_stands_is_shown_and_not_written_over(run, server):
    """The next step is in the error."""
    server.answer("PUT", EXACT, b"expected at 0", status=409)
    result = run("intention", "create", "--deny", "web", "db")
    assert result.exit_code == 2
    assert "there is one already: web => db (allow)" in result.stderr
    assert "--replace" in result.stderr


def test_a_refusal_is_told_in_the_servers_words(run, server):
    """Whatever else stands against it."""
    problem = {"detail": "Description: exceeds maximum length 512", "hint": ""}
    server.answer("PUT", EXACT, problem, status=400)
    result = run("intention", "create", "web", "db")
    assert result.exit_code == 2
    assert "exceeds maximum length 512" in result.stderr


def test_names_and_ids_are_both_taken(run, server):
    """An id stands alone."""
    server.answer("GET", f"{PLACE}/abc-1", ROW | {"ID": "abc-1"})
    server.answer("DELETE", f"{PLACE}/abc-1", True)
    assert "abc-1" in run("intention", "get", "abc-1").stdout
    assert run("intention", "delete", "abc-1").stdout == "Intention deleted.\n"
    assert run("intention", "delete", "web", "db").exit_code == 0
    assert run("intention", "get", "web", "db").exit_code == 0
    assert queries(server, "DELETE") == ["", "source=web&destination=db"]
    assert set(queries(server, "GET")) == {"", "source=web&destination=db"}


@pytest.mark.parametrize("command", ["get", "delete"])
@pytest.mark.parametrize("names", [("web", "nope"), ("abc-1",)])
def test_one_that_is_not_there_is_said_not_to_be(run, server, command, names):
    """With the command that lists all; a mistyped name does not look like one that is gone."""
    problem = {"detail": "Intention not found", "hint": "`GET /v1/connect/intentions` lists all"}
    for place in (EXACT, f"{PLACE}/abc-1"):
        server.answer("GET", place, problem, status=404)
    result = run("intention", command, *names)
    assert result.exit_code != 0
    assert result.stderr == (
        "error: Intention not found\nnext:  `ca-core intention list` shows all of them\n"
    )
    assert not queries(server, "DELETE")


def test_one_is_shown_with_its_permissions(run, server):
    """A permission a line, in words; what says nothing is left out."""
    row = {key: value for key, value in ROW.items() if key != "Action"}
    server.answer("GET", EXACT, row | {"Permissions": [L7, {"Action": "deny"}], "Meta": {"a": "b"}})
    lines = run("intention", "get", "web", "db").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        "source", "destination", "action", "permissions", "deny", "precedence", "meta", "index",
    ]  # fmt: skip
    assert lines[3].endswith(
        "allow GET,HEAD path begins /v1/, not: header x-role contains ops in any case"
    )


def test_one_that_is_not_there_is_an_error(run, server):
    """The server's words."""
    server.answer("GET", EXACT, b"Intention not found", status=404)
    result = run("intention", "get", "web", "db")
    assert result.exit_code == 2
    assert "Intention not found" in result.stderr


def test_a_list_is_a_table_in_order(run, server):
    """As they are evaluated; only observed ones say so."""
    more = ROW | {"SourceName": "*", "SourceNS": "ns", "Action": "deny", "Observe": True}
    server.answer("GET", PLACE, [ROW, more])
    lines = run("intention", "list").stdout.splitlines()
    assert lines[0].split() == [
        "SOURCE", "DESTINATION", "ACTION", "PRECEDENCE", "DESCRIPTION", "ID",
    ]  # fmt: skip
    assert lines[1].split() == ["web", "db", "allow", "9"]
    assert lines[2].startswith("ns/*")
    assert "deny, observed only" in lines[2]


def test_an_empty_list_says_how_to_begin(run, server):
    """It is no error."""
    server.answer("GET", PLACE, [])
    result = run("intention", "list")
    assert result.exit_code == 0
    assert "ca-core intention create" in result.stdout


def test_a_match_lists_what_counts_in_order(run, server):
    """By destination unless told; nothing that matches is said."""
    two = {"Permissions": [L7, L7], "Action": ""}
    server.answer("GET", f"{PLACE}/match", {"db": [ROW, ROW | {"SourceName": "*"} | two]})
    lines = run("intention", "match", "db").stdout.splitlines()
    assert lines == ["web => db (allow)", "* => db (2 permissions)"]
    server.answer("GET", f"{PLACE}/match", {"web": None})
    result = run("intention", "match", "--source", "web")
    assert result.stdout == "No intention matches web as source: the default counts.\n"
    assert queries(server, "GET") == ["by=destination&name=db", "by=source&name=web"]
    assert run("intention", "match", "--source", "--destination", "web").exit_code == 2


@pytest.mark.parametrize(("allowed", "code", "word"), [(True, 0, "Allowed"), (False, 1, "Denied")])
def test_a_check_answers_by_its_exit_code(run, server, allowed, code, word):
    """0 if it may, 1 if it may not, with the reason beside it."""
    why = {"X-Ca-Core-Reason": "Default intention policy"}
    server.answer("GET", f"{PLACE}/check", {"Allowed": allowed}, headers=why)
    result = run("intention", "check", "web", "db")
    assert (result.exit_code, result.stdout) == (code, f"{word}: Default intention policy\n")
    told = run("intention", "check", "web", "db", "-o", "json")
    assert json.loads(told.stdout) == {"Allowed": allowed, "Reason": "Default intention policy"}
    assert told.exit_code == code


def test_a_check_that_cannot_be_made_is_neither(run, server):
    """An error has another code than a denial."""
    server.answer("GET", f"{PLACE}/check", b"destination: must be one service", status=400)
    assert run("intention", "check", "web", "*").exit_code == 2
