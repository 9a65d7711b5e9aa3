"""What agents say about their bundle: from whom, in what shape, and what is kept of it."""

import asyncio
import contextlib
import json
from datetime import timedelta

import msgspec
import pytest

from ca_core.acl.principal import Anonymous, Node, Peer
from ca_core.api.acknowledgement_handlers import acknowledge
from ca_core.api.cluster_handlers import forget
from ca_core.api.localupstream import LocalUpstream
from ca_core.authority.ceilings import next_ceiling
from ca_core.errors import DeniedError, RequestError
from ca_core.identity.certificates import spki_digest
from ca_core.identity.leafcsr import new_leaf_key
from ca_core.identity.spiffe import AgentId
from ca_core.lifecycle.evidence import bundle_of, digest_of
from ca_core.lifecycle.rows import ACKNOWLEDGEMENTS, AGENTS, OperationPhase, Wishes, operation
from ca_core.lifecycle.showing import shown_operation
from ca_core.lifecycle.spread import SHARE
from ca_core.wire.operations import Acknowledgement, SlowReader
from ca_core.wire.times import wire_time
from ca_core.wire.watch import WatchRequest
from tests.unit.api.asking import asking
from tests.unit.api.test_cluster_handlers import world

ONE, TWO = "a" * 64, "b" * 64


def said(*anchors, digest=None):
    """Return a statement about a bundle."""
    return Acknowledgement(digest=digest or digest_of(anchors), anchors=anchors)


@contextlib.asynccontextmanager
async def joined(**ca):
    """Start a server that ``n1`` has joined."""
    async with world(**ca) as built:
        await built.join(await built.token())
        yield built


def caller(built):
    """Return the agent, as its connection shows it."""
    return Node(identity=built.agent, key_digest=spki_digest(built.key.public_key()))


async def told(built, statement, principal=None):
    """Let the agent, or somebody else, acknowledge; return the lease."""
    body = msgspec.json.encode(statement)
    request = asking(body=body, principal=principal or caller(built))
    return json.loads((await acknowledge(built.room, request)).body)


def counted(built):
    """Return everybody who counts, by node."""
    return {one.node: one for one in built.room.lifecycle.tools.everybody()}


async def test_what_an_agent_says_is_kept_and_answered_with_a_lease():
    """The evidence shows it, and the agent is reachable for half a minute."""
    async with joined() as built:
        built.clock.advance(timedelta(minutes=10))
        assert not counted(built)["n1"].is_reachable
        lease = await told(built, said(ONE, TWO))
        assert lease == {"Seconds": 30.0, "ReissueSpreadSeconds": 1.0}
        assert counted(built)["n1"].holds == {ONE, TWO}
        built.clock.advance(timedelta(seconds=30))
        assert counted(built)["n1"].is_reachable
        built.clock.advance(timedelta(seconds=1))
        assert not counted(built)["n1"].is_reachable


async def test_repeating_it_costs_no_commit():
    """Ten thousand agents say the same every ten seconds."""
    async with joined() as built:
        await told(built, said(ONE))
        first = built.room.store.snapshot.get(ACKNOWLEDGEMENTS, "n1")
        built.clock.advance(timedelta(seconds=10))
        await told(built, said(ONE))
        assert built.room.store.snapshot.get(ACKNOWLEDGEMENTS, "n1") == first
        await told(built, said(ONE, TWO))
        assert counted(built)["n1"].holds == {ONE, TWO}
        await told(built, said(ONE))
        assert counted(built)["n1"].holds == {ONE}


@pytest.mark.parametrize(
    ("statement", "field"),
    [
        (said(), "Anchors"),
        (said(*(f"{number:064x}" for number in range(101))), "Anchors"),
        (said("A" * 64), "Anchors"),
        (said("a" * 63), "Anchors"),
        (said("a" * 64 + "\n"), "Anchors"),
        (said("g" * 64), "Anchors"),
        (said(TWO, ONE), "Anchors"),
        (said(ONE, ONE), "Anchors"),
        (said(ONE, digest=digest_of((TWO,))), "Digest"),
        (said(ONE, digest=digest_of((ONE,)).upper()), "Digest"),
    ],
)
async def test_what_is_no_bundle_is_refused_by_field(statement, field):
    """Nothing of it is kept."""
    async with joined() as built:
        with pytest.raises(RequestError) as refusal:
            await told(built, statement)
        assert refusal.value.field == field
        assert counted(built)["n1"].holds is None


async def test_a_hundred_anchors_are_a_bundle():
    """The most that is allowed is allowed."""
    async with joined() as built:
        anchors = [f"{number:064x}" for number in range(100)]
        await told(built, said(*anchors))
        assert counted(built)["n1"].holds == set(anchors)


