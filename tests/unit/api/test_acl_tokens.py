"""Tokens over the API: bootstrap, create, read, change, delete, list, self, expiry."""

import json
import logging
from datetime import timedelta

import pytest

from ca_core.acl.access import Action
from ca_core.acl.policies import MANAGEMENT_ID
from ca_core.acl.principal import Anonymous, Node, Peer, Token
from ca_core.acl.tokens import ANONYMOUS_ACCESSOR
from ca_core.api import acl_token_handlers as on_tokens
from ca_core.api.servermetrics import show_tokens
from ca_core.errors import DeniedError, Error, NotFoundError, RequestError
from ca_core.identity.spiffe import AgentId, TrustDomain
from ca_core.telemetry.metrics import Metrics
from tests.unit.api.acling import LOCAL, OPERATOR, Room, caller

AGENT = Node(
    identity=AgentId(trust_domain=TrustDomain("x"), datacenter="dc1", node="n1"), key_digest=""
)
STRANGER = Peer(uid=4242, gid=0, pid=1)


@pytest.fixture
def room():
    """Return a room without any token."""
    made = Room()
    yield made
    made.store.close()


async def test_the_first_token_may_everything(room):
    """Bootstrap answers a management token with its secret, which is that token's."""
    made = await room.bootstrap()
    assert made["Policies"] == [{"ID": MANAGEMENT_ID, "Name": "global-management"}]
    assert room.known(made["SecretID"]) == made["AccessorID"]
    assert all(room.may(caller(made), action, "web") for action in Action)


async def test_bootstrap_is_done_once(room):
    """The second attempt names the reset index as Consul does, and makes nothing."""
    await room.bootstrap()
    index = room.store.snapshot.get("acl", "bootstrap").version
    before = room.store.snapshot.index
    with pytest.raises(DeniedError, match=rf"no longer allowed \(reset index: {index}\)"):
        await room.bootstrap()
    assert room.store.snapshot.index == before


async def test_a_reset_is_the_operators(room):
    """It makes another management token; the first one stays until it is deleted."""
    first = await room.bootstrap()
    with pytest.raises(DeniedError, match="lacks permission 'acl:write'"):
        await room.bootstrap(query="reset")
    second = await room.bootstrap(query="reset", who=OPERATOR)
    assert room.known(first["SecretID"])
    assert room.known(second["SecretID"])


@pytest.mark.parametrize("who", [Anonymous(), AGENT, STRANGER, Token("x")])
async def test_bootstrap_is_not_for_strangers(room, who):
    """Somebody from another machine, an agent and another user are refused, and told where to."""
    with pytest.raises(DeniedError, match="acl:write") as refused:
        await room.bootstrap(who=who)
    assert "on the server's own machine" in refused.value.hint


async def test_a_secret_of_the_callers_choice_is_refused(room):
    """Neither the first token's nor another's; an accessor neither."""
    with pytest.raises(RequestError, match="BootstrapSecret"):
        await room.ask(on_tokens.bootstrap, {"BootstrapSecret": "a" * 36}, who=LOCAL)
    with pytest.raises(RequestError, match="128 random bits") as refused:
        await room.token(SecretID="b85e9d08-1a05-4a9e-a3b3-1d4f4dd6f9c1")
    assert "b85e9d08" not in str(refused.value)
    with pytest.raises(RequestError, match="AccessorID"):
        await room.token(AccessorID="b85e9d08-1a05-4a9e-a3b3-1d4f4dd6f9c1")


async def test_a_token_has_what_its_body_says(room):
    """Policies by id or name, identities and words come back; the secret only once."""
    policy = await room.policy("ops")
    made = await room.token(
        Description="for tests",
        Policies=[{"ID": policy["ID"]}, {"Name": "OPS"}, {"Name": "global-management"}],
        ServiceIdentities=[{"ServiceName": "web", "Datacenters": ["dc1"]}],
        NodeIdentities=[{"NodeName": "n1", "Datacenter": "dc1"}],
    )
    assert [link["Name"] for link in made["Policies"]] == ["ops", "global-management"]
    found = await room.read(made["AccessorID"].upper())
    assert found == made | {"SecretID": "<hidden>"}
    assert found["ServiceIdentities"] == [{"ServiceName": "web"}]
    assert found["NodeIdentities"] == [{"NodeName": "n1", "Datacenter": "dc1"}]
    assert found["CreateIndex"] == found["ModifyIndex"] > 0


WRONG = {
    "Roles": [{"Name": "r"}],
    "TemplatedPolicies": [{"TemplateName": "x"}],
    "Local": True,
    "Namespace": "other",
    "Partition": "other",
    "ExpirationTTL": "59s",
    "ExpirationTime": "2020-01-01T00:00:00Z",
    "Description": "x" * 513,
    "Policies": [{"Name": "nobody"}],
    "ServiceIdentities": [{"ServiceName": "*"}],
    "NodeIdentities": [{"NodeName": "n1", "Datacenter": "dc2"}],
}


