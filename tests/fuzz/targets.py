"""What is fuzzed: each target takes bytes and holds a claim that no bytes may break.

What a parser refuses is `RequestError`; everything else that escapes is a finding. Each oracle here
is written another way than the code that it watches.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from posixpath import normpath
from urllib.parse import unquote

import msgspec

from ca_core.acl.documents import Notation, parse_document
from ca_core.acl.principal import Anonymous
from ca_core.acl.rules import Resource
from ca_core.api.http import Request
from ca_core.cli.import_reading import export_of
from ca_core.errors import RequestError
from ca_core.identity.spiffe import parse_spiffe_id
from ca_core.intentions.deciding import decide_request
from ca_core.intentions.index import Index
from ca_core.intentions.model import (
    HttpRule,
    Intention,
    Name,
    PathMatch,
    Permission,
    Verdict,
    service_name,
)
from ca_core.intentions.requests import HttpRequest
from ca_core.intentions.showing import shown_intention
from ca_core.intentions.validation import named_in, parsed_intention
from ca_core.wire.intentions import IntentionRequest
from tests.fuzz.authorizing import authorize_body
from tests.fuzz.login import login_jwt

WEB, DB = service_name("web"), service_name("db")

_SEGMENT = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+"
_SPIFFE = re.compile(
    r"spiffe://[a-z0-9._-]{1,255}"
    rf"(?:(?:/ap/default)?(?:/ns/{_SEGMENT}/dc/{_SEGMENT}/svc/{_SEGMENT}"
    rf"|/agent/client/dc/{_SEGMENT}/id/{_SEGMENT}"
    rf"|/agent/server/dc/{_SEGMENT}|/gateway/mesh/dc/{_SEGMENT}))?"
)
"""The whole language of IDs as one expression."""

_REQUESTS = tuple(
    HttpRequest(method=method, path=path, headers=headers)
    for method in ("GET", "POST")
    for path in ("/", "/admin", "/v1/%61?x=1", "/a/../b", "//")
    for headers in ((), (("x-role", "ops"), ("X-Role", "dev, ops")))
)

ADMIN = Index.of(
    [
        Intention(
            source=WEB,
            destination=DB,
            action=None,
            permissions=(
                Permission(
                    action=Verdict.DENY, http=HttpRule(match=PathMatch.PREFIX, path="/admin")
                ),
                Permission(action=Verdict.ALLOW, http=HttpRule(match=PathMatch.PREFIX, path="/")),
            ),
        )
    ]
)
"""Everything is allowed but what begins with ``/admin``."""

LEVELS = ("deny", "read", "write")


def spiffe_uri(data: bytes) -> None:
    """An ID is taken if the language has it, and never else; it is printed as it was written."""
    text = data.decode(errors="surrogateescape")
    try:
        identity = parse_spiffe_id.__wrapped__(text)
    except RequestError:
        assert len(text) > 2048 or not _SPIFFE.fullmatch(text)
        return
    assert _SPIFFE.fullmatch(text)
    assert str(identity) == text.replace("/ap/default/", "/", 1)


def intention_body(data: bytes) -> None:
    """What is taken is shown so that it is taken again as the same, and decides without failing."""
    intention = _intention(data)
    if intention is None:
        return
    shown = msgspec.json.encode(shown_intention(intention))
    assert _intention(shown) == intention
    index = Index.of([intention])
    says = {one.action for one in intention.permissions} | {intention.action}
    source, destination = _inside(intention.source), _inside(intention.destination)
    for request in _REQUESTS:
        if decide_request(index, source, destination, request).allowed:
            assert Verdict.ALLOW in says
    deny = replace(
        intention, source=source, destination=destination, action=Verdict.DENY, permissions=(),
        observe=False,
    )  # fmt: skip
    denied = index.with_changes([deny])
    assert not denied.decide(source, destination).allowed
    assert not any(decide_request(denied, source, destination, one).allowed for one in _REQUESTS)


def _intention(data: bytes) -> Intention | None:
    try:
        body = _request(data).json_in_any_case(IntentionRequest)
        return parsed_intention(body, *named_in(body, WEB, DB))
    except RequestError:
        return None


def _request(data: bytes) -> Request:
    return Request(
        method="PUT", path="/", query="", headers={}, body=data, principal=Anonymous(loopback=True)
    )


def _inside(name: Name) -> Name:
    """Return one service of a set."""
    return Name(name.namespace.replace("*", "ns"), name.name.replace("*", "svc"))


def policy_document(data: bytes) -> None:
    """Rules of any notation can be written as JSON, and say the same there."""
    text = data.decode(errors="surrogateescape")
    for notation in (None, *Notation):
        try:
            rules = parse_document(text, notation)
        except RequestError:
            continue
        assert parse_document(_written(rules), Notation.JSON) == rules


def _written(rules) -> str:
    """Return rules as a JSON document."""
    found: dict[str, object] = {}
    for rule in rules:
        level = LEVELS[rule.level]
        if rule.resource in (Resource.OPERATOR, Resource.ACL):
            found[rule.resource.value] = level
            continue
        is_intention = rule.resource is Resource.INTENTION
        word = "service" if is_intention else rule.resource.value
        table = found.setdefault(f"{word}_prefix" if rule.prefix else word, {})
        assert isinstance(table, dict)
        table.setdefault(rule.name, {})["intentions" if is_intention else "policy"] = level
    return json.dumps(found)


def request_path(data: bytes) -> None:
    """No spelling of a path passes a denial by, whatever reader of paths there is behind it."""
    text = data.decode(errors="surrogateescape")
    decision = decide_request(ADMIN, WEB, DB, HttpRequest(path=text))
    if decision.allowed:
        for path in _readings(text.partition("?")[0]):
            assert not path.startswith("/admin"), (text, path)


def _readings(path: str) -> Iterator[str]:
    """Yield what servers may make of a path: decoded, without parameters, without empty parts."""
    for decoded in (path, unquote(path), unquote(unquote(path))):
        for turned in (decoded, decoded.replace("\\", "/")):
            for bare in (turned, re.sub(";[^/]*", "", turned)):
                yield normpath(re.sub("/+", "/", bare))


def import_file(data: bytes) -> None:
    """Of every row of an export it is said that it is taken, or why not."""
    try:
        document = msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return
    export = export_of(document if isinstance(document, list) else [document])
    for row in export.rows:
        assert (row.intention is None) == bool(row.refusal)
        assert row.intention is None or isinstance(row.pair, tuple)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "spiffe_uri": spiffe_uri,
    "authorize_body": authorize_body,
    "intention_body": intention_body,
    "policy_document": policy_document,
    "request_path": request_path,
    "import_file": import_file,
    "login_jwt": login_jwt,
}
