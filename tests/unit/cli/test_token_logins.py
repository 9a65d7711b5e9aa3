"""Tests of `token method …` and `token rule …`."""

import json
import re
from pathlib import Path

import pytest

from ca_core.acl.methodparsing import parsed_method
from ca_core.acl.methodwriting import parsed_rule
from ca_core.acl.selectors import parse_selector
from ca_core.api.http import decoded_in_any_case
from ca_core.wire.aclmethods import AuthMethodRequest, BindingRuleRequest

ID = "70d39c74-acf8-4511-8ce3-72916ffabf7d"
BODY = {"Name": "ci", "Type": "jwt"}
METHOD = BODY | {
    "DisplayName": "", "Description": "our CI", "MaxTokenTTL": "1h", "TokenLocality": "",
    "Config": {
        "JWKSURL": "https://ci.example/jwks", "BoundIssuer": "https://ci.example",
        "BoundAudiences": ["a", "b"], "ClaimMappings": {"project_path": "project"},
    },
    "CreateIndex": 5, "ModifyIndex": 6,
}  # fmt: skip
RULE = {
    "ID": ID, "Description": "", "AuthMethod": "ci", "Selector": "", "BindType": "service",
    "BindName": "${value.project}", "CreateIndex": 5, "ModifyIndex": 6,
}  # fmt: skip


@pytest.fixture
def server(api, monkeypatch):
    """Return a fake API that has one auth method and one rule."""
    monkeypatch.setenv("CA_CORE_HTTP_ADDR", api.url)
    Path("ci.json").write_text(json.dumps(BODY))
    listed = {key: value for key, value in METHOD.items() if key != "Config"}
    api.answer("PUT", "/v1/acl/auth-method", METHOD)
    api.answer("GET", "/v1/acl/auth-methods", [listed])
    api.answer("PUT", "/v1/acl/binding-rule", RULE)
    api.answer("GET", "/v1/acl/binding-rules", [RULE])
    for verb in ("GET", "DELETE"):
        api.answer(verb, "/v1/acl/auth-method/ci", METHOD)
        api.answer(verb, f"/v1/acl/binding-rule/{ID}", RULE)
    return api


def test_a_document_is_sent_as_it_is_and_what_was_made_is_shown(run, server):
    """The server judges it; what it made of it is told in words."""
    result = run("token", "method", "create", "ci.json")
    assert result.exit_code == 0
    assert server.bodies("PUT", "/v1/acl/auth-method") == [BODY]
    for fact in ("https://ci.example/jwks", "a, b", "project_path as project", "1h"):
        assert fact in result.stdout
    result = run("token", "rule", "create", "-", text=json.dumps({"AuthMethod": "ci"}).encode())
    assert server.bodies("PUT", "/v1/acl/binding-rule") == [{"AuthMethod": "ci"}]
    assert "service ${value.project}" in result.stdout
    assert "(every login)" in result.stdout


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("thing", ["method", "rule"])
@pytest.mark.parametrize("text", ["[]", "{", '"x"', "{'a': 1}"])
def test_a_file_that_holds_no_object_is_named(run, thing, text):
    """Nothing is sent, and the place is told."""
    Path("bad.json").write_text(text)
    result = run("token", thing, "create", "bad.json")
    assert result.exit_code == 2
    assert "error: bad.json: not a JSON object" in result.stderr


@pytest.mark.usefixtures("server")
def test_lists_and_single_ones_are_shown(run):
    """What the API answers, in columns and facts."""
    assert re.search(r"^ci +jwt +1h +our CI$", run("token", "method", "list").stdout, re.MULTILINE)
    assert "issuer       https://ci.example\n" in run("token", "method", "read", "ci").stdout
    assert ID in run("token", "rule", "list").stdout
    assert "method  ci\n" in run("token", "rule", "read", ID).stdout


def test_rules_of_one_method_are_asked_for(run, server):
    """The server filters."""
    run("token", "rule", "list", "--method", "c/i")
    assert [path for _, path, _, _ in server.requests] == ["/v1/acl/binding-rules?authmethod=c%2Fi"]


def test_only_what_is_there_is_deleted(run, server):
    """The API answers true for what was never there; a typing error is not told as a success."""
    assert "ci deleted" in run("token", "method", "delete", "ci").stdout
    assert "deleted" in run("token", "rule", "delete", ID).stdout
    assert run("token", "method", "delete", "cj").exit_code == 2
    assert run("token", "rule", "delete", "other").exit_code == 2
    deleted = [path for verb, path, _, _ in server.requests if verb == "DELETE"]
    assert deleted == ["/v1/acl/auth-method/ci", f"/v1/acl/binding-rule/{ID}"]


def example(text):
    """Return the document that a help text shows."""
    return re.search(r"as Consul writes it:\n(.*?)\n\nNext", text, re.DOTALL)[1].encode()


def test_the_documents_that_help_shows_are_taken(run):
    """Whoever copies them has something that works."""
    body = decoded_in_any_case(example(run("token", "method", "--help").stdout), AuthMethodRequest)
    values, lists = parsed_method(body, body.name).config.names
    body = decoded_in_any_case(example(run("token", "rule", "--help").stdout), BindingRuleRequest)
    rule = parsed_rule(body, ID)
    assert parse_selector(rule.selector)
    assert "project" in values
    assert not lists
