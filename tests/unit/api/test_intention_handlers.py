"""Intentions by name over HTTP: written, read, listed, matched, checked."""

import asyncio
import json

import pytest

from ca_core.api.http import MAX_ARGUMENTS
from ca_core.api.intention_handlers import check, delete, listed, match, one, put
from ca_core.api.problems import status_of
from ca_core.errors import Error, NotFoundError
from ca_core.intentions.decision import Default, Why
from tests.unit.api.asking import asking
from tests.unit.api.intending import Room, sides

PAIR = "source=web&destination=db"
HANDLERS = {
    "list": listed,
    "one": one,
    "put": put,
    "delete": delete,
    "match": match,
    "check": check,
}
L7 = {"Permissions": [{"Action": "allow", "HTTP": {"PathPrefix": "/"}}]}


@pytest.fixture
def room():
    """Return a room where everybody may everything, and the default allows."""
    made = Room()
    yield made
    made.store.close()


async def test_an_upsert_twice_keeps_one(room):
    """``true`` both times; the second may be one of requests (Apply_WithoutIDs)."""
    assert await room.put("web", "db") is True
    assert await room.put("web", "db", **L7) is True
    (found,) = await room.ask(listed)
    assert found["Permissions"] == L7["Permissions"]
    assert "Action" not in found


async def test_one_is_shown_in_consuls_words(room):
    """What clients of Consul read is there, and no field is there that says nothing."""
    await room.put("web", "db", Description="reads", Meta={"a": "b"})
    found = await room.ask(one, PAIR)
    index = room.store.snapshot.index
    assert found == {
        "SourceNS": "default", "SourceName": "web", "DestinationNS": "default",
        "DestinationName": "db", "SourceType": "consul", "Action": "allow", "Precedence": 9,
        "Description": "reads", "Meta": {"a": "b"}, "CreatedAt": "2030-01-01T00:00:00Z",
        "UpdatedAt": "2030-01-01T00:00:00Z", "CreateIndex": index, "ModifyIndex": index,
    }  # fmt: skip


async def test_one_that_is_not_there_is_not_found(room):
    """404, and not an empty answer."""
    with pytest.raises(NotFoundError, match="Intention not found"):
        await room.ask(one, PAIR)


async def test_a_delete_of_what_is_absent_is_true(room):
    """It is idempotent."""
    await room.put("web", "db")
    assert await room.delete("web", "db") is True
    assert await room.delete("web", "db") is True
    assert await room.ask(listed) == []


async def test_the_names_of_the_address_win(room):
    """Names and id in the body have no effect."""
    await room.put("web", "db", SourceName="api", DestinationName="*", ID="x", Precedence=1)
    assert [sides(each) for each in await room.ask(listed)] == [("web", "db")]
    assert "ID" not in (await room.ask(one, PAIR))


async def test_keys_are_taken_in_any_case(room):
    """As Go's decoder takes them."""
    await room.ask(put, PAIR, {"aCTION": "deny", "DESCRIPTION": "x"})
    found = await room.ask(one, PAIR)
    assert (found["Action"], found["Description"]) == ("deny", "x")


async def test_meta_that_is_not_said_stays_until_it_is(room):
    """An update need not repeat it, and may take it away."""
    await room.put("web", "db", Meta={"a": "b"})
    await room.put("web", "db", Action="deny")
    assert (await room.ask(one, PAIR))["Meta"] == {"a": "b"}
    await room.put("web", "db", Meta={})
    assert "Meta" not in await room.ask(one, PAIR)


async def test_observe_is_kept_and_enforces_nothing(room):
    """A denial in observe mode leaves the default as it is."""
    await room.put("web", "db", Action="deny", Observe=True)
    assert (await room.ask(one, PAIR))["Observe"] is True
    assert await room.check("web", "db") is True


async def test_compare_and_set_is_by_modify_index(room):
    """The wrong index gets 409 and changes nothing; the right one goes through."""
    await room.put("web", "db", "&cas=0")
    index = (await room.ask(one, PAIR))["ModifyIndex"]
    for attempt in (
        room.put("web", "db", "&cas=0", Action="deny"),
        room.put("web", "db", f"&cas={index + 1}", Action="deny"),
        room.delete("web", "db", "&cas=0"),
    ):
        with pytest.raises(Error) as caught:
            await attempt
        assert status_of(caught.value) == 409
    assert (await room.ask(one, PAIR))["Action"] == "allow"
    assert await room.put("web", "db", f"&cas={index}", Action="deny")


async def test_a_list_is_in_the_order_of_evaluation(room):
    """The higher precedence first, then by name."""
    for source, destination in (
        ("*", "*"),
        ("web", "*"),
        ("*", "db"),
        ("web", "db"),
        ("api", "db"),
    ):
        await room.put(source, destination)
    found = await room.ask(listed)
    assert [sides(each) for each in found] == [
        ("api", "db"), ("web", "db"), ("*", "db"), ("web", "*"), ("*", "*"),
    ]  # fmt: skip
    assert [each["Precedence"] for each in found] == [9, 9, 8, 6, 5]


