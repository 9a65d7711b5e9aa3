"""Changes of who signs over HTTP: planned, begun, watched, aborted, rolled back."""

import asyncio
import json
from datetime import timedelta

import pytest

from ca_core.acl.principal import Node, Peer
from ca_core.api.change_handlers import apply, renew, rotate, taint
from ca_core.api.operation_handlers import abort, listed, one, roll_back
from ca_core.api.operator_handlers import ca_status
from ca_core.api.plan_handlers import planned
from ca_core.api.problems import status_of
from ca_core.authority.rows import Phase, authorities
from ca_core.config.model import CAConfig, Config, RotationConfig
from ca_core.errors import DeniedError, Error, NotFoundError
from ca_core.identity.spiffe import AgentId
from ca_core.lifecycle.rows import OperationPhase, operation
from ca_core.lifecycle.rows import operations as rows_of
from tests.unit.api.asking import asking
from tests.unit.api.test_cluster_handlers import world

ROOT = Peer(uid=0, gid=0, pid=1)
HANDLERS = (planned, apply, rotate, renew, taint, listed, one, abort, roll_back)


async def ask(handler, room, body=None, query="", **params):
    """Return an answer: status, JSON, headers."""
    raw = b"" if body is None else json.dumps(body).encode()
    answer = await handler(room, asking(query, body=raw, principal=ROOT, **params))
    return answer.status, json.loads(answer.body), answer.headers


async def refused(handler, room, body=None, query="", **params) -> Error:
    """Return why it is refused."""
    with pytest.raises(Error) as caught:
        await ask(handler, room, body, query, **params)
    return caught.value


async def reached(built, name, phase):
    """Return once an operation is in a phase."""
    async with asyncio.timeout(30):
        while operation(built.room.store.snapshot, name).phase is not phase:
            await asyncio.sleep(0.002)


async def test_an_applied_configuration_is_answered_once_it_is_active():
    """The answer is the operation; the same again is no change and has no id."""
    async with world() as built:
        body = {"Settings": {"provider": "builtin", "key_type": "rsa"}}
        _, plan, _ = await ask(planned, built.room, body)
        status, row, headers = await ask(apply, built.room, body)
        assert (status, row["Kind"], row["Phase"]) == (200, "rotate", "active")
        assert plan["Kind"] == row["Kind"]
        assert headers["location"].endswith(row["ID"])
        assert [step["Phase"] for step in row["History"]] == plan["Phases"]
        assert row["OldProvider"] == row["NewProvider"] == "builtin"
        assert row["Actor"] == "uid 0 (pid 1)"
        assert (row["CanAbort"], row["CanRollBack"]) == (False, True)
        status, row, _ = await ask(apply, built.room, body)
        assert (status, row["Kind"], row["ID"]) == (200, "none", "")


async def test_a_caller_that_does_not_wait_is_told_where_to_look():
    """202 at once; the operation names who is missing and what it waits for."""
    async with world() as built:
        await built.join(await built.token())
        status, row, headers = await ask(rotate, built.room)
        assert (status, row["CanAbort"]) == (202, True)
        name = row["ID"]
        assert headers["location"] == f"/v1/connect/ca/operations/{name}"
        await reached(built, name, OperationPhase.DISTRIBUTED)
        async with asyncio.timeout(30):
            while not (shown := (await ask(one, built.room, id=name))[1])["WaitsFor"]:
                await asyncio.sleep(0.002)
        assert "n1 did not acknowledge" in shown["WaitsFor"]
        progress = shown["Progress"]
        assert (progress["Counted"], progress["Acknowledged"]) == (1, 0)
        assert [missing["Node"] for missing in progress["Missing"]] == ["n1"]
        assert shown["Deadline"]
        error = await refused(apply, built.room, {"Settings": {"leaf_ttl": "9h"}})
        assert (status_of(error), name in str(error)) == (409, True)
        _, aborted, _ = await ask(abort, built.room, id=name)
        assert (aborted["Phase"], aborted["CanAbort"]) == ("aborted", False)
        assert "uid 0" in aborted["Reason"]
        assert status_of(await refused(abort, built.room, id=name)) == 400


