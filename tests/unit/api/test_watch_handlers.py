"""One question for everything an agent follows, as a server answers it."""

import asyncio
import re
from datetime import timedelta

import msgspec
import pytest
from cryptography.x509 import ReasonFlags

from ca_core.acl.policies import ACL_TOPIC
from ca_core.agent import question
from ca_core.api.cluster_handlers import checked_csr
from ca_core.api.questions import AT_ONCE, PER_SECOND, cost_of
from ca_core.api.watch_handlers import BEHIND_PATIENCE, newest_watched, watch, watched
from ca_core.authority.rows import ROOTS_TOPIC
from ca_core.errors import DeniedError, NotReadyError, RateLimitedError, RequestError
from ca_core.identity.certificates import serial_hex
from ca_core.state.protocol import Change, Transaction
from ca_core.wire.grants import GrantsRequest
from ca_core.wire.intentionlists import ListsRequest
from ca_core.wire.revocation import RevokedRequest
from ca_core.wire.watch import ViewsRequest, WatchAnswer, WatchRequest
from tests.unit.acl.stored import policy_row
from tests.unit.agent.fakes import passed
from tests.unit.api.asking import asking
from tests.unit.api.test_granting import cluster, kept

DB = ListsRequest(held={"default/db": 0, "default/*": 0, "*/*": 0})
NOBODY = GrantsRequest()


def holding(answer, asked, **changes):
    """Return the question of an agent that took over an answer to ``asked``."""
    held = {"index": answer.index, "epoch": answer.epoch, "wait": "60s"}
    if answer.roots is not None:
        held["roots"] = answer.roots.index
    if answer.grants is not None:
        held["grants"] = GrantsRequest(digest=answer.grants.digest)
    if answer.revoked is not None:
        told = answer.revoked
        held["revoked"] = RevokedRequest(index=told.index, epoch=told.epoch)
    if answer.intentions is not None:
        told = answer.intentions
        lists = {one.destination: one.index for one in told.lists}
        held["intentions"] = ListsRequest(held=lists, epoch=told.epoch, default=told.default)
    return msgspec.structs.replace(asked, **{**held, **changes})


ALL = WatchRequest(roots=0, grants=NOBODY, intentions=DB, revoked=RevokedRequest())


class Parked:
    """A question that waits at a server with everything told before."""

    def __init__(self, built, asked):
        self.task = asyncio.create_task(watched(built.room, built.n1.identity, asked))

    async def still_waits(self):
        """Say whether it waits after everybody had a turn."""
        await asyncio.sleep(0.01)
        return not self.task.done()

    async def told(self):
        """Return the answer, which must come by itself."""
        async with asyncio.timeout(30):
            return await self.task


async def touched(built, topic):
    """Write something that touches a topic, as another thread would."""
    change = Change("scratch", topic, b"{}")
    transaction = Transaction(changes=(change,), topics=frozenset({topic}))
    await asyncio.to_thread(built.server.store.commit, transaction)


async def parked(built, **changes):
    """Return a question that waits, and the first answer."""
    first = await watched(built.room, built.n1.identity, ALL)
    return Parked(built, holding(first, ALL, **changes)), first


async def test_an_agent_that_holds_nothing_is_told_everything_in_one_answer():
    """Roots, tokens and lists at once, with the commit they are of."""
    async with cluster() as built:
        answer = await watched(built.room, built.n1.identity, ALL)
        assert answer.roots.value.active_root_id
        assert answer.grants.granted == ()
        assert len(answer.intentions.lists) == 3
        view = built.server.store.snapshot
        assert (answer.index, answer.epoch) == (view.index, view.epoch)


async def test_what_is_not_asked_is_not_told():
    """Each part is there if it was asked for."""
    async with cluster() as built:
        answer = await watched(built.room, built.n1.identity, WatchRequest(roots=0))
        assert (answer.grants, answer.intentions, answer.views) == (None, None, None)
        assert answer.revoked is None
        assert answer.roots is not None


