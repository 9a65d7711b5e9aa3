"""Drawn requests about intentions: taken or refused as wrong, never anything else."""

import asyncio
import json
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from ca_core.api.intention_handlers import check, delete, listed, match, one, put
from ca_core.api.intention_id_handlers import create
from ca_core.api.intention_id_handlers import one as one_id
from ca_core.api.problems import status_of
from ca_core.errors import Error
from tests.unit.api.asking import asking
from tests.unit.api.intending import Room

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(
        ["allow", "deny", "consul", "web", "*", "/a", "(a+)+$", "(", "GET", "peer:p/x"]
    ),
)
NAMED = [
    "Action", "action", "Permissions", "HTTP", "PathExact", "PathPrefix", "PathRegex", "Header",
    "Name", "Present", "Exact", "Regex", "Invert", "IgnoreCase", "Methods", "Meta", "Description",
    "SourceName", "SourceNS", "DestinationName", "SourcePeer", "JWT", "Observe", "ID", "Hash", "x",
]  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMED), inner, max_size=4)
    ),
    max_leaves=12,
)
HEADER = st.fixed_dictionaries(
    {"Name": st.sampled_from(["X-a", "b", ""])},
    optional={
        "present": st.booleans(),
        "Exact": st.text("ab", max_size=2),
        "Regex": st.sampled_from(["", "a+", "("]),
        "Invert": st.booleans(),
        "IgnoreCase": st.booleans(),
    },
)
HTTP = st.fixed_dictionaries(
    {"PathPrefix": st.sampled_from(["/", "/a", "/", None])},
    optional={
        "PathRegex": st.sampled_from(["", "/a+"]),
        "Methods": st.lists(st.sampled_from(["get", "GET", "Post", "x"]), max_size=2),
        "Header": st.lists(HEADER, max_size=2),
    },
)
PERMISSION = st.fixed_dictionaries({"Action": st.sampled_from(["allow", "deny"]), "HTTP": HTTP})
PLAUSIBLE = st.fixed_dictionaries(
    {},
    optional={
        "aCTION": st.sampled_from(["allow", "deny", None]),
        "Description": st.text(max_size=10),
        "Observe": st.booleans(),
        "Meta": st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
        "Permissions": st.lists(PERMISSION, max_size=2),
        "SourceName": SCALARS,
        "JWT": st.sampled_from([None, {}, {"Providers": []}]),
    },
)
"""Bodies of which about a quarter is taken."""

BODIES = st.one_of(
    st.binary(max_size=30),
    VALUES.map(json.dumps).map(str.encode),
    PLAUSIBLE.map(json.dumps).map(str.encode),
)
QUERIES = st.lists(
    st.tuples(
        st.sampled_from(["source", "destination", "by", "name", "cas", "filter", "source-type"]),
        st.one_of(
            st.sampled_from(["web", "db", "*", "ns/db", "*/*", "source", "0", "consul"]),
            st.text(max_size=5),
        ),
    ),
    max_size=4,
).map(urlencode)
HANDLERS = st.sampled_from([listed, one, put, delete, match, check, create, one_id])


async def status(room, handler, query, body):
    """Return the status of an answer; what is no error of ours escapes."""
    try:
        return (
            await handler(room, asking(query, body=body, id=body[:36].decode("latin-1")))
        ).status
    except Error as error:
        return status_of(error)


@settings(max_examples=300, deadline=None)
@given(HANDLERS, QUERIES, BODIES)
def test_whatever_is_sent_is_taken_or_refused(handler, query, body):
    """200 or a refusal that blames the request; no bug, no 500."""
    room = Room()
    found = asyncio.run(status(room, handler, query, body))
    room.store.close()
    assert found in {200, 400, 404, 409}


@settings(max_examples=200, deadline=None)
@given(PLAUSIBLE.map(json.dumps).map(str.encode))
def test_what_is_taken_can_be_sent_back(body):
    """An answer is a body that is taken, and changes nothing."""
    asyncio.run(sent_back(body))


async def sent_back(body):
    """Send a body and, if it is taken, what is shown of it."""
    pair, room = "source=web&destination=db", Room()
    if await status(room, put, pair, body) == 200:
        index = room.store.snapshot.index
        shown = (await one(room, asking(pair))).body
        assert await status(room, put, pair, shown) == 200
        assert room.store.snapshot.index == index
    room.store.close()
