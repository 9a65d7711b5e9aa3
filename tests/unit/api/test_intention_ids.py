"""Intentions by id, for old clients."""

import asyncio
import uuid

import pytest

from ca_core.api.intention_handlers import listed
from ca_core.api.intention_id_handlers import create, delete, one, put
from ca_core.api.problems import status_of
from ca_core.errors import Error
from tests.unit.api.asking import asking
from tests.unit.api.intending import Room, sides

UNKNOWN = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def room():
    """Return a room where everybody may everything."""
    made = Room()
    yield made
    made.store.close()


async def refused(asked):
    """Return (status, text) of a refusal."""
    with pytest.raises(Error) as caught:
        await asked
    return status_of(caught.value), str(caught.value)


async def test_a_created_one_is_found_by_its_id(room):
    """The id is a UUID of ours; names and times are there (Apply_new)."""
    name = await room.create(Meta={"a": "b"}, Description="x")
    assert str(uuid.UUID(name)) == name
    found = await room.ask(one, id=name.upper())
    assert (found["ID"], sides(found), found["Meta"]) == (name, ("web", "db"), {"a": "b"})
    assert found["CreatedAt"] == found["UpdatedAt"] == "2030-01-01T00:00:00Z"


async def test_an_id_is_given_not_taken(room):
    """A body with an id is refused (Apply_createWithID)."""
    status, text = await refused(room.create(ID=UNKNOWN))
    assert (status, text) == (400, "ID must be empty when creating a new intention")


async def test_a_pair_that_has_one_is_a_conflict(room):
    """409 names the one that stands; it is not changed."""
    await room.put("web", "db", Action="deny")
    status, text = await refused(room.create())
    assert status == 409
    assert "duplicate intention found: default/web => default/db" in text
    assert [each["Action"] for each in await room.ask(listed)] == ["deny"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"SourceName": ""}, "SourceName: Name is required"),
        ({"DestinationName": ""}, "DestinationName: Name is required"),
        ({"SourceName": "web*"}, "wildcard character '*' cannot be used with partial values"),
        ({"DestinationNS": "*"}, "exact value cannot follow wildcard namespace"),
        ({"SourceType": "other"}, "SourceType: must be set to 'consul'"),
        ({"SourcePeer": "p"}, "SourcePeer: is not supported"),
        ({"Action": ""}, "Action: must be set to 'allow' or 'deny'"),
        ({"Description": "x" * 513}, "Description: exceeds maximum length 512"),
        ({"SourcePartition": "p"}, "partition 'p' is not served"),
    ],
)
async def test_what_breaks_a_rule_is_a_bad_request(room, body, text):
    """The rules are those of a write by name, and those of names (TestIntentionValidate)."""
    status, said = await refused(room.create(**body))
    assert status == 400
    assert text in said


@pytest.mark.parametrize(
    "body", [b"null", b"[]", b"", b"{", b'{"SourceName":"a","sourcename":"b"}']
)
async def test_a_wrong_body_is_a_bad_request(room, body):
    """Consul answers 500, or ends the request at ``null``."""
    name = await room.create()
    assert (await refused(room.ask(create, "", body)))[0] == 400
    assert (await refused(room.ask(put, "", body, id=name)))[0] == 400


@pytest.mark.parametrize("text", ["x", "exact ", "1" * 36, UNKNOWN + "0", "%00"])
async def test_what_is_no_uuid_is_a_bad_request(room, text):
    """It is not looked for."""
    for handler in (one, put, delete):
        assert (await refused(room.ask(handler, "", {"Action": "deny"}, id=text)))[0] == 400


async def test_an_id_of_the_wrong_length_says_so(room):
    """In Consul's words."""
    assert (await refused(room.ask(one, id="abc")))[1] == "id: UUID must be 36 characters"


async def test_an_unknown_id_is_not_found(room):
    """404 for all three (Apply_updateNonExist)."""
    body = {"Action": "deny"}
    assert await refused(room.ask(one, id=UNKNOWN)) == (404, "Intention not found")
    for handler, verb in ((put, "modify"), (delete, "delete")):
        text = f"Cannot {verb} non-existent intention: '{UNKNOWN}'"
        assert await refused(room.ask(handler, "", body, id=UNKNOWN)) == (404, text)


async def test_a_change_by_id_keeps_what_it_does_not_name(room):
    """Names and meta data stay; the rest is the body's."""
    name = await room.create(Meta={"a": "b"}, Description="x")
    assert await room.ask(put, "", {"Action": "deny"}, id=name) == {"ID": name}
    found = await room.ask(one, id=name)
    assert (sides(found), found["Action"], found["Meta"]) == (("web", "db"), "deny", {"a": "b"})
    assert "Description" not in found


async def test_a_change_by_id_may_rename_the_source_and_never_the_destination(room):
    """Rights are the destination's."""
    name = await room.create()
    await room.ask(put, "", {"Action": "allow", "SourceName": "api"}, id=name)
    assert sides(await room.ask(one, id=name)) == ("api", "db")
    status, text = await refused(
        room.ask(put, "", {"Action": "allow", "DestinationName": "x"}, id=name)
    )
    assert status == 400
    assert "Cannot modify Destination partition/namespace/name for an intention once" in text


async def test_a_delete_by_id_removes_it(room):
    """And the id with it."""
    name = await room.create()
    assert await room.ask(delete, id=name) is True
    assert (await refused(room.ask(one, id=name)))[0] == 404
    assert await room.ask(listed) == []


async def test_an_upsert_by_name_keeps_the_id(room):
    """Old and new clients may change the same one."""
    name = await room.create()
    await room.put("web", "db", Action="deny")
    assert (await room.ask(one, id=name))["Action"] == "deny"


async def test_a_watcher_of_an_id_is_woken_by_its_change(room):
    """Blocking reads go by id too."""
    name = await room.create()
    first = await one(room, asking("", id=name))
    index = first.headers["x-consul-index"]
    watcher = asyncio.create_task(one(room, asking(f"index={index}&wait=60s", id=name)))
    while not len(room.store._waiters):
        await asyncio.sleep(0)
    await room.ask(put, "", {"Action": "deny"}, id=name)
    second = await asyncio.wait_for(watcher, 30)
    assert int(second.headers["x-consul-index"]) > int(index)
    assert b'"deny"' in second.body