async def test_nobody_speaks_for_an_agent_but_itself():
    """Local processes, services, other agents, its name with another key: all are refused."""
    async with joined() as built:
        stranger = AgentId(trust_domain=built.agent.trust_domain, datacenter="dc1", node="n2")
        elsewhere = AgentId(trust_domain=built.agent.trust_domain, datacenter="dc2", node="n1")
        key = caller(built).key_digest
        for principal in (
            Anonymous(loopback=True),
            Peer(uid=0, gid=0, pid=1),
            Node(identity=built.web, key_digest=key),
            Node(identity=stranger, key_digest=key),
            Node(identity=elsewhere, key_digest=key),
            Node(identity=built.agent, key_digest=spki_digest(new_leaf_key().public_key())),
        ):
            with pytest.raises(DeniedError):
                await told(built, said(ONE), principal)
        assert not built.room.store.snapshot.table(ACKNOWLEDGEMENTS)


async def test_a_forgotten_agent_counts_no_more_and_says_nothing_more():
    """Its row goes with it, and it gets no lease."""
    async with joined() as built:
        await told(built, said(ONE))
        await forget(built.room, asking(principal=Peer(uid=0, gid=0, pid=1), node="n1"))
        assert counted(built) == {}
        with pytest.raises(DeniedError):
            await told(built, said(ONE))
        assert not built.room.store.snapshot.table(ACKNOWLEDGEMENTS)
        assert not built.room.reachability.nodes()


async def test_a_forgetting_that_is_faster_wins():
    """Between the look and the commit the agent is forgotten: nothing is kept of it."""
    async with joined() as built:
        room = built.room
        commit, forgets = room.store.commit_async, [True]

        async def late(transaction):
            if forgets and any(c.table == ACKNOWLEDGEMENTS for c in transaction.changes):
                forgets.clear()
                await room.membership.forget("n1")
            return await commit(transaction)

        room.store.commit_async = late
        with pytest.raises(DeniedError):
            await told(built, said(ONE))
        assert not room.store.snapshot.table(ACKNOWLEDGEMENTS)
        assert not room.store.snapshot.table(AGENTS)


async def test_an_agent_counts_until_the_last_leaf_it_fetched_has_ended():
    """Also when its own has ended before; and it takes one commit an hour, not one a leaf."""
    async with joined() as built:
        for _ in range(3):
            assert (await built.sign(built.csr(built.web))).status == 200
        ends = built.clock.now() + built.room.manager.settings.leaf_ttl
        (agent,) = built.room.membership.agents()
        assert agent.leaves_until == next_ceiling(ends)
        version = built.room.store.snapshot.get(AGENTS, "n1").version
        built.clock.advance(timedelta(minutes=59))
        await built.sign(built.csr(built.web))
        assert built.room.store.snapshot.get(AGENTS, "n1").version == version
        built.clock.advance(timedelta(hours=2))
        await built.sign(built.csr(built.web))
        assert built.room.store.snapshot.get(AGENTS, "n1").version > version
        (agent,) = built.room.membership.agents()
        built.clock.advance(agent.leaves_until - built.clock.now() - timedelta(seconds=1))
        assert "n1" in counted(built)
        built.clock.advance(timedelta(seconds=1))
        assert "n1" not in counted(built)


async def test_an_agent_that_joins_anew_counts_until_its_earlier_leaves_have_ended():
    """A host that was set up again may still run programs with the leaves of before."""
    async with joined() as built:
        await built.sign(built.csr(built.web))
        (before,) = built.room.membership.agents()
        await built.join(await built.token())
        (after,) = built.room.membership.agents()
        assert after.counts_until == before.counts_until > after.leaf_not_after


async def test_no_leaf_is_released_to_an_agent_that_was_forgotten_meanwhile():
    """It would count no more, and present that leaf all the same."""
    async with joined() as built:
        room = built.room
        signing = room.manager.sign

        async def slow(*args, **kwargs):
            issued = await signing(*args, **kwargs)
            await room.membership.forget("n1")
            return issued

        room.manager.sign = slow
        with pytest.raises(DeniedError):
            await built.sign(built.csr(built.web))


async def test_the_lease_says_over_what_time_all_leaves_are_re_issued():
    """Three leaves at one a second, of which a share is for them; counted every 3 s."""
    async with joined(csr_max_per_second=1) as built:
        for _ in range(3):
            built.clock.advance(timedelta(seconds=2))
            await built.sign(built.csr(built.web))
        lease = await told(built, said(ONE))
        assert lease["ReissueSpreadSeconds"] == (3 + 1) / SHARE  # the agent's own is one of them
        built.clock.advance(timedelta(seconds=2))
        await built.sign(built.csr(built.web))
        assert await told(built, said(ONE)) == lease
        built.clock.advance(timedelta(seconds=3))
        assert (await told(built, said(ONE)))["ReissueSpreadSeconds"] == 5 / SHARE