async def test_a_match_answers_each_name_as_it_was_written(room):
    """Several names in one request; one without any has an empty list."""
    for source, destination in (("foo", "bar"), ("*", "bar"), ("foo", "*"), ("foo", "baz")):
        await room.put(source, destination)
    bar = [("foo", "bar"), ("*", "bar"), ("foo", "*")]
    found = await room.match("destination", "bar", "default/bar", "other/x")
    assert found == {"bar": bar, "default/bar": bar, "other/x": []}
    assert await room.match("destination", "*") == {"*": [("foo", "*")]}


async def test_a_match_by_source_is_of_what_it_may_reach(room):
    """Its own intentions, and those of everybody."""
    for source, destination in (("web", "db"), ("web", "*"), ("*", "db"), ("api", "db")):
        await room.put(source, destination)
    assert await room.match("source", "web", "*") == {
        "web": [("web", "db"), ("*", "db"), ("web", "*")],
        "*": [("*", "db")],
    }


CHECKS = {
    "default allow, unset": (True, None, True),
    "default allow, allow": (True, "allow", True),
    "default allow, deny": (True, "deny", False),
    "default deny, unset": (False, None, False),
    "default deny, allow": (False, "allow", True),
    "default deny, deny": (False, "deny", False),
}


@pytest.mark.parametrize("case", CHECKS)
async def test_a_check_follows_the_intention_and_else_the_default(case):
    """The table of defaults: an intention decides, the default only where there is none."""
    allowed, action, expected = CHECKS[case]
    room = Room(default=Default(allowed=allowed))
    if action:
        await room.put("web", "db", Action=action)
    assert await room.check("web", "db") is expected
    room.store.close()


async def test_a_check_looks_from_source_to_destination(room):
    """Web may reach api, db may not (Check_match)."""
    await room.put("web", "api")
    await room.put("*", "api", Action="deny")
    assert await room.check("web", "api") is True
    assert await room.check("db", "api") is False


async def test_a_check_without_a_request_denies_what_looks_at_requests(room):
    """Every permission may allow: nobody knows the request here."""
    await room.put("web", "db", **L7)
    assert await room.check("web", "db") is False


async def test_a_check_says_why(room):
    """The reason is in a header, in Consul's words."""
    response = await check(room, asking(PAIR))
    assert response.headers["x-ca-core-reason"] == "Default behavior configured by ACLs"
    room.intentions.set_default(Default(allowed=False, why=Why.DEFAULT))
    response = await check(room, asking(PAIR))
    assert response.headers["x-ca-core-reason"] == "Default intention policy"
    await room.put("web", "db")
    response = await check(room, asking(f"{PAIR}&source-type=consul"))
    assert response.headers["x-ca-core-reason"].startswith("Matched L4 intention: default/web =>")


BAD_QUERIES = {
    "no source": ("one", "destination=db", "required query parameter 'source' not set"),
    "no destination": ("put", "source=web", "required query parameter 'destination' not set"),
    "empty": ("delete", "source=&destination=db", "required query parameter 'source' not set"),
    "twice": ("one", f"{PAIR}&source=api", "query parameter 'source' is there twice"),
    "peer": ("one", "source=peer:p/web&destination=db", "cannot specify a peer here"),
    "peer alone": ("check", "source=peer:p&destination=db", "need to specify the service name"),
    "parts": ("one", "source=a/b/c/d&destination=db", "input can contain at most two '/'"),
    "partition": ("put", "source=p/ns/web&destination=db", "partition 'p' is not served"),
    "characters": ("put", "source=w%20b&destination=db", "is no name"),
    "no by": ("match", "name=db", "required query parameter 'by' not set"),
    "by": ("match", "by=both&name=db", "'by' parameter must be one of 'source' or 'destination'"),
    "no name": ("match", "by=source", "required query parameter 'name' not set"),
    "empty name": ("match", "by=source&name=", "Name is required"),
    "name": ("match", "by=source&name=a,b", "is no name"),
    "many names": ("match", "by=source" + "&name=a" * MAX_ARGUMENTS, "more than 100 parameters"),
    "no check source": ("check", "destination=db", "required query parameter 'source' not set"),
    "check of all": ("check", "source=*&destination=db", "must be one service"),
    "check on all": ("check", "source=web&destination=*", "must be one service"),
    "source type": ("check", f"{PAIR}&source-type=x", "must be 'consul'"),
    "filter": ("list", "filter=SourceName==web", "filter expressions are not supported"),
    "datacenter": ("list", "dc=dc2", "only 'dc1' is served here"),
    "namespace": ("one", f"{PAIR}&ns=other", "only 'default' is served here"),
    "index": ("list", "index=-1", "Invalid index"),
    "cas": ("put", f"{PAIR}&cas=x", "is no index"),
}


