"""Tests of `token …` and `policy …`, and of where a client's token comes from."""

import json
from pathlib import Path

import pytest

TOKEN = "/v1/acl/token"
ID = "70d39c74-acf8-4511-8ce3-72916ffabf7d"
SECRET = "5f1b7a9e-0000-4000-8000-000000000001"
ROW = {
    "AccessorID": ID, "SecretID": "<hidden>", "Description": "for Ada", "Local": False,
    "Policies": [{"ID": "p1", "Name": "ops"}], "ServiceIdentities": [{"ServiceName": "web"}],
    "NodeIdentities": [{"NodeName": "n1", "Datacenter": "dc1"}],
    "CreateTime": "2020-01-01T00:00:00Z", "Hash": "h", "CreateIndex": 5, "ModifyIndex": 6,
}  # fmt: skip
MADE = ROW | {"SecretID": SECRET}
POLICY = {
    "ID": ID, "Name": "web", "Description": "d", "Rules": 'operator = "read"\n', "Hash": "h",
    "CreateIndex": 5, "ModifyIndex": 6,
}  # fmt: skip


@pytest.fixture
def server(api, monkeypatch):
    """Return a fake API that has one token and one policy."""
    monkeypatch.setenv("CA_CORE_HTTP_ADDR", api.url)
    for name in ("CA_CORE_HTTP_TOKEN_FILE", "CA_CORE_HTTP_TOKEN_FILE_GIVEN"):
        monkeypatch.setenv(name, "")  # what a command sets goes with the test
    api.answer("PUT", "/v1/acl/bootstrap", MADE)
    api.answer("PUT", TOKEN, MADE)
    api.answer("POST", "/v1/acl/login", MADE)
    api.answer("GET", "/v1/acl/tokens", [ROW])
    for method in ("GET", "PUT"):
        api.answer(method, f"{TOKEN}/{ID}", ROW)
        api.answer(method, f"/v1/acl/policy/{ID}", POLICY)
    api.answer("DELETE", f"{TOKEN}/{ID}", True)
    api.answer("GET", f"{TOKEN}/self", ROW)
    api.answer("PUT", "/v1/acl/policy", POLICY)
    api.answer("GET", "/v1/acl/policies", [POLICY])
    api.answer("GET", "/v1/acl/policy/name/web", POLICY)
    api.answer("DELETE", f"/v1/acl/policy/{ID}", True)
    return api


def sent_tokens(api):
    """Return the tokens that requests carried."""
    return [headers.get("x-consul-token") for _, _, headers, _ in api.requests]


@pytest.mark.usefixtures("server")
def test_a_secret_is_shown_once_and_said_to_be(run):
    """Whoever makes a token sees its secret and what to do with it; who lists them does not."""
    for command in (("bootstrap",), ("create", "--service", "web")):
        result = run("token", *command)
        assert result.exit_code == 0
        assert result.stdout.count(SECRET) == 1
        assert "shown this once" in result.stdout
    for command in (("list",), ("read", ID), ("self",)):
        assert "hidden" not in run("token", *command).stdout


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("output", ["table", "json"])
def test_a_secret_goes_into_a_file_instead(run, output):
    """The file is its owner's alone, and nothing of it is printed."""
    result = run("token", "bootstrap", "--secret-file", "admin", "--output", output)
    assert result.exit_code == 0
    assert SECRET not in result.output
    assert Path("admin").read_text() == f"{SECRET}\n"
    assert Path("admin").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_kept_and_no_token_is_made(run, server):
    """The file is opened before anything is asked."""
    Path("admin").write_text("mine")
    result = run("token", "create", "--secret-file", "admin")
    assert result.exit_code == 2
    assert "error: --secret-file admin: file exists\nnext:  name another file" in result.stderr
    assert Path("admin").read_text() == "mine"
    assert server.requests == []


