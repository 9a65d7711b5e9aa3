"""Bodies that somebody made to do harm, on every route about tokens and intentions: no 5xx."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import structs

from ca_core.api.http import MAX_BODY
from ca_core.api.routes import ROUTES
from tests.integration.api.world import dev

WEB = "spiffe://x.consul/ns/default/dc/dc1/svc/web"
POLICY = {"Name": "p", "Rules": 'service "web" { policy = "read" }'}
PUBLIC = ec.derive_private_key(3, ec.SECP256R1()).public_key()
KEY = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
METHOD = {
    "Name": "p",
    "Type": "jwt",
    "Config": {"JWTValidationPubKeys": [KEY], "BoundIssuer": "i", "BoundAudiences": ["a"]},
}
HONEST: dict[str, dict[str, Any]] = {
    "AuthMethodRequest": METHOD,
    "AuthorizeRequest": {"Target": "db", "ClientCertURI": WEB, "Request": {"Path": "/"}},
    "BindingRuleRequest": {"AuthMethod": "p", "BindType": "service", "BindName": "web"},
    "BootstrapRequest": {},
    "DiffRequest": {
        "Upsert": [{"SourceName": "*", "DestinationName": "db", "Action": "deny"}],
        "Delete": [{"Source": "a", "Destination": "db"}],
    },
    "ExplainRequest": {"Source": "web", "Destination": "db", "Request": {"Headers": {"a": "b"}}},
    "GrantRequest": {"Secret": "x"},
    "IntentionRequest": {
        "SourceName": "web", "DestinationName": "db",
        "Permissions": [{"Action": "allow", "HTTP": {"PathPrefix": "/"}}],
    },
    "LoginRequest": {"AuthMethod": "p", "BearerToken": "a.b.c"},
    "PolicyRequest": POLICY,
    "TokenRequest": {"Description": "d", "ServiceIdentities": [{"ServiceName": "web"}]},
    "WatchRequest": {
        "Roots": 0, "Grants": {"Grants": ["x"]}, "Intentions": {"Held": {"default/db": 0}},
        "Views": {"Held": {"connect/web": 0, "services/": 1}, "Epoch": "e"},
        "Registered": "ab", "Index": 1, "Epoch": "e", "Wait": "1ms",
    },
}  # fmt: skip
"""A body of each type that could be meant; its parts are what gets replaced."""

ABOUT = ("/v1/acl/", "/v1/connect/intentions", "/v1/agent/connect/authorize", "/v1/cluster/grant",
         "/v1/cluster/watch")  # fmt: skip
NEW = [route for route in ROUTES if route.path.startswith(ABOUT)]
TAKING = [route for route in NEW if route.accepts is not None]
LONG = "a" * (MAX_BODY - 4096)
DEEP = b"[" * 50_000 + b"]" * 50_000

WHOLE = {
    "nothing": b"",
    "null": b"null",
    "an array": b"[]",
    "a number": b"1e400",
    "a text": b'"x"',
    "cut": b'{"Name": ',
    "invalid UTF-8": b'{"Name": "\xff\xfe"}',
    "UTF-16": '{"Name": "x"}'.encode("utf-16"),
    "NUL": b"\x00" * 64,
    "deep": DEEP,
    "deep within": b'{"Meta": ' + DEEP + b', "x": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}",
    "twice": b'{"Name": "a", "Name": "b", "Target": "a", "Target": "b", "Held": {}, "Held": {}}',
    "unknown": b'{"\\u0000": 1}',
    "many keys": json.dumps({f"k{at}": at for at in range(20_000)}).encode(),
    "too large": b" " * (MAX_BODY + 1),
}
"""Whole bodies; none is taken anywhere."""

PARTS: dict[str, bytes] = {
    "null": b"null",
    "array": b"[[], {}, null, 1]",
    "object": b'{"": {"a": []}}',
    "true": b"true",
    "negative": b"-1",
    "huge": b"123456789" * 40,
    "infinite": b"1e400",
    "empty": b'""',
    "long": f'"{LONG}"'.encode(),
    "NUL": b'"web\\u0000"',
    "lone surrogate": b'"\\ud800"',
    "escape sequences": b'"\\u001b[2J\\r\\nX-Evil: 1"',
    "wildcard": b'"*"',
    "path": b'"../../etc/passwd"',
    "deep": b"[" * 400 + b"]" * 400,
    "number for name": b"7",
}
"""Values, each in the place of every part of an honest body."""


def address(route, identifier):
    """Return a route's path with something in its variable parts."""
    name = "00000000-0000-0000-0000-00000000000a"
    if "intentions" in route.path:
        return route.path.replace("{id}", identifier)
    return route.path.replace("{id}", name).replace("{accessor}", name).replace("{name}", "p")