async def test_leaves_are_counted_until_their_holders_have_others():
    """Each leaf of the signer that was replaced, until its holder was given one by another."""
    async with world() as built:
        await built.join(await built.token())
        for service in (built.web, None):
            await built.sign(built.csr(service))
        force = {"Force": True}
        _, row, _ = await ask(rotate, built.room, force, "wait=30s")
        assert row["Phase"] == "active"
        assert row["Forced"]
        assert len(row["LeftBehind"]) == 1
        before = row["Progress"]
        assert before["Leaves"] == 3  # the join's, and two more
        assert before["Reissued"] == 0
        await built.sign(built.csr(built.web))
        _, row, _ = await ask(one, built.room, id=row["ID"])
        assert row["Progress"]["Reissued"] == 1
        built.clock.advance(timedelta(hours=73))
        _, row, _ = await ask(one, built.room, id=row["ID"])
        assert row["Progress"]["Reissued"] == 3


async def test_a_rotation_is_rolled_back_while_the_old_root_drains():
    """And only once."""
    async with world() as built:
        await built.join(await built.token())  # a leaf of the old root is alive
        _, row, _ = await ask(rotate, built.room, {"Force": True}, "wait=30s")
        old = row["OldAuthority"]
        _, back, _ = await ask(roll_back, built.room, id=row["ID"])
        assert back["Phase"] == "rolled_back"
        phases = {a.id: a.phase for a in authorities(built.room.store.snapshot)}
        assert phases[old] is Phase.SIGNING
        assert status_of(await refused(roll_back, built.room, id=row["ID"])) == 400


async def test_a_draining_authority_can_be_tainted_by_its_name():
    """There is no operation; without a name it is the one that signs, and there is one."""
    async with world() as built:
        await built.join(await built.token())
        _, row, _ = await ask(rotate, built.room, {"Force": True}, "wait=30s")
        old = row["OldAuthority"]
        status, answer, _ = await ask(taint, built.room, {"Authority": old})
        assert (status, answer["ID"], answer["Kind"]) == (200, "", "taint")
        assert {a.id: a.tainted for a in authorities(built.room.store.snapshot)}[old]
        assert status_of(await refused(taint, built.room, {"Authority": "ca-x"})) == 404
        status, answer, _ = await ask(taint, built.room)
        assert (answer["Kind"], answer["OldAuthority"]) == ("taint", row["NewAuthority"])


async def test_the_list_and_one_operation_answer_blocking_queries():
    """An index that is the present one waits for news."""
    async with world() as built:
        _, rows, headers = await ask(listed, built.room)
        assert rows == []
        index = headers["x-consul-index"]
        waiting = asyncio.ensure_future(ask(listed, built.room, None, f"index={index}&wait=10m"))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        _, row, _ = await ask(renew, built.room)
        async with asyncio.timeout(30):
            _, rows, headers = await waiting
        assert [found["ID"] for found in rows] == [row["ID"]]
        assert int(headers["x-consul-index"]) > int(index)
        await reached(built, row["ID"], OperationPhase.ACTIVE)
        _, shown, _ = await ask(one, built.room, id=row["ID"])
        assert (shown["Kind"], shown["Progress"]["Counted"]) == ("renew", 0)
        error = await refused(one, built.room, id="op-x")
        assert isinstance(error, NotFoundError)
        assert "op-x" in str(error)
        assert "ca operations" in (error.hint or "")


async def test_an_operation_that_fails_while_its_caller_waits_is_an_error():
    """502 with the reason: the provider was asked, and refused."""
    async with world() as built:
        missing = {"root_cert_file": "/nowhere/ca.pem", "private_key_file": "/nowhere/key.pem"}
        body = {"Settings": {"config": missing}}
        _, plan, _ = await ask(planned, built.room, body)
        assert plan["Blockers"]
        error = await refused(apply, built.room, body)
        assert status_of(error) in {400, 502}
        assert "/nowhere/ca.pem" in str(error)