def test_a_refused_token_leaves_no_file(run, server):
    """An empty file would look like a secret."""
    server.answer("PUT", TOKEN, b"Permission denied", status=403)
    result = run("token", "create", "--secret-file", "new")
    assert result.exit_code == 4
    assert not Path("new").exists()


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("output", ["table", "json"])
def test_a_token_without_any_right_is_made_with_a_warning(run, output):
    """For people, beside what is printed; with a right there is none."""
    result = run("token", "create", "--description", "d", "--output", output)
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: no rule gives this token a right; `ca-core token")
    assert "warning" not in result.stdout
    for right in ("--policy", "--service", "--node"):
        assert not run("token", "create", right, "x", "--output", output).stderr


def test_everything_that_can_be_said_is_sent(run, server):
    """Policies by name or id, identities, words, and how long."""
    run(
        "token", "create", "--policy", "ops", "--policy", ID, "--service", "web", "--node", "n1",
        "--description", "d", "--ttl", "24h",
    )  # fmt: skip
    assert server.bodies("PUT", TOKEN) == [
        {
            "Policies": [{"Name": "ops"}, {"ID": ID}],
            "ServiceIdentities": [{"ServiceName": "web"}],
            "NodeIdentities": [{"NodeName": "n1"}],
            "Description": "d",
            "ExpirationTTL": "24h",
        }
    ]


def test_a_change_keeps_what_it_does_not_name(run, server):
    """What is given replaces its kind, what is dropped goes, the rest is sent back as it was."""
    run("token", "update", ID, "--policy", "new")
    run("token", "update", ID, "--drop", "policies", "--drop", "nodes", "--service", "db")
    kept = {"ServiceIdentities": ROW["ServiceIdentities"], "Description": "for Ada"}
    assert server.bodies("PUT", f"{TOKEN}/{ID}") == [
        kept | {"Policies": [{"Name": "new"}], "NodeIdentities": ROW["NodeIdentities"]},
        {
            "Policies": [], "NodeIdentities": [], "Description": "for Ada",
            "ServiceIdentities": [{"ServiceName": "db"}],
        },
    ]  # fmt: skip


@pytest.mark.usefixtures("server")
def test_tokens_are_a_table(run):
    """Who, what and until when, a line each."""
    out = run("token", "list").stdout
    assert out.splitlines()[0].split() == [
        "ACCESSOR", "DESCRIPTION", "POLICIES", "IDENTITIES", "EXPIRES",
    ]  # fmt: skip
    assert out.splitlines()[1].split() == [
        ID, "for", "Ada", "ops", "service", "web,", "node", "n1", "never",
    ]  # fmt: skip


def test_deleting_looks_first(run, server):
    """A mistyped accessor is an error; the right one is revoked."""
    assert run("token", "delete", ID).stdout == f"Token {ID} deleted.\n"
    server.answer("GET", f"{TOKEN}/other", b"Cannot find token of this accessor", status=404)
    result = run("token", "delete", "other")
    assert result.exit_code == 2
    assert [where for method, where, _, _ in server.requests if method == "DELETE"] == [
        f"{TOKEN}/{ID}"
    ]


def test_a_login_reads_its_jwt_from_a_file_or_a_pipe(run, server):
    """It never stands on a command line."""
    Path("jwt").write_text("a.b.c\n")
    run("token", "login", "--method", "ci", "--jwt-file", "jwt")
    run("token", "login", "--method", "ci", "--jwt-file", "-", text=b"d.e.f")
    assert server.bodies("POST", "/v1/acl/login") == [
        {"AuthMethod": "ci", "BearerToken": "a.b.c"},
        {"AuthMethod": "ci", "BearerToken": "d.e.f"},
    ]


def test_a_reset_is_asked_for(run, server):
    """Only with the flag."""
    run("token", "bootstrap")
    run("token", "bootstrap", "--reset")
    assert [where for _, where, _, _ in server.requests] == [
        "/v1/acl/bootstrap", "/v1/acl/bootstrap?reset",
    ]  # fmt: skip


def test_a_token_comes_from_option_variable_or_file(run, server, monkeypatch):
    """In this order; the file may be named before any command, or in a variable."""
    Path("t").write_text("from-file\n")
    run("--token-file", "t", "token", "list")
    monkeypatch.setenv("CA_CORE_HTTP_TOKEN_FILE", "t")
    run("policy", "list")
    monkeypatch.setenv("CA_CORE_HTTP_TOKEN", "from-variable")
    run("token", "list")
    run("token", "list", "--token", "from-option")
    assert sent_tokens(server) == ["from-file", "from-file", "from-variable", "from-option"]


@pytest.mark.parametrize("text", [b"", b" \n", b"two words", b"two\nlines", b"\xff", b"x" * 65_537])
def test_a_file_that_holds_no_token_is_refused(run, server, text):
    """And nothing of it is shown."""
    Path("t").write_bytes(text)
    result = run("--token-file", "t", "token", "list")
    assert result.exit_code == 2
    assert "error: --token-file t: must hold one secret and nothing else" in result.stderr
    assert "two" not in result.stderr
    assert server.requests == []


@pytest.mark.usefixtures("server")
def test_a_missing_token_file_is_named(run, monkeypatch):
    """As it was written, the option or the variable, with the operating system's reason."""
    reason = "none: no such file or directory"
    for name in ("CONSUL_HTTP_TOKEN_FILE", "CA_CORE_HTTP_TOKEN_FILE"):
        monkeypatch.setenv(name, "none")
        assert f"error: {name} {reason}" in run("token", "list").stderr
    assert f"error: --token-file {reason}" in run("--token-file", "none", "token", "list").stderr


def test_a_policy_is_made_from_a_document(run, server):
    """A file or a pipe; it is checked before it is sent."""
    Path("web.hcl").write_text('service "web" { policy = "write" }')
    assert run("policy", "create", "web", "--rules", "web.hcl").exit_code == 0
    text = b'{"operator": "read"}'
    run("policy", "create", "ops", "--rules", "-", "--description", "d", text=text)
    assert server.bodies("PUT", "/v1/acl/policy") == [
        {"Name": "web", "Rules": 'service "web" { policy = "write" }'},
        {"Name": "ops", "Rules": '{"operator": "read"}', "Description": "d"},
    ]
    Path("bad.hcl").write_text('service "web" { policy = "wirte" }')
    result = run("policy", "create", "bad", "--rules", "bad.hcl")
    assert result.exit_code == 2
    assert "did you mean" in result.stderr
    assert len(server.bodies("PUT", "/v1/acl/policy")) == 2


def test_a_policy_keeps_what_a_change_does_not_name(run, server):
    """The server replaces the whole, so the rest is sent back."""
    run("policy", "update", "web", "--description", "new")
    assert server.bodies("PUT", f"/v1/acl/policy/{ID}") == [
        {"Name": "web", "Description": "new", "Rules": POLICY["Rules"]}
    ]


def test_a_policy_is_known_by_name_or_id(run, server):
    """The builtin ones too, whose names are no part of a path."""
    for name in ("web", ID):
        assert 'operator = "read"' in run("policy", "read", name).stdout
    run("policy", "read", "builtin/global-read-only")
    assert server.requests[-1][1] == "/v1/acl/policy/00000000-0000-0000-0000-000000000002"
    assert run("policy", "delete", "web").stdout == "Policy web deleted.\n"


def test_a_document_is_checked_without_a_server(run):
    """What it means in a table, or as JSON; what is wrong with its place."""
    Path("web.toml").write_text('operator = "read"\n[service_prefix.""]\npolicy = "write"\n')
    out = run("policy", "check", "web.toml").stdout
    assert [line.split() for line in out.splitlines()] == [
        ["ON", "NAME", "ALLOWS"],
        ["intention", "…", "(prefix)", "read"],
        ["operator", "read"],
        ["service", "…", "(prefix)", "write"],
    ]
    told = json.loads(run("policy", "check", "web.toml", "-o", "json").stdout)
    assert told["operator"] == "read"
    Path("bad.hcl").write_text('key "x" { policy = "read" }')
    result = run("policy", "check", "bad.hcl")
    assert result.exit_code == 2
    assert "key/value store" in result.stderr
    assert run("policy", "check", "none.hcl").exit_code == 2


@pytest.mark.parametrize("command", [("check",), ("create", "p", "--rules")])
@pytest.mark.usefixtures("server")
def test_what_is_wrong_in_a_document_is_told_with_its_file(run, command):
    """The file and the line, or the file and the rule, and what would be right there."""
    Path("open.hcl").write_text('service "web" {\n  policy = "read"\n')
    shown = run("policy", *command, "open.hcl").stderr
    assert "open.hcl: line 3: expected a name or '}', not the end of the document" in shown
    Path("typo.hcl").write_text('service "web" { policy = "reed" }')
    shown = run("policy", *command, "typo.hcl").stderr
    assert 'typo.hcl: service "web".policy: unknown level' in shown