@pytest.mark.parametrize("field", WRONG)
async def test_what_is_not_served_is_refused_by_name(room, field):
    """Every part of a body that would be without effect gets 400 with its place."""
    with pytest.raises(RequestError) as refused:
        await room.token(**{field: WRONG[field]})
    assert refused.value.field.startswith(field)
    assert type(refused.value) is RequestError


@pytest.mark.parametrize(
    "body",
    [
        {"ExpirationTTL": "1h", "ExpirationTime": "2030-01-02T00:00:00Z"},
        {"Policies": [{}]},
        {"Policies": [{"ID": "not a uuid"}]},
        {"Policies": [{"Name": "global-management"}] * 65},
        {"ServiceIdentities": [{"ServiceName": f"s{n}"} for n in range(65)]},
        {"ServiceIdentities": [{"ServiceName": "web", "Datacenters": ["dc2"]}]},
        {"ServiceIdentities": [{"ServiceName": "a/b"}]},
        {"ServiceIdentities": [{"ServiceName": ".."}]},
        {"ExpirationTTL": "87601h"},
        {"Unknown": 1},
        {"Policies": "x"},
        {"Description": 5},
    ],
)
async def test_a_wrong_body_is_the_callers_fault(room, body):
    """It gets 400, never a bug."""
    with pytest.raises(RequestError):
        await room.token(**body)


async def test_a_change_replaces_what_it_may(room):
    """What the body leaves out it has no more; ids, birth and end stay."""
    made = await room.token(ServiceIdentities=[{"ServiceName": "web"}], ExpirationTTL="1h")
    assert room.may(caller(made), Action.SERVICE_WRITE, "web")
    found = await room.update(made["AccessorID"], Description="new")
    assert "ServiceIdentities" not in found
    assert found["ExpirationTime"] == made["ExpirationTime"]
    assert found["CreateIndex"] == made["CreateIndex"] < found["ModifyIndex"]
    assert not room.may(caller(made), Action.SERVICE_WRITE, "web")
    assert room.known(made["SecretID"])


async def test_what_was_read_may_be_sent_back(room):
    """Read, change, write: hidden secret, read-only fields and the same end are no changes."""
    made = await room.token(Description="a", ExpirationTTL="1h")
    before = room.store.snapshot.index
    found = await room.read(made["AccessorID"])
    assert await room.update(made["AccessorID"], **found) == found
    await room.update(made["AccessorID"], **(found | {"SecretID": made["SecretID"]}))
    assert room.store.snapshot.index == before


@pytest.mark.parametrize(
    "body",
    [
        {"SecretID": "another"},
        {"AccessorID": ANONYMOUS_ACCESSOR},
        {"ExpirationTTL": "2h"},
        {"ExpirationTime": "2031-01-01T00:00:00Z"},
    ],
)
async def test_what_makes_a_token_never_changes(room, body):
    """Its ids and its end stand for ever."""
    made = await room.token(ExpirationTTL="1h")
    with pytest.raises(RequestError) as refused:
        await room.update(made["AccessorID"], **body)
    assert refused.value.field == next(iter(body)).replace("TTL", "Time")


async def test_a_clone_is_another_token_with_the_same_rights(room):
    """It has ids of its own, the original's rights and end; the original stays as it is."""
    made = await room.token(ServiceIdentities=[{"ServiceName": "web"}], ExpirationTTL="1h")
    body = {"Description": "twin"}
    twin = await room.ask(on_tokens.clone, body, accessor=made["AccessorID"])
    assert room.known(twin["SecretID"]) == twin["AccessorID"] != made["AccessorID"]
    assert twin["ExpirationTime"] == made["ExpirationTime"]
    assert twin["Description"] == "twin"
    await room.delete(made["AccessorID"])
    assert room.may(caller(twin), Action.SERVICE_WRITE, "web")
    with pytest.raises(NotFoundError):
        await room.ask(on_tokens.clone, {}, accessor=made["AccessorID"])


async def test_a_clone_of_the_anonymous_token_is_not_anonymous(room):
    """It has a secret that nobody else knows."""
    twin = await room.ask(on_tokens.clone, {}, accessor=ANONYMOUS_ACCESSOR)
    assert twin["SecretID"] not in ("anonymous", "<hidden>")
    assert room.known("anonymous") == ANONYMOUS_ACCESSOR


async def test_a_deleted_token_is_nobodys(room):
    """Its secret, its rights and its rows go together; again is no error."""
    made = await room.token(Policies=[{"Name": "global-management"}])
    assert await room.delete(made["AccessorID"]) is True
    assert room.known(made["SecretID"]) is None
    assert not room.may(caller(made), Action.ACL_READ, "")
    assert made["AccessorID"] not in room.stored()
    assert await room.delete(made["AccessorID"]) is True
    with pytest.raises(NotFoundError, match="Cannot find token"):
        await room.read(made["AccessorID"])


async def test_two_tokens_are_never_deleted(room):
    """The caller's own, and the anonymous one, which everybody has."""
    made = await room.bootstrap()
    with pytest.raises(RequestError, match="does not delete itself"):
        await room.delete(made["AccessorID"], who=caller(made))
    with pytest.raises(RequestError, match="anonymous token cannot be deleted"):
        await room.delete(ANONYMOUS_ACCESSOR)


