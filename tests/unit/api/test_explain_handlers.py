"""Tests of explain, diff and observed through their handlers."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.api.explain_handlers import (
    diff,
    explained,
    explained_body,
    header_line,
    observed,
)
from ca_core.api.intention_handlers import FILTERED
from ca_core.api.routes import ROUTES
from ca_core.errors import DeniedError, RequestError
from ca_core.intentions.decision import Default
from ca_core.intentions.model import service_name
from ca_core.intentions.observed import Collected, Observed, Seen
from tests.unit.api.asking import asking
from tests.unit.api.intending import HOLDER, Room

PAIR = "source=web&destination=db"
L7 = [
    {"Action": "deny", "HTTP": {"PathPrefix": "/admin"}},
    {"Action": "allow", "HTTP": {"Header": [{"Name": "x-role", "Exact": "ops"}]}},
]


@pytest.fixture
def room():
    """Return a room that denies where nothing matches."""
    made = Room(default=Default(allowed=False))
    made.observed = Collected()
    yield made
    made.store.close()


async def test_a_connection_is_explained(room):
    """Without method, path and header no request is meant."""
    await room.put("web", "db")
    answer = await room.ask(explained, PAIR)
    assert answer["Decision"]["Allowed"]
    assert [one["Standing"] for one in answer["Candidates"]] == ["decides"]
    assert answer["Default"] == {"Allowed": False, "Why": "acl_default"}


@pytest.mark.parametrize(
    ("query", "allowed", "permission"),
    [
        ("&path=/admin/x", False, 0),
        ("&header=x-role:ops", True, 1),
        ("&header=X-Role%3D%20ops&method=POST", True, 1),
        ("&header=x-role:ops&header=x-role:dev", False, -1),
        ("&method=GET", False, -1),
        ("&path=/x/../%2561dmin", False, 0),
    ],
)
async def test_a_request_is_explained_from_the_query_and_from_a_body(
    room, query, allowed, permission
):
    """Both say the same."""
    await room.put("web", "db", Permissions=L7)
    answer = await room.ask(explained, PAIR + query)
    assert answer["Decision"]["Allowed"] is allowed
    assert answer["Decision"]["Permission"] == permission


async def test_a_body_may_hold_several_lines_of_a_header(room):
    """A text is one line, a list several."""
    await room.put("web", "db", Permissions=L7)
    body = {"source": "web", "Destination": "db", "Request": {"Headers": {"X-Role": "ops"}}}
    assert (await room.ask(explained_body, body=body))["Decision"]["Allowed"]
    body["Request"]["Headers"]["X-Role"] = ["ops", "dev"]
    assert not (await room.ask(explained_body, body=body))["Decision"]["Allowed"]
    del body["Request"]
    assert (await room.ask(explained_body, body=body))["Decision"]["Why"] == "l7"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{", b'{"Source":"web"}', b'{"Source":"*","Destination":"db"}',
        b'{"Source":"web","Destination":"db","Request":{"Headers":{"a":1}}}',
        b'{"Source":"web","Destination":"db","Request":{"Path":1e999}}',
        b'{"Source":"web","Destination":"db","Request":[]}',
        b'{"Source":"web","source":"api","Destination":"db"}',
        b'{"Source":"web","Destination":"db","Request":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"Source":"web/../x","Destination":"db"}', b'{"Source":"w\\u0000","Destination":"db"}',
    ],
)  # fmt: skip
async def test_a_body_that_is_wrong_is_refused(room, body):
    """400, and never more."""
    with pytest.raises(RequestError):
        await room.ask(explained_body, body=body)


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
async def test_any_request_is_explained(method, path, value):
    """What cannot be compared is denied, with the fault."""
    made = Room(default=Default(allowed=True))
    try:
        await made.put("web", "db", Permissions=L7)
        body = {
            "Source": "web",
            "Destination": "db",
            "Request": {"Method": method, "Path": path, "Headers": {"x-role": value}},
        }
        raw = json.dumps(body).encode()
        answer = await made.ask(explained_body, body=raw)
        assert not (answer["Fault"] and answer["Decision"]["Allowed"])
    finally:
        made.store.close()


async def test_explaining_needs_the_right_to_read(room):
    """Of the destination's intentions; wildcards are no services."""
    room.allowing('service "db" { policy = "read" }')
    assert await room.ask(explained, PAIR, principal=HOLDER)
    with pytest.raises(DeniedError):
        await room.ask(explained, "source=db&destination=web", principal=HOLDER)
    with pytest.raises(RequestError, match="one service"):
        await room.ask(explained, "source=*&destination=db", principal=HOLDER)