async def test_each_part_wakes_by_its_own_news_alone():
    """Unrelated writes wake nobody; news of one part brings that part."""
    async with cluster() as built:
        waits, _ = await parked(built)
        await touched(built, "something/else")
        assert await waits.still_waits()
        await kept(built, policy_row("p", 'service "x" { policy = "read" }'))
        assert await waits.still_waits()  # a policy that no token of this agent has
        await touched(built, ROOTS_TOPIC)
        answer = await waits.told()
        assert answer.roots is not None
        assert (answer.grants, answer.intentions) == (None, None)


async def test_news_that_came_while_another_part_was_newer_is_not_missed():
    """A part whose topic moved before that of another one is looked at all the same."""
    async with cluster() as built:
        for _ in range(20):
            waits, _ = await parked(built)
            await asyncio.gather(touched(built, ACL_TOPIC), touched(built, ROOTS_TOPIC))
            assert (await waits.told()).roots is not None


async def test_a_newer_question_of_an_agent_ends_the_older_one():
    """It is answered with nothing at once; other agents' questions stay."""
    async with cluster() as built:
        first = await watched(built.room, built.n1.identity, ALL)
        asked = holding(first, ALL)
        older, other, newer = (
            asyncio.create_task(newest_watched(built.room, who.identity, asked))
            for who in (built.n1, built.n2, built.n1)
        )
        async with asyncio.timeout(30):
            assert await older == WatchAnswer()
        assert len(built.room.questions) == 2
        await touched(built, ROOTS_TOPIC)
        async with asyncio.timeout(30):
            assert (await newer).roots == (await other).roots is not None
        assert len(built.room.questions) == 0


async def test_a_question_whose_agent_went_away_leaves_nothing_behind():
    """The connection ends, and with it the task and its place."""
    async with cluster() as built:
        first = await watched(built.room, built.n1.identity, ALL)
        asking_ = newest_watched(built.room, built.n1.identity, holding(first, ALL))
        task = asyncio.create_task(asking_)
        await asyncio.sleep(0.01)
        assert len(built.room.questions) == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert len(built.room.questions) == 0


async def test_after_its_wait_a_question_brings_fresh_grants_and_nothing_else():
    """So tokens live on while nothing changes."""
    async with cluster() as built:
        granted = await built.exchanged(built.n1)
        asked = WatchRequest(grants=GrantsRequest(grants=(granted.grant,)), roots=0)
        first = await watched(built.room, built.n1.identity, asked)
        digest = first.grants.digest
        again = GrantsRequest(grants=(granted.grant,), digest=digest)
        asked = holding(first, asked, grants=again, wait="0s")
        await passed(built.clock, timedelta(minutes=10))
        answer = await watched(built.room, built.n1.identity, asked)
        assert answer.roots is None
        assert answer.grants.digest == digest
        (renewed,) = answer.grants.granted
        assert renewed.grant != granted.grant


async def test_roots_of_another_epoch_are_told_whatever_their_index():
    """A restored store counts anew."""
    async with cluster() as built:
        first = await watched(built.room, built.n1.identity, ALL)
        asked = holding(first, ALL, epoch="another", grants=None, intentions=None)
        assert (await watched(built.room, built.n1.identity, asked)).roots == first.roots


async def revoke(built):
    """Have a leaf of ``web`` signed and revoked; return its serial."""
    csr = checked_csr(built.room, built.csr(built.web))
    issued = await built.room.manager.sign(csr, principal=built.n1)
    await built.room.manager.crls.revoke(issued.certificate, ReasonFlags.superseded)
    return serial_hex(issued.certificate)


def serials(answer):
    """Return what an answer says was revoked."""
    return [one.serial_number for one in answer.revoked.leaves]


async def test_a_revoked_leaf_is_told_at_once_to_whoever_waits():
    """To all agents, since nobody knows which one holds it; nothing else is told."""
    async with cluster() as built:
        before = await revoke(built)
        first = await watched(built.room, built.n1.identity, ALL)
        assert serials(first) == [before]
        waits = Parked(built, holding(first, ALL))
        await touched(built, "something/else")
        assert await waits.still_waits()
        now = await revoke(built)
        answer = await waits.told()
        assert serials(answer) == [now]
        assert (answer.roots, answer.grants, answer.intentions) == (None, None, None)
        (mark,) = answer.revoked.leaves
        assert mark.valid_before > built.clock.now()