async def test_the_anonymous_token_is_given_rights(room):
    """Everybody without a token has them from then on."""
    await room.policy("see", 'service_prefix "" { policy = "read" }')
    nobody = Anonymous()
    assert not room.may(nobody, Action.SERVICE_READ, "web")
    found = await room.update(ANONYMOUS_ACCESSOR, Policies=[{"Name": "see"}])
    assert found["SecretID"] == "anonymous"
    assert room.may(nobody, Action.SERVICE_READ, "web")
    assert room.known("anonymous") == ANONYMOUS_ACCESSOR


async def test_self_needs_nothing_but_the_token(room):
    """A token without rights sees itself and nothing else; without one it is the anonymous one."""
    made = await room.token()
    found = await room.ask(on_tokens.read_self, who=caller(made))
    assert found == made | {"SecretID": "<hidden>"}
    with pytest.raises(DeniedError, match="lacks permission 'acl:read'"):
        await room.read(made["AccessorID"], who=caller(made))
    anonymous = await room.ask(on_tokens.read_self, who=Anonymous())
    assert anonymous["AccessorID"] == ANONYMOUS_ACCESSOR


async def test_an_expired_token_is_as_if_it_never_was(room):
    """From its end on it authenticates nobody, is not found and not listed."""
    made = await room.token(ExpirationTTL="1m", Policies=[{"Name": "global-management"}])
    room.clock.advance(timedelta(seconds=59))
    assert room.known(made["SecretID"])
    room.clock.advance(timedelta(seconds=1))
    assert room.known(made["SecretID"]) is None
    assert not room.may(caller(made), Action.ACL_READ, "")
    assert [row["AccessorID"] for row in await room.tokens()] == [ANONYMOUS_ACCESSOR]
    with pytest.raises(NotFoundError):
        await room.read(made["AccessorID"])
    with pytest.raises(DeniedError, match="ACL not found"):
        await room.ask(on_tokens.read_self, who=caller(made))


async def test_a_list_is_narrowed(room):
    """By policy and by service, as Consul spells it; what is not served is refused."""
    policy = await room.policy("ops")
    held = await room.token(Policies=[{"Name": "ops"}])
    web = await room.token(ServiceIdentities=[{"ServiceName": "web"}])
    assert len(await room.tokens()) == 3
    by_policy = await room.tokens(f"policy={policy['ID']}")
    by_service = await room.tokens("servicename=web")
    assert [row["AccessorID"] for row in by_policy] == [held["AccessorID"]]
    assert [row["AccessorID"] for row in by_service] == [web["AccessorID"]]
    assert await room.tokens("authmethod=ci") == []
    for query in ("role=x", "filter=x"):
        with pytest.raises(RequestError, match="not served"):
            await room.tokens(query)


@pytest.mark.parametrize(
    ("rules", "reads", "writes"),
    [
        ("", False, False),
        ('acl = "read"', True, False),
        ('acl = "write"', True, True),
        ('operator = "write"', False, False),
    ],
)
async def test_reading_and_writing_are_two_rights(room, rules, reads, writes):
    """``acl:read`` sees tokens, ``acl:write`` makes them; nothing else does."""
    await room.policy("p", rules)
    made = await room.token(Policies=[{"Name": "p"}])
    other = (await room.token())["AccessorID"]

    async def may(asked):
        try:
            await asked
        except DeniedError:
            return False
        return True

    who = caller(made)
    assert await may(room.tokens(who=who)) is reads
    assert await may(room.read(other, who=who)) is reads
    assert await may(room.token(who=who)) is writes
    assert await may(room.update(other, who=who, Description="x")) is writes
    assert await may(room.delete(other, who=who)) is writes


async def test_a_secret_shows_once_and_nowhere_else(room, caplog):
    """In no row, log, repr, error or later answer."""
    caplog.set_level(logging.DEBUG)
    made = [await room.bootstrap(), await room.token(Description="d", ExpirationTTL="1h")]
    told = [await room.tokens(), await room.tokens()]
    for token in made:
        told += [await room.read(token["AccessorID"])]
        told += [await room.ask(on_tokens.read_self, who=caller(token))]
        told += [await room.update(token["AccessorID"], Description="e")]
        with pytest.raises(NotFoundError) as missing:
            await room.read(token["SecretID"])  # a common mistake
        told += [str(missing.value), missing.value.hint]
        for body in ({"SecretID": token["SecretID"] + "x"}, {"AccessorID": token["SecretID"]}):
            try:
                await room.update(token["AccessorID"], **body)
            except Error as error:
                told += [str(error), error.hint]
    everything = json.dumps(told) + room.stored() + caplog.text + repr(room)
    for token in made:
        assert token["SecretID"] not in everything
        assert token["SecretID"].replace("-", "") not in everything


async def test_the_number_of_tokens_is_a_metric(room):
    """It is asked for at every scrape."""
    metrics = Metrics()
    show_tokens(metrics, room.store)
    assert b"ca_core_acl_tokens 0.0" in metrics.exposition()[0]
    await room.token()
    assert b"ca_core_acl_tokens 1.0" in metrics.exposition()[0]