def places(value, path=()):
    """Yield the path of every part of a JSON value."""
    if path:
        yield path
    parts = value.items() if isinstance(value, dict) else ()
    parts = enumerate(value) if isinstance(value, list) else parts
    for key, inner in parts:
        yield from places(inner, (*path, key))


def replaced(value, path, part):
    """Return a JSON value as bytes, with another one in one place."""
    mark = "the place of what is replaced"
    copy = json.loads(json.dumps(value))
    target = copy
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = mark
    return json.dumps(copy).encode().replace(json.dumps(mark).encode(), part)


def hostile(kind):
    """Yield (what, body): an honest body of a type with one part replaced, or one part more."""
    honest = HONEST[kind.__name__]
    more = [(field.encode_name,) for field in structs.fields(kind)]
    for path in dict.fromkeys([*places(honest), *more]):
        if path != ("Wait",):  # waiting is what it is for
            for what, part in PARTS.items():
                if what != "long" or path in places(honest):
                    yield f"{path}: {what}", replaced(honest, path, part)


@pytest.fixture(scope="module")
def client():
    """Return a client of ``dev``: everybody may everything, so that bodies are looked at."""
    with dev() as opened:
        opened.put("/v1/acl/auth-method", json=METHOD).raise_for_status()
        yield opened


@pytest.fixture(scope="module")
def identifier(client):
    """Return the id of an intention that there is."""
    body = {"SourceName": "a", "DestinationName": "db", "Action": "deny"}
    return client.post("/v1/connect/intentions", json=body).json()["ID"]


@pytest.fixture
def send(client, cluster, identifier):
    """Return a function that sends a body to a route, as somebody who gets to its handler."""
    with cluster.as_agent("n1") as agent:

        def sent(route, body):
            speaker = agent if route.path.startswith("/v1/cluster/") else client
            query = {"source": "web", "destination": "db"} if "exact" in route.path else {}
            return speaker.request(
                route.method, address(route, identifier), content=body, params=query
            )

        yield sent


def ids(route):
    """Name a route."""
    return f"{route.method} {route.path}"


def test_every_type_of_body_has_an_honest_one():
    """A new route is swept too, or this says so."""
    assert {route.accepts.__name__ for route in TAKING} == set(HONEST)


@pytest.mark.parametrize("route", TAKING, ids=ids)
def test_an_honest_body_gets_as_far_as_its_handler(send, route):
    """What is replaced in it is looked at: nothing else in it is wrong."""
    answer = send(route, json.dumps(HONEST[route.accepts.__name__]).encode())
    assert answer.status_code in {200, 403, 404, 409}, answer.text


@pytest.mark.parametrize("route", TAKING, ids=ids)
def test_a_body_that_is_no_body_is_refused(send, caplog, route):
    """400, or 413 for what is too large: whatever it is about."""
    may_be_empty = route.path == "/v1/acl/bootstrap"
    for what, body in WHOLE.items():
        answer = send(route, body)
        if may_be_empty and not body.strip():
            assert answer.status_code < 500, (what, answer.text)
            continue
        assert answer.status_code in {400, 413}, (what, answer.status_code, answer.text[:200])
        assert answer.text
    assert not [record for record in caplog.records if record.exc_info], caplog.text


@pytest.mark.parametrize("route", TAKING, ids=ids)
def test_a_wrong_part_of_an_honest_body_is_no_bug(send, caplog, route):
    """Taken or refused with a reason, never a 5xx, and nobody's log is written by it."""
    for what, body in hostile(route.accepts):
        answer = send(route, body)
        assert answer.status_code in {200, 400, 403, 404, 409, 413}, (what, answer.text[:300])
        assert '"Authorized":true' not in answer.text, what  # a client of another trust domain
        assert len(answer.text) < 20_000, what
        assert not any(name.lower() == "x-evil" for name in answer.headers), what
    assert not [record for record in caplog.records if record.exc_info], caplog.text


@pytest.mark.parametrize("route", NEW, ids=ids)
def test_hostile_paths_and_queries_are_no_bug(client, cluster, route):
    """Whatever stands in a variable part or a parameter."""
    with cluster.as_agent("n1") as agent:
        speaker = agent if route.path.startswith("/v1/cluster/") else client
        for text in (
            "%00",
            "%ff%fe",
            "%2e%2e%2f",
            "a" * 4000,
            "%F0%9F%92%A9",
            "*",
            "%5b",
            "'\";--",
        ):
            path = route.path
            for part in ("{id}", "{accessor}", "{name}"):
                path = path.replace(part, text)
            query = "&".join(f"{each.name}={text}" for each in route.parameters) or f"x={text}"
            body = b"{}" if route.accepts else None
            answer = speaker.request(route.method, f"{path}?{query}", content=body)
            assert answer.status_code < 500, (text, answer.status_code, answer.text)