async def test_without_admission_control_the_measured_pace_sizes_the_re_issue():
    """Ten thousand at once would meet a provider that signs some hundreds a second."""
    async with joined(csr_max_per_second=0) as built:
        manager = built.room.manager
        manager.slots.at(manager.place).pace = Slow()
        for _ in range(4):
            await built.sign(built.csr(built.web))
        assert (await told(built, said(ONE)))["ReissueSpreadSeconds"] == (4 + 1) / (2 * SHARE)


class Slow:
    """A pace of two a second."""

    is_quick = False

    def timed(self, sign):
        """Sign."""
        return sign()

    def rate(self, concurrency):
        """Return what was measured."""
        return 2.0 * concurrency


async def test_an_agent_in_the_same_process_counts_while_it_runs():
    """No row names it, and a change waits for it all the same."""
    async with world() as built:
        upstream = LocalUpstream(built.room, "here")
        assert counted(built) == {}
        await upstream.watch(WatchRequest(roots=0))
        assert counted(built)["here"].holds is None
        bundle = tuple(sorted(bundle_of(built.room.store.snapshot)))
        lease = await upstream.acknowledge(said(*bundle))
        assert lease.seconds == 30.0
        await upstream.watch(WatchRequest(roots=0))
        here = counted(built)["here"]
        assert (here.holds, here.is_reachable) == (set(bundle), True)
        with pytest.raises(RequestError):
            await upstream.acknowledge(said(TWO, ONE))
        await upstream.close()
        assert counted(built) == {}


async def test_a_change_in_dev_waits_for_its_own_agent():
    """The new root signs only once the agent in the same process holds it."""
    async with world() as built:
        upstream = LocalUpstream(built.room, "here")
        await upstream.watch(WatchRequest(roots=0))
        wishes = Wishes(settle=timedelta())
        begun = await built.room.lifecycle.changes.rotate(actor="test", wishes=wishes)
        await _until(built, begun.id, lambda row: "here did not acknowledge" in row.error)
        bundle = tuple(sorted(bundle_of(built.room.store.snapshot)))
        assert len(bundle) == 2
        await upstream.acknowledge(said(*bundle))
        row = await _until(built, begun.id, lambda row: not row.is_open)
        assert (row.phase, row.left_behind) == (OperationPhase.ACTIVE, ())


async def test_force_asks_nobody_and_says_whom_it_left_behind():
    """The new root signs at once; who does not know it is named for ever."""
    async with joined() as built:
        begun = await built.room.lifecycle.changes.rotate(actor="test", wishes=Wishes(force=True))
        row = await _until(built, begun.id, lambda row: not row.is_open)
        assert (row.phase, row.left_behind) == (OperationPhase.ACTIVE, (str(built.agent),))


async def _until(built, name, holds):
    """Return an operation once it is as wanted, letting time pass."""
    async with asyncio.timeout(30):
        while not holds(row := operation(built.room.store.snapshot, name)):
            await asyncio.sleep(0.005)
            built.clock.advance(timedelta(milliseconds=100))
    return row


async def test_an_operation_shows_which_readers_hold_an_agent_back():
    """The old bundle is acknowledged with the names of those for whom the new one waits."""
    async with joined() as built:
        room = built.room
        reader = SlowReader(name="pid 123", seconds=70.0)
        old = tuple(sorted(bundle_of(room.store.snapshot)))
        begun = await room.lifecycle.changes.rotate(actor="test", wishes=Wishes(settle=timedelta()))
        await _until(built, begun.id, lambda row: "n1 did not acknowledge" in row.error)
        behind = msgspec.structs.replace(said(*old), readers_behind=4, readers=(reader,))
        await told(built, behind)
        row = operation(room.store.snapshot, begun.id)
        (missing,) = (await shown_operation(room.lifecycle, row)).progress.missing
        (shown,) = missing.readers
        ends = wire_time(built.clock.now() + timedelta(seconds=70))
        assert (missing.readers_behind, shown.name, shown.until) == (4, "pid 123", ends)
        await told(built, said(*sorted(bundle_of(room.store.snapshot))))
        assert (await shown_operation(room.lifecycle, row)).waits_for == ""
        assert not room.lifecycle.tools.slow_readers.of("n1", built.clock.now()).count


def test_a_statement_without_slow_readers_is_the_one_that_every_server_knows():
    """Agents and servers are not replaced in one moment."""
    assert set(json.loads(msgspec.json.encode(said(ONE)))) == {"Digest", "Anchors"}


async def test_an_agent_of_before_says_nothing_about_readers():
    """Its acknowledgement counts all the same."""
    async with joined() as built:
        await told(built, {"Digest": digest_of((TWO,)), "Anchors": [TWO]})
        assert counted(built)["n1"].holds == {TWO}
