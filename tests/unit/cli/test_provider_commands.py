"""Tests of `provider list` and `provider show`, and of a schema as a table."""

import json

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
    assert {"Name", "Package", "Version", "EntryPoint"} == set(rows[0])
    assert "builtin" in [row["Name"] for row in rows]
    assert "builtin" in run("provider", "list").stdout


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
