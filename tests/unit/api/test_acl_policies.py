"""Policies over the API: created, read, changed, deleted; and what their tokens may meanwhile."""

import json

import pytest

from ca_core.acl.access import Action
from ca_core.acl.policies import MANAGEMENT_ID, READ_ONLY_ID
from ca_core.api import acl_policy_handlers as on_policies
from ca_core.errors import ConflictError, DeniedError, NotFoundError, RequestError
from tests.unit.api.acling import Room, caller

HCL = 'service "web" { policy = "write" }'
NOBODY = "b85e9d08-1a05-4a9e-a3b3-1d4f4dd6f9c1"


@pytest.fixture
def room():
    """Return a room with the builtin policies alone."""
    made = Room()
    yield made
    made.store.close()


@pytest.mark.parametrize(
    "rules",
    [HCL, json.dumps({"service": {"web": {"policy": "write"}}}), '[service.web]\npolicy = "write"'],
)
async def test_a_document_is_kept_as_it_is_written(room, rules):
    """In HCL, JSON and TOML; and its rights are those of every token that holds it."""
    made = await room.policy("web", rules, Description="d")
    found = await room.ask(on_policies.read, id=made["ID"])
    assert found == made
    assert (found["Name"], found["Rules"], found["Description"]) == ("web", rules, "d")
    assert await room.ask(on_policies.read_by_name, name="WEB") == made
    holder = caller(await room.token(Policies=[{"Name": "web"}]))
    assert room.may(holder, Action.SERVICE_WRITE, "web")
    assert not room.may(holder, Action.SERVICE_WRITE, "db")


async def test_a_change_is_everybodys_at_once(room):
    """Tokens that hold the policy have the new rights with the commit; the old name is free."""
    made = await room.policy("web", HCL)
    holder = caller(await room.token(Policies=[{"ID": made["ID"]}]))
    body = {"ID": made["ID"], "Name": "db", "Rules": 'service "db" { policy = "write" }'}
    found = await room.ask(on_policies.update, body, id=made["ID"])
    assert found["CreateIndex"] == made["CreateIndex"] < found["ModifyIndex"]
    assert not room.may(holder, Action.SERVICE_WRITE, "web")
    assert room.may(holder, Action.SERVICE_WRITE, "db")
    await room.policy("web", HCL)
    before = room.store.snapshot.index
    assert await room.ask(on_policies.update, body, id=made["ID"]) == found
    assert room.store.snapshot.index == before


async def test_names_are_unique_whatever_their_case(room):
    """A second one of the name gets 409, made or renamed; nothing is written."""
    await room.policy("web")
    other = await room.policy("db")
    before = room.store.snapshot.index
    for name in ("WEB", "global-management"):
        with pytest.raises(ConflictError, match="with this name exists"):
            await room.policy(name)
        with pytest.raises(ConflictError):
            await room.ask(on_policies.update, {"Name": name}, id=other["ID"])
    assert room.store.snapshot.index == before
    renamed = await room.ask(on_policies.update, {"Name": "DB"}, id=other["ID"])
    assert renamed["Name"] == "DB"
    assert await room.ask(on_policies.read_by_name, name="db") == renamed


async def test_a_deleted_policy_is_in_no_token(room):
    """Its rights go at once, and its link out of every token, however many hold it."""
    gone, kept = await room.policy("gone", HCL), await room.policy("kept")
    links = [{"ID": gone["ID"]}, {"ID": kept["ID"]}]
    made = [await room.token(Policies=links) for _ in range(120)]
    assert await room.ask(on_policies.delete, id=gone["ID"]) is True
    assert not room.may(caller(made[0]), Action.SERVICE_WRITE, "web")
    assert gone["ID"] not in room.stored()
    left = [row["Policies"] for row in await room.tokens() if "Policies" in row]
    assert left == [[{"ID": kept["ID"], "Name": "kept"}]] * 120
    assert await room.ask(on_policies.delete, id=gone["ID"]) is True
    with pytest.raises(NotFoundError):
        await room.ask(on_policies.read, id=gone["ID"])
    await room.policy("gone")


@pytest.mark.parametrize("builtin", [MANAGEMENT_ID, READ_ONLY_ID])
async def test_builtin_policies_stand(room, builtin):
    """They are read like others, and neither changed nor deleted."""
    found = await room.ask(on_policies.read, id=builtin)
    assert found["Rules"]
    with pytest.raises(RequestError, match="builtin"):
        await room.ask(on_policies.update, {"Name": "x"}, id=builtin)
    with pytest.raises(RequestError, match="builtin"):
        await room.ask(on_policies.delete, id=builtin)


async def test_a_list_has_no_documents(room):
    """It is in order of names, the builtin ones among them."""
    await room.policy("web")
    found = await room.ask(on_policies.listed)
    names = [row["Name"] for row in found]
    assert names == ["builtin/global-read-only", "global-management", "web"]
    assert not any("Rules" in row for row in found)


WRONG = {
    "no name": {"Name": ""},
    "a name with a slash": {"Name": "builtin/x"},
    "a long name": {"Name": "x" * 129},
    "an id": {"ID": NOBODY},
    "another place": {"Datacenters": ["dc2"]},
    "a namespace": {"Namespace": "x"},
    "rules of nothing here": {"Rules": 'key "x" { policy = "read" }'},
    "no document": {"Rules": "{"},
    "a large document": {"Rules": "#" * 65_537},
    "a long description": {"Description": "x" * 513},
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_wrong_policy_is_refused_with_its_place(room, case):
    """It gets 400 with the field, and nothing is written."""
    before = room.store.snapshot.index
    body = {"Name": "p", "Rules": HCL} | WRONG[case]
    with pytest.raises(RequestError) as refused:
        await room.ask(on_policies.create, body)
    assert refused.value.field
    assert room.store.snapshot.index == before


async def test_policies_need_the_right(room):
    """``acl:read`` to see, ``acl:write`` to change."""
    await room.policy("see", 'acl = "read"')
    who = caller(await room.token(Policies=[{"Name": "see"}]))
    assert len(await room.ask(on_policies.listed, who=who)) == 3
    with pytest.raises(DeniedError, match="acl:write"):
        await room.policy("new", who=who)
    with pytest.raises(DeniedError, match="acl:write"):
        await room.ask(on_policies.delete, who=who, id=MANAGEMENT_ID)
    with pytest.raises(DeniedError, match="acl:read"):
        await room.ask(on_policies.listed, who=caller(await room.token()))
