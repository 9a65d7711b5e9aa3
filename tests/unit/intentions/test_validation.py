"""Every rule about what an intention may say, with its text and its field."""

import msgspec
import pytest
from hypothesis import given

from ca_core.errors import RequestError
from ca_core.intentions.model import (
    ANY,
    HeaderMatch,
    HeaderRule,
    HttpRule,
    Name,
    PathMatch,
    Permission,
    Verdict,
)
from ca_core.intentions.permissions import MOST_PERMISSIONS
from ca_core.intentions.showing import shown_intention
from ca_core.intentions.validation import named_in, parsed_intention
from ca_core.wire.folding import folded
from ca_core.wire.intentions import IntentionRequest
from tests.unit.intentions.bodies import DB, WEB, body, intentions, permitted

ACTION = "must be set to 'allow' or 'deny'"
ONE_HEADER = "should only contain one of Present, Exact, Prefix, Suffix, Contains, or Regex"
CASELESS = "should set one of Exact, Prefix, Suffix, or Contains when using IgnoreCase"
ONE_PATH = "should only contain at most one of PathExact, PathPrefix, or PathRegex"
H = "Permissions[0].HTTP"

REFUSED = {
    "no action": (body(Action=""), "Action", ACTION),
    "another action": (body(Action="ALLOW"), "Action", ACTION),
    "action and permissions": (
        body(Action="allow", Permissions=[{"Action": "allow", "HTTP": {"PathPrefix": "/"}}]),
        "Action",
        "must be omitted if Permissions are specified",
    ),
    "description": (body(Description="x" * 513), "Description", "exceeds maximum length 512"),
    "meta": (body(Meta={str(n): "" for n in range(65)}), "Meta", "contains 65 pairs, at most 64"),
    "meta key": (body(Meta={"k" * 129: ""}), "Meta", "exceeds maximum length 128"),
    "meta value": (body(Meta={"k": "v" * 513}), "Meta[k]", "exceeds maximum length 512"),
    "type": (body(SourceType="external"), "SourceType", "must be set to 'consul'"),
    "peer": (body(SourcePeer="p"), "SourcePeer", "is not supported"),
    "sameness group": (body(SourceSamenessGroup="g"), "SourceSamenessGroup", "is not supported"),
    "jwt": (body(JWT={"Providers": [{"Name": "okta"}]}), "JWT", "not supported"),
    "no action of a permission": (
        body(Permissions=[{"HTTP": {"PathPrefix": "/"}}]),
        "Permissions[0].Action",
        ACTION,
    ),
    "no HTTP": (body(Permissions=[{"Action": "deny"}]), "Permissions[0]", "HTTP is required"),
    "second permission": (
        body(Permissions=[{"Action": "deny", "HTTP": {"PathPrefix": "/"}}, {"Action": "deny"}]),
        "Permissions[1]",
        "HTTP is required",
    ),
    "jwt of a permission": (
        body(Permissions=[{"Action": "allow", "HTTP": {"PathPrefix": "/"}, "JWT": {"a": 1}}]),
        "Permissions[0].JWT",
        "is not supported",
    ),
    "empty HTTP": (permitted(), H, "should not be empty"),
    "two paths": (permitted(PathExact="/a", PathPrefix="/b"), H, ONE_PATH),
    "prefix and regex": (permitted(PathPrefix="/b", PathRegex="/.*"), H, ONE_PATH),
    "exact path": (permitted(PathExact="a"), f"{H}.PathExact", "doesn't start with '/': 'a'"),
    "prefix path": (permitted(PathPrefix="a"), f"{H}.PathPrefix", "doesn't start with '/': 'a'"),
    "path regex": (permitted(PathRegex="("), f"{H}.PathRegex", "is no regular expression"),
    "method": (permitted(Methods=["YOINK"]), f"{H}.Methods", "contains an invalid method 'YOINK'"),
    "method twice": (
        permitted(Methods=["POST", "get", "post"]),
        f"{H}.Methods",
        "contains 'POST' more than once",
    ),
    "header without name": (
        permitted(Header=[{"Present": True}]),
        f"{H}.Header[0]",
        "missing required Name field",
    ),
    "header that is none": (
        permitted(Header=[{"Name": ":path", "Present": True}]),
        f"{H}.Header[0].Name",
        "is no name of a header",
    ),
    "header without condition": (permitted(Header=[{"Name": "x"}]), f"{H}.Header[0]", ONE_HEADER),
    "header with two": (
        permitted(
            Header=[{"Name": "x", "Present": True}, {"Name": "x", "Exact": "a", "Suffix": "b"}]
        ),
        f"{H}.Header[1]",
        ONE_HEADER,
    ),
    "case of presence": (
        permitted(Header=[{"Name": "x", "Present": True, "IgnoreCase": True}]),
        f"{H}.Header[0]",
        CASELESS,
    ),
    "case of a regex": (
        permitted(Header=[{"Name": "x", "Regex": "a", "IgnoreCase": True}]),
        f"{H}.Header[0]",
        CASELESS,
    ),
    "header regex": (
        permitted(Header=[{"Name": "x", "Regex": "(?=a)"}]),
        f"{H}.Header[0].Regex",
        "is no regular expression",
    ),
    "too many permissions": (
        body(Permissions=[{"Action": "deny"}] * (MOST_PERMISSIONS + 1)),
        "Permissions",
        "257 entries, at most 256",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_breaks_a_rule_is_refused_at_its_field(case):
    """The text is Consul's where Consul has one; the field is the place in the body."""
    asked, field, text = REFUSED[case]
    with pytest.raises(RequestError) as caught:
        parsed_intention(asked, WEB, DB)
    assert caught.value.field == field
    assert text in str(caught.value)


@pytest.mark.parametrize("destination", [Name("default", "*"), ANY])
def test_permissions_need_one_destination(destination):
    """On a wildcard they are refused: which services speak HTTP is not known there."""
    with pytest.raises(RequestError, match=r"^Permissions: cannot be specified on intentions with"):
        parsed_intention(permitted(PathPrefix="/"), WEB, destination)
    assert parsed_intention(permitted(PathPrefix="/"), ANY, DB).action is None


def test_the_limits_are_limits():
    """What is exactly as long as allowed is taken."""
    meta = {f"{n:0128}": "v" * 512 for n in range(64)}
    made = parsed_intention(body(Description="x" * 512, Meta=meta), WEB, DB)
    assert (len(made.description), dict(made.meta)) == (512, meta)


def test_methods_and_header_names_are_normalised():
    """Methods are upper case, names of headers lower case."""
    made = parsed_intention(
        permitted(
            Methods=["get", "Put"], Header=[{"Name": "X-Role", "Contains": "Ops", "Invert": True}]
        ),
        WEB,
        DB,
    )
    rule = HeaderRule(name="x-role", match=HeaderMatch.CONTAINS, value="Ops", invert=True)
    http = HttpRule(match=PathMatch.ANY, methods=("GET", "PUT"), headers=(rule,))
    assert made.permissions == (Permission(action=Verdict.ALLOW, http=http),)


def test_names_in_a_body_are_read_like_any_other():
    """An absent namespace is the default one; a name is required."""
    asked = body(SourceName="*", DestinationNS="ns", DestinationName="db")
    assert named_in(asked) == (Name("default", "*"), Name("ns", "db"))
    with pytest.raises(RequestError, match=r"^SourceName: Name is required"):
        named_in(body(DestinationName="db"))
    with pytest.raises(RequestError, match=r"^DestinationName: partition"):
        named_in(body(SourceName="a", DestinationName="db", DestinationPartition="p"))
    with pytest.raises(RequestError, match=r"^SourceName: exact value cannot follow"):
        named_in(body(SourceName="web", SourceNS="*", DestinationName="db"))


def test_names_that_a_body_leaves_out_are_those_that_stand():
    """A change by id need not repeat them, but a half of one is no name."""
    assert named_in(body(), WEB, DB) == (WEB, DB)
    with pytest.raises(RequestError, match=r"^SourceName: Name is required"):
        named_in(body(SourceNS="ns"), WEB, DB)


@given(intentions())
def test_what_is_shown_is_read_back_the_same(intention):
    """An answer sent back as a body means what it meant."""
    plain = msgspec.to_builtins(shown_intention(intention, 3, 4))
    read = msgspec.convert(folded(plain, IntentionRequest), IntentionRequest)
    assert named_in(read) == (intention.source, intention.destination)
    assert parsed_intention(read, *named_in(read)) == intention


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"PathExact": "/a//b"}, "PathExact"),
        ({"PathPrefix": "/%61"}, "PathPrefix"),
        ({"PathRegex": "/größe"}, "PathRegex"),
        ({"Header": [{"Name": "a", "Exact": " b"}]}, "Header[0].Exact"),
        ({"Header": [{"Name": "a", "Exact": "b\t"}]}, "Header[0].Exact"),
        ({"Header": [{"Name": "a", "Prefix": " b"}]}, "Header[0].Prefix"),
        ({"Header": [{"Name": "a", "Suffix": "b "}]}, "Header[0].Suffix"),
        ({"Header": [{"Name": "a", "Contains": "b\nc"}]}, "Header[0].Contains"),
    ],
)
def test_a_condition_that_no_request_meets_is_refused(rule, field):
    """Such a denial would never deny."""
    with pytest.raises(RequestError, match="would match no request") as refused:
        parsed_intention(permitted(**rule), WEB, DB)
    assert refused.value.field == f"Permissions[0].HTTP.{field}"
    fine = permitted(Header=[{"Name": "a", "Prefix": "b "}, {"Name": "a", "Suffix": "\tb"}])
    assert parsed_intention(fine, WEB, DB)
