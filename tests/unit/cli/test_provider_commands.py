"""Tests of `provider list` and `provider show`, and of a schema as a table."""

import json

import pytest

from ca_core.cli.probing import Trial
from ca_core.cli.schema import option_rows, without_keys

SCHEMA = {
    "properties": {
        "address": {"type": "string", "description": "URL"},
        "token": {
            "anyOf": [
                {"type": "string", "writeOnly": True, "description": "yours"},
                {"type": "null"},
            ],
            "default": None,
        },
        "ttl": {"type": "string", "format": "duration", "default": "1h"},
        "kind": {"enum": ["a", "b"], "default": "a"},
        "auth": {"type": "object", "properties": {"role": {"type": "string"}}},
        "strict": {"type": "boolean", "default": False},
    },
    "required": ["address"],
}


def test_a_schema_becomes_rows_of_key_type_default_meaning():
    """Each key has one row, tables' keys are dotted, secrets are called secrets."""
    assert option_rows(SCHEMA) == [
        ("address", "text", "required", "URL"),
        ("token", "secret", "", "yours"),
        ("ttl", "duration", "1h", ""),
        ("kind", "a | b", "a", ""),
        ("auth", "table", "", ""),
        ("auth.role", "text", "", ""),
        ("strict", "true | false", "false", ""),
    ]


def test_no_schema_is_not_mistaken_for_no_keys():
    """A provider without a schema may have keys all the same."""
    assert without_keys({}) == "It has no keys."
    assert "does not say" in without_keys(None)


def test_the_installed_providers_are_listed(run):
    """The built-in one is there, with the package that brings it."""
    rows = json.loads(run("provider", "list", "-o", "json").stdout)
    (ours,) = [row for row in rows if row["Name"] == "builtin"]
    assert (ours["Package"], ours["EntryPoint"]) == ("ca-core", "ca_provider_builtin")
    assert (ours["Kind"], ours["Used"]) == ("provider", True)
    assert "builtin" in run("provider", "list").stdout


def test_a_list_does_not_fail_because_of_a_broken_file(run, tmp_path):
    """What is used is unknown then; only a file that was named must be readable."""
    (tmp_path / "ca-core.toml").write_text("[srv]\n")
    rows = json.loads(run("provider", "list", "-o", "json").stdout)
    assert {row["Used"] for row in rows} == {None}
    assert run("provider", "list", "--config", "ca-core.toml").exit_code == 2


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("", 0, "understood"),
        ('[ca.config]\nno_such_key = "hunter2"\n', 2, "no_such_key"),
        ('[ca]\nprovider = "vault"\n', 2, "configures 'vault', not 'builtin'"),
    ],
)
def test_a_check_tells_whether_the_file_is_understood(run, tmp_path, text, code, told):
    """Nothing is opened; the error is the provider's own, and shows no value."""
    (tmp_path / "f.toml").write_text(text)
    result = run("provider", "check", "builtin", "--config", "f.toml")
    assert (result.exit_code, told in result.output) == (code, True)
    assert "hunter2" not in result.output


def test_an_online_check_says_what_the_provider_sees(run):
    """Health, authority, permissions, limits and notes, and it ends with 0 if all is well."""
    result = run("provider", "check", "builtin", "--online", "-o", "json")
    seen = json.loads(result.stdout)["Online"]
    assert (seen["Exists"], seen["Healthy"], seen["MissingPermissions"]) == (False, True, [])
    assert seen["Credential"] is None
    assert result.exit_code == 0
    text = run("provider", "check", "consul", "--online").stdout
    assert "permissions   none missing" in text


def test_an_online_check_opens_what_the_file_names(run, tmp_path):
    """A file that is not there is found before any server is started with it."""
    lines = ("[ca.config]", 'root_cert_file = "a.pem"', 'private_key_file = "k"')
    (tmp_path / "f.toml").write_text("\n".join(lines))
    arguments = ("provider", "check", "builtin", "--config", "f.toml")
    assert run(*arguments).exit_code == 0
    result = run(*arguments, "--online")
    assert (result.exit_code, "a.pem" in result.stderr) == (2, True)


def test_a_check_without_online_asks_nothing(run):
    """Programs can tell "not asked" from "nothing found"."""
    assert json.loads(run("provider", "check", "builtin", "-o", "json").stdout)["Online"] is None


def test_a_check_that_takes_too_long_is_ended(run):
    """The child is killed; the code is that of a provider that failed."""
    result = run("provider", "check", "builtin", "--timeout", "0.1")
    assert result.exit_code == 6
    assert "did not end within 0.1 s" in result.stderr


def test_a_name_that_looks_like_an_option_is_a_name(run, tmp_path):
    """It is looked up like any other, and not found."""
    (tmp_path / "f.toml").write_text('[ca]\nprovider = "--online"\n')
    result = run("provider", "check", "--config", "f.toml", "--", "--online")
    assert result.exit_code == 2
    assert "no provider '--online' is installed" in result.stderr


def test_missing_permissions_are_a_failing_check(run, monkeypatch):
    """What is found is shown all the same, and the exit code says that it will not work."""
    told = {
        "api_version": 1, "capabilities": [], "exists": True, "healthy": True, "details": {},
        "missing": ["pki/sign"], "limits": {"max_leaf_ttl_seconds": "60"}, "notes": ["slow"],
        "message": "", "credential": None,
    }  # fmt: skip
    monkeypatch.setattr(Trial, "done", lambda self: told)
    result = run("provider", "check", "builtin", "--online")
    assert result.exit_code == 6
    for words in ("pki/sign", "max_leaf_ttl_seconds: 60", "notes         slow"):
        assert words in result.stdout


@pytest.mark.parametrize(
    ("hours", "failures", "code", "words"),
    [
        (0.5, 0, 0, "lives for 30 min"),
        (None, 0, 0, "never expires"),
        (700.0, 1, 6, "its renewal failed once: sealed"),
        (0.0, 0, 6, "has expired"),
    ],
)
def test_a_credential_that_is_not_renewed_fails_the_check(
    run, monkeypatch, hours, failures, code, words
):
    """Few hours alone do not: a short life that is renewed is as it should be."""
    credential = {"Ends": None, "HoursLeft": hours, "Failures": failures, "LastError": "sealed"}
    told = {
        "api_version": 1, "capabilities": [], "exists": True, "healthy": True, "details": {},
        "missing": [], "limits": {}, "notes": [], "message": "", "credential": credential,
    }  # fmt: skip
    monkeypatch.setattr(Trial, "done", lambda self: told)
    result = run("provider", "check", "builtin", "--online")
    assert (result.exit_code, words in result.stdout) == (code, True)
    answer = json.loads(run("provider", "check", "builtin", "--online", "-o", "json").stdout)
    assert (answer["OK"], answer["Online"]["Credential"]) == (code == 0, credential)


def test_a_provider_shows_capabilities_and_every_key(run):
    """The table has one row per key of the schema."""
    shown = json.loads(run("provider", "show", "builtin", "-o", "json").stdout)
    assert "cross-sign" in shown["Capabilities"]
    text = run("provider", "show", "builtin").stdout
    for key in shown["Schema"]["properties"]:
        assert key in text


def test_an_unknown_provider_is_refused_with_the_next_step(run):
    """The error says which command lists what there is."""
    result = run("provider", "show", "bultin")
    assert result.exit_code == 2
    assert "did you mean 'builtin'" in result.stderr
    assert "provider list" in result.stderr
