"""Tests of files of intentions and of expectations."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.errors import RequestError
from ca_core.intentions.decision import Default, Why
from ca_core.intentions.documents import parsed_expectations, parsed_intentions
from ca_core.intentions.model import ANY, Name, Verdict, service_name
from ca_core.intentions.requests import HttpRequest
from ca_core.intentions.showing import shown_intention
from tests.unit.intentions.bodies import intentions
from tests.unit.intentions.rulesets import unique

WEB, DB = map(service_name, ("web", "db"))

TOML = """
default = "deny"

[[intentions]]
source = "web"
destination = "db"
action = "allow"
description = "shop"
[intentions.meta]
some_key = "kept_as_it_is"

[[intentions]]
source = "*/*"
destination = "ns/api"
observe = true
[[intentions.permissions]]
action = "deny"
http = { path_prefix = "/admin", methods = ["get"], header = [{ name = "X-Role", contains = "a" }] }
"""


def test_toml_says_intentions():
    """Names short, keys in any case with or without underscores; meta as it is."""
    found = parsed_intentions(TOML)
    first, second = found.intentions
    assert found.default == Default(allowed=False, why=Why.DEFAULT)
    assert (first.source, first.destination, first.action) == (WEB, DB, Verdict.ALLOW)
    assert (first.description, dict(first.meta)) == ("shop", {"some_key": "kept_as_it_is"})
    assert (second.source, second.destination) == (ANY, Name("ns", "api"))
    assert second.observe
    assert second.permissions[0].http.path == "/admin"
    assert second.permissions[0].http.headers[0].name == "x-role"


@given(st.lists(intentions(), max_size=5).map(lambda found: list(unique(found).values())))
def test_what_the_api_lists_is_a_file(drawn):
    """A list of answers says the intentions that it was made of."""
    text = msgspec.json.encode([shown_intention(one) for one in drawn]).decode()
    assert list(parsed_intentions(text).intentions) == drawn


def test_json_may_say_a_default_too():
    """As an object instead of a list."""
    text = json.dumps({"default": "allow", "intentions": []})
    assert parsed_intentions(text).default == Default(allowed=True, why=Why.DEFAULT)
    assert parsed_intentions("[]").default is None


ONE = '[[intentions]]\nsource = "web"\ndestination = "db"\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "holds no list of intentions"),
        ("= 1", "neither TOML nor JSON"),
        ("{", "neither TOML nor JSON"),
        ("[" * 100_000, "neither TOML nor JSON"),
        ('{"intentions": [], "intentions": []}', "twice"),
        ("[1]", r"intentions\[0\]: is no table"),
        ("[[intentions]]\n[[more]]", "more: is not known here"),
        ('default = "maybe"\n' + ONE + 'action = "allow"', "default: must be 'allow' or 'deny'"),
        (ONE, r"intentions\[0\]: Action: must be set"),
        (ONE + "action = 1", r"intentions\[0\]: .*Action"),
        (ONE + 'action = "allow"\nwhat = 1', r"intentions\[0\]: .*what"),
        (ONE + 'action = "allow"\nAction = "deny"', "twice, in two spellings"),
        (ONE + 'action = "allow"\n' + ONE + 'action = "deny"', "web => default/db is there twice"),
        ('[[intentions]]\nsource = 1\naction = "allow"', "source: is no text"),
        ('[[intentions]]\nsource = "a b"\naction = "allow"', "is no name"),
        ('[[intentions]]\nsource = "web"\naction = "allow"', "DestinationName: Name is required"),
        (ONE + "permissions = " + "[" * 30 + "]" * 30, "nested too deeply"),
        (ONE + "action = 2020-01-01", r"intentions\[0\]"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_place(text, fault):
    """Nothing is guessed."""
    with pytest.raises(RequestError, match=fault):
        parsed_intentions(text)


TESTS = """
[[tests]]
source = "web"
destination = "db"
expect = "allow"

[[tests]]
name = "admins only"
source = "ns/web"
destination = "db"
path = "/admin"
headers = { X-Role = "ops", Accept = ["a", "b"] }
expect = "deny"
"""


def test_expectations_are_of_connections_or_requests():
    """Whoever names a method, a path or a header means a request."""
    first, second = parsed_expectations(TESTS)
    assert (first.source, first.destination, first.request, first.allowed) == (WEB, DB, None, True)
    assert second.request == HttpRequest(
        path="/admin", headers=(("X-Role", "ops"), ("Accept", "a"), ("Accept", "b"))
    )
    assert (second.name, second.source, second.allowed) == ("admins only", Name("ns", "web"), False)
    (only,) = parsed_expectations(
        '[{"source":"a","destination":"b","method":"PUT","expect":"deny"}]'
    )
    assert only.request == HttpRequest(method="PUT")


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({}, "missing required field `source`"),
        ({"source": "a", "destination": "b", "expect": "perhaps"}, "expect: must be"),
        ({"source": "*", "destination": "b", "expect": "deny"}, "source: must be one service"),
        ({"source": "a", "destination": "*", "expect": "deny"}, "destination: must be one service"),
        ({"source": "a", "destination": "b", "expect": "deny", "paht": "/"}, "paht"),
        ({"source": "a", "destination": "b", "expect": "deny", "headers": {"a": 1}}, "headers"),
    ],
)
def test_an_expectation_that_is_wrong_is_refused_with_the_place(table, fault):
    """A table that says nothing would be a test that cannot fail."""
    with pytest.raises(RequestError, match=rf"tests\[0\]: .*{fault}"):
        parsed_expectations(json.dumps([table]))


@given(
    st.text(max_size=40)
    | st.sampled_from([TOML, TESTS]).flatmap(
        lambda text: st.integers(0, len(text)).map(lambda at: text[:at])
    )
)
def test_any_text_is_read_or_refused(text):
    """Nothing else comes out, whatever goes in."""
    for parsed in (parsed_intentions, parsed_expectations):
        try:
            parsed(text)
        except RequestError:
            continue