@pytest.mark.parametrize("case", BAD_QUERIES)
async def test_a_wrong_query_is_a_bad_request(room, case):
    """Consul answers 500 to most of these; the words are the same."""
    name, query, text = BAD_QUERIES[case]
    with pytest.raises(Error) as caught:
        await room.ask(HANDLERS[name], query, {"Action": "allow"})
    assert status_of(caught.value) == 400
    assert text in str(caught.value)


BAD_BODIES = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "a string": b'"allow"',
    "no JSON": b"{",
    "trailing": b'{"Action":"allow"} {}',
    "unknown": b'{"Action":"allow","Actions":"deny"}',
    "unknown below": b'{"Permissions":[{"Action":"allow","HTTP":{"Path":"/"}}]}',
    "twice": b'{"Action":"allow","Action":"deny"}',
    "two spellings": b'{"Action":"allow","action":"deny"}',
    "twice below": b'{"Permissions":[{"Action":"deny","HTTP":{"PathExact":"/","PathExact":"/b"}}]}',
    "wrong type": b'{"Action":1}',
    "null permission": b'{"Permissions":[null]}',
    "null method": b'{"Permissions":[{"Action":"allow","HTTP":{"Methods":[null]}}]}',
    "huge number": b'{"Action":"allow","Precedence":' + b"9" * 10_000 + b"}",
    "infinite number": b'{"Action":"allow","Precedence":1e999}',
    "deep": b'{"JWT":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "null byte": b'{"Action":"allow\x00"}',
    "not UTF-8": b'{"Action":"\xff"}',
    "half a character": b'{"Action":"allow","Description":"\\ud800"}',
    "only nulls": b'{"Action":null,"Permissions":null}',
}


@pytest.mark.parametrize("case", BAD_BODIES)
async def test_a_wrong_body_is_a_bad_request_and_writes_nothing(room, case):
    """Whatever is sent: 400, never 500, and nothing is stored."""
    before = room.store.snapshot.index
    with pytest.raises(Error) as caught:
        await room.ask(put, PAIR, BAD_BODIES[case])
    assert status_of(caught.value) == 400
    assert room.store.snapshot.index == before


async def test_nulls_are_absent_fields(room):
    """Go leaves a null field at its zero value."""
    body = {"Action": "deny", "Permissions": None, "Meta": None, "Description": None, "JWT": None}
    assert await room.ask(put, PAIR, body) is True


def parked(room, handler, query):
    """Return a task that asks, and waits."""
    return asyncio.create_task(handler(room, asking(query)))


async def asleep(room, count):
    """Return once that many wait in the store."""
    async with asyncio.timeout(30):
        while len(room.store._waiters) < count:
            await asyncio.sleep(0)


async def turned():
    """Let the loop turn often enough for a watcher that was woken to answer."""
    for _ in range(20):
        await asyncio.sleep(0)


WATCHED = {
    "list": (listed, "", ("x", "y"), None),
    "one": (one, PAIR, ("web", "db"), ("web", "api")),
    "match": (match, "by=destination&name=db", ("api", "db"), ("web", "api")),
    "match, wildcard": (match, "by=destination&name=db", ("api", "*"), ("web", "api")),
    "match, empty": (match, "by=destination&name=new", ("web", "new"), ("web", "db")),
    "match by source": (match, "by=source&name=web", ("web", "new"), ("api", "db")),
    "match by source, wildcard": (match, "by=source&name=web", ("*", "new"), ("api", "db")),
}


@pytest.mark.parametrize("case", WATCHED)
async def test_a_watcher_is_woken_by_its_own_changes_alone(room, case):
    """Unrelated writes do not wake, for empty results and others (Match_BlockOnNoChange)."""
    handler, query, related, unrelated = WATCHED[case]
    await room.put("web", "db")
    first = await handler(room, asking(query))
    index = int(first.headers["x-consul-index"])
    watcher = parked(room, handler, f"{query}&index={index}&wait=60s")
    await asleep(room, 1)
    if unrelated is not None:
        await room.put(*unrelated)
        await turned()
        assert not watcher.done()
    await room.put(*related, Description="new")
    second = await asyncio.wait_for(watcher, 30)
    assert int(second.headers["x-consul-index"]) > index
    assert json.loads(second.body) != json.loads(first.body)


async def test_a_watcher_whose_time_is_over_gets_the_same_again(room):
    """The index does not move where nothing did."""
    await room.put("web", "db")
    first = await listed(room, asking(""))
    index = first.headers["x-consul-index"]
    second = await listed(room, asking(f"index={index}&wait=1ms"))
    assert (second.headers["x-consul-index"], second.body) == (index, first.body)