async def test_a_change_is_compared_and_not_made(room):
    """Upserts and deletions of what stands."""
    await room.put("web", "db")
    body = {
        "Upsert": [{"SourceName": "api", "DestinationName": "db", "Action": "allow"}],
        "Delete": [{"Source": "web", "Destination": "db"}],
    }
    found = (await room.ask(diff, body=body))["Differences"]
    assert [one["Text"] for one in found] == ["newly allows api -> db", "newly denies web -> db"]
    assert await room.check("web", "db")


async def test_a_whole_is_compared_with_what_stands(room):
    """What it does not name is gone."""
    await room.put("web", "db")
    await room.put("api", "db")
    body = {"Intentions": [{"SourceName": "web", "DestinationName": "db", "Action": "allow"}]}
    (only,) = (await room.ask(diff, body=body))["Differences"]
    assert only["Text"] == "newly denies api -> db"
    assert (await room.ask(diff, body={"Intentions": []}))["Differences"]


ONE = {"SourceName": "web", "DestinationName": "db", "Action": "allow"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"Intentions": [], "Upsert": [ONE]}, "body"),
        ({"Upsert": [ONE, ONE]}, "Upsert[1]"),
        ({"Upsert": [ONE | {"Action": "x"}]}, "Upsert[0]"),
        ({"Intentions": [ONE, {}]}, "Intentions[1]"),
        ({"Delete": [{"Source": "a b", "Destination": "c"}]}, "Delete[0].Source"),
        ({"Delete": [{"Source": "a"}]}, "body"),
        ({"Delete": [None]}, "body"),
        ({"What": 1}, "body"),
    ],
)
async def test_a_proposal_that_is_wrong_is_refused_with_the_place(room, body, field):
    """400 with the field."""
    with pytest.raises(RequestError) as refused:
        await room.ask(diff, body=body)
    assert refused.value.field == field


async def test_a_comparison_says_only_what_the_caller_may_read(room):
    """Of one end at least; the header says that something was left out."""
    room.allowing('service "db" { policy = "read" }')
    body = {"Upsert": [ONE, {"SourceName": "x", "DestinationName": "y", "Action": "allow"}]}
    raw = json.dumps(body).encode()
    response = await diff(room, asking("", body=raw, principal=HOLDER))
    assert [one["Text"] for one in json.loads(response.body)["Differences"]] == [
        "newly allows web -> db"
    ]
    assert response.headers[FILTERED] == "true"
    room.allowing("")
    with pytest.raises(DeniedError):
        await room.ask(diff, body=body, principal=HOLDER)


async def test_would_be_denials_are_listed(room):
    """Those that the caller may read about, the most frequent first."""
    counts = Observed()
    now = datetime(2030, 1, 1, tzinfo=UTC)
    for source, destination in (("web", "db"), ("api", "db"), ("api", "db"), ("x", "y")):
        counts.add(Seen(service_name(source), service_name(destination), "r"), now)
    room.observed.add(counts.taken())
    found = (await room.ask(observed))["Observed"]
    assert [(one["Source"], one["Count"]) for one in found] == [("api", 2), ("web", 1), ("x", 1)]
    room.allowing('service "db" { policy = "read" }')
    response = await observed(room, asking("", principal=HOLDER))
    assert len(json.loads(response.body)["Observed"]) == 2
    assert response.headers[FILTERED] == "true"


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: b", ("a", "b")), ("a=b", ("a", "b")), ("a:b=c", ("a", "b=c")), ("a=b:c", ("a", "b:c"))],
)
def test_a_header_is_split_at_its_first_sign(text, line):
    """Names hold neither."""
    assert header_line(text) == line
    for wrong in ("a", "", ":b", "=b"):
        with pytest.raises(RequestError):
            header_line(wrong)


def test_these_names_are_no_ids():
    """Their routes stand before the one that takes any id."""
    paths = [route.path for route in ROUTES if route.method == "GET"]
    for name in ("explain", "observed"):
        place = paths.index(f"/v1/connect/intentions/{name}")
        assert place < paths.index("/v1/connect/intentions/{id}")