@pytest.mark.parametrize(
    ("handler", "body", "field"),
    [
        (apply, {"Settings": {"leaf_ttl": "1m"}}, "Settings.leaf_ttl"),
        (planned, {"Settings": {"leaf_ttl": "1m"}}, "Settings.leaf_ttl"),
        (planned, {"Settings": {"intermediate_ttl": "80h"}}, "Settings.intermediate_ttl"),
        (planned, {"Settings": {"root_ttl": "80h"}}, "Settings.root_ttl"),
        (planned, {"Settings": {"key_bits": 2048}}, "Settings.key_bits"),
        (planned, {"Settings": {"config": 7}}, "Settings.config"),
        (apply, {"Settings": {"leaf_tll": "2h"}}, "Settings.leaf_tll"),
        (apply, {"Settings": {"config": {"intermediates": 7}}}, "Settings.config.intermediates"),
        (
            apply,
            {"Settings": {"config": {"private_key": "<hidden:1>"}}},
            "Settings.config.private_key",
        ),
        (apply, {"Settings": {}, "Wishes": {"Settle": "-1m"}}, "Wishes.Settle"),
        (apply, {"Settings": {}, "Wishes": {"OnDeadline": "hope"}}, "Wishes.OnDeadline"),
        (rotate, {"Patience": "0s"}, "Patience"),
        (rotate, {"Patience": 7}, "body"),
        (rotate, {"Unknown": 7}, "body"),
        (apply, None, "body"),
        (planned, [], "body"),
    ],
)
async def test_what_is_wrong_is_400_with_its_field_and_changes_nothing(handler, body, field):
    """The rules between lives are those of the file."""
    async with world() as built:
        before = built.room.store.snapshot.tables
        error = await refused(handler, built.room, body)
        assert (status_of(error), error.field) == (400, field), error
        assert built.room.store.snapshot.tables == before


@pytest.mark.parametrize("handler", HANDLERS)
async def test_only_operators_may_ask(handler):
    """An agent may not, whatever it sends; who may not read learns of no operation."""
    async with world() as built:
        place = {"trust_domain": built.server.manager.trust_domain, "datacenter": "dc1"}
        agent = Node(identity=AgentId(**place, node="n1"), key_digest="0")
        with pytest.raises(DeniedError):
            await handler(built.room, asking(body=b"{}", principal=agent, id="op-x"))
        assert rows_of(built.room.store.snapshot) == ()


async def test_what_a_request_does_not_say_the_configuration_does():
    """``[rotation]`` gives the defaults."""
    rotation = RotationConfig(
        settle=timedelta(minutes=3), patience=timedelta(minutes=4), on_deadline="proceed"
    )
    config = Config(rotation=rotation, ca=CAConfig(config={"disable_cross_signing": True}))
    async with world(config=config) as built:
        _, plan, _ = await ask(planned, built.room, {"Settings": {"key_type": "rsa"}})
        assert plan["SettleSeconds"] == 180
        said = {"Settings": {"key_type": "rsa"}, "Wishes": {"Settle": "5m"}}
        _, plan, _ = await ask(planned, built.room, said)
        assert plan["SettleSeconds"] == 300
        _, row, _ = await ask(rotate, built.room)
        wishes = operation(built.room.store.snapshot, row["ID"]).wishes
        assert (wishes.settle, wishes.patience, wishes.on_deadline) == (
            rotation.settle,
            rotation.patience,
            "proceed",
        )


async def test_a_file_that_changed_is_drift_until_it_is_applied():
    """Read anew each time; a signal applies it once, and says nothing of what stands."""
    async with world() as built:
        file = built.server.file
        assert (await ask(ca_status, built.room))[1]["Drift"] == ""
        edited = Config(ca=CAConfig(leaf_ttl=timedelta(hours=5)))
        file.load = lambda: edited
        assert "differs" in (await ask(ca_status, built.room))[1]["Drift"]
        await file.applied()
        (row,) = rows_of(built.room.store.snapshot)
        assert (row.kind, row.actor) == ("settings", "SIGHUP")
        await reached(built, row.id, OperationPhase.ACTIVE)
        assert (await ask(ca_status, built.room))[1]["Drift"] == ""
        await file.applied()
        assert len(rows_of(built.room.store.snapshot)) == 1
        broken = CAConfig(provider="nobody")
        file.load = lambda: Config(ca=broken)
        await file.applied()  # logged, and nothing else
        assert len(rows_of(built.room.store.snapshot)) == 1