async def test_revoked_leaves_of_another_epoch_are_told_whatever_their_index():
    """A restored store counts anew, and an index of the one before says nothing."""
    async with cluster() as built:
        serial = await revoke(built)
        asked = WatchRequest(revoked=RevokedRequest(index=1000, epoch="another"))
        answer = await watched(built.room, built.n1.identity, asked)
        assert serials(answer) == [serial]
        assert answer.revoked.epoch == built.server.store.snapshot.epoch


async def test_a_server_that_is_behind_answers_once_it_has_caught_up():
    """What the agent was told at another server is not taken back here."""
    async with cluster() as built:
        first = await watched(built.room, built.n1.identity, ALL)
        ahead = holding(first, ALL, roots=0, index=first.index + 1)
        waits = Parked(built, ahead)
        assert await waits.still_waits()
        await touched(built, "whatever")
        await passed(built.clock, timedelta(seconds=1))
        assert (await waits.told()).roots is not None


async def test_a_server_that_stays_behind_says_so():
    """Another one may be asked then; the epoch of another store is no lead."""
    async with cluster() as built:
        first = await watched(built.room, built.n1.identity, ALL)
        ahead = holding(first, ALL, roots=0, index=first.index + 1000)
        waits = Parked(built, ahead)
        assert await waits.still_waits()
        await passed(built.clock, BEHIND_PATIENCE, step=timedelta(seconds=0.1))
        with pytest.raises(NotReadyError, match="has not seen"):
            await waits.told()
        other = msgspec.structs.replace(ahead, epoch="another")
        assert (await watched(built.room, built.n1.identity, other)).roots is not None


async def test_only_joined_agents_may_watch():
    """Anybody else's question is not even read."""
    async with cluster() as built:
        for body in (msgspec.json.encode(ALL), b"no JSON"):
            with pytest.raises(DeniedError, match="only agents"):
                await watch(built.room, asking(method="POST", body=body))
        body = msgspec.json.encode(ALL)
        response = await watch(built.room, asking(method="POST", body=body, principal=built.n1))
        assert msgspec.json.decode(response.body, type=WatchAnswer).roots is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"wait": "soon"},
        {"intentions": ListsRequest(held={"no name": 0})},
        {"grants": GrantsRequest(grants=("x",) * 2001)},
    ],
)
async def test_what_cannot_be_asked_is_refused(changes):
    """Whichever part it is in."""
    async with cluster() as built:
        with pytest.raises(RequestError):
            await watched(built.room, built.n1.identity, msgspec.structs.replace(ALL, **changes))


def test_a_question_shows_no_grant():
    """Neither in a log nor in an error."""
    asked = WatchRequest(grants=GrantsRequest(grants=("a grant",)))
    assert not re.search("a grant", repr(asked))


async def test_an_agent_asks_so_much_and_no_more():
    """One that asks as fast as it can does not keep a server from the others."""
    async with cluster() as built:

        async def ask(who):
            body = b'{"Wait": "0s"}'
            await watch(built.room, asking(method="POST", body=body, principal=who))

        for _ in range(int(AT_ONCE)):
            await ask(built.n1)
        with pytest.raises(RateLimitedError, match="questions came from node 'n1'"):
            await ask(built.n1)
        await ask(built.n2)
        built.clock.advance(timedelta(seconds=1 / PER_SECOND))
        await ask(built.n1)


def test_a_question_about_much_costs_more():
    """A thousand names, as much as another question."""
    views = ViewsRequest(held={f"service/n{number}": 1 for number in range(9_000)})
    assert cost_of(WatchRequest(views=views)) == 10.0
    assert cost_of(WatchRequest(roots=0, registered="d")) == 1.0


def test_a_question_about_many_tokens_costs_more():
    """Each grant is opened and made anew: else one agent could keep a server busy with them."""
    tokens = GrantsRequest(grants=("grant",) * 1_000)
    assert cost_of(WatchRequest(grants=tokens)) == 6.0
    assert (
        question._cost({"grants": question._Wish(asked=tokens, since=0, ends=0, told=None)}) == 6.0
    )


def test_an_agent_asks_less_of_itself_than_it_may():
    """However it is driven; also right after it was started again."""
    assert 2 * question.AT_ONCE < AT_ONCE
    assert question.PER_SECOND < PER_SECOND
