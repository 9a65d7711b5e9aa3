"""What an agent follows is one question: what is answered is handed out, the rest asked again."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
import pytest

from ca_core.agent.question import RESET_AFTER
from ca_core.agent.watch import Watch
from ca_core.errors import DeniedError, RateLimitedError, RequestError, UnavailableError
from ca_core.testing.clock import FakeClock
from ca_core.wire.grants import Granted, GrantsAnswer, GrantsRequest
from ca_core.wire.intentionlists import DestinationList, ListsAnswer, ListsRequest
from ca_core.wire.revocation import RevokedAnswer, RevokedRequest
from ca_core.wire.watch import (
    FoundView,
    RootsFound,
    ViewsAnswer,
    ViewsRequest,
    WatchAnswer,
    WatchRequest,
)
from tests.unit.agent.fakes import FakeUpstream, passed, settle

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
ROOTS = FakeUpstream(FakeClock()).value()
DB = ListsRequest(held={"default/db": 3}, epoch="e", default="allow acl_default")
WEB = ViewsRequest(held={"connect/web": 4}, epoch="e")
REVOKED = RevokedRequest(index=7, epoch="e")
NOBODY = Granted(accessor="anonymous", grant="g", seconds=3600.0, rules=msgspec.Raw(b"[]"))
GRANTS = GrantsAnswer(digest="d", default_policy="deny", anonymous=NOBODY)


def grants(digest="d"):
    """Return the question about tokens of an agent that knows this much."""
    return GrantsRequest(digest=digest)


class Asking:
    """One question at the server, and the answer that a test gives."""

    def __init__(self, asked):
        self.asked = asked
        self.answered = asyncio.get_running_loop().create_future()

    def parts(self):
        """Return the names of what is asked."""
        asked = self.asked
        named = ("grants", "intentions", "views", "revoked")
        parts = {name: getattr(asked, name) for name in named}
        found = {name for name, part in parts.items() if part is not None}
        found |= {"roots"} if asked.roots is not None else set()
        return found | ({"registered"} if asked.registered else set())


class FakeServers:
    """Servers whose answers a test gives; a newer question ends the one before with nothing.

    ``errors`` are raised by the next questions, one each. Questions with the part ``cannot_take``
    are refused.
    """

    def __init__(self):
        self.questions = []
        self.errors = []
        self.cannot_take = ""
        self.sign_errors = []
        self.closed = False

    @property
    def parked(self):
        """Return the question that waits; there is one."""
        assert not self.questions[-1].answered.done()
        return self.questions[-1]

    async def watch(self, asked):
        """Park the question."""
        if self.errors:
            raise self.errors.pop(0)
        if self.cannot_take and getattr(asked, self.cannot_take) is not None:
            raise RequestError(f"more than 10000 {self.cannot_take}")
        if self.cannot_take and asked.wait == "0s":
            return WatchAnswer(index=10, epoch="e")
        if self.questions and not self.questions[-1].answered.done():
            self.questions[-1].answered.set_result(WatchAnswer())
        mine = Asking(asked)
        self.questions.append(mine)
        return await mine.answered

    async def sign(self, _csr, *, replaces=None, grant=""):
        """Sign, unless an error is due."""
        if self.sign_errors:
            raise self.sign_errors.pop(0)
        return "signed"

    def tell(self, **news):
        """Answer the question that waits."""
        news.setdefault("index", 10)
        self.parked.answered.set_result(WatchAnswer(**{"epoch": "e", **news}))

    async def close(self):
        """Remember that it was closed."""
        self.closed = True


class Harness:
    """An agent's watch over fake servers."""

    def __init__(self):
        self.clock = FakeClock()
        self.servers = FakeServers()
        self.watch = Watch(self.servers, self.clock, lambda: 0.5)
        self.returns = 0
        self.watch.on_return(self._returned)

    def _returned(self):
        self.returns += 1

    async def know_roots(self):
        """Let the roots be asked for and answered."""
        asked = asyncio.create_task(self.watch.roots())
        await settle()
        self.servers.tell(roots=RootsFound(index=5, value=ROOTS))
        assert (await asked).index == 5

    async def following(self, *parts):
        """Return tasks of parts that wait for news, asked together."""
        ways = {
            "roots": lambda: self.watch.roots(index=5, wait=MINUTE),
            "grants": lambda: self.watch.grants(grants()),
            "intentions": lambda: self.watch.intentions(DB),
            "views": lambda: self.watch.views(WEB),
            "revoked": lambda: self.watch.revoked(REVOKED),
            "registered": lambda: self.watch.in_sync("sha"),
        }
        if "roots" in parts:
            await self.know_roots()
        found = [asyncio.create_task(ways[part]()) for part in parts]
        await settle()
        return found


@asynccontextmanager
async def running():
    """Run a watch."""
    h = Harness()
    task = asyncio.create_task(h.watch.run())
    try:
        yield h
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await h.watch.close()


ALL = ("roots", "grants", "intentions", "views", "revoked", "registered")


async def test_what_the_parts_ask_is_one_question():
    """Each part is in it as it was asked, with one wait for all."""
    async with running() as h:
        await h.following(*ALL)
        assert h.servers.parked.parts() == set(ALL)
        asked = h.servers.parked.asked
        assert (asked.intentions, asked.views, asked.grants) == (DB, WEB, grants())
        assert (asked.roots, asked.registered, asked.wait) == (5, "sha", "1m")
        assert asked.revoked == REVOKED


async def test_an_answer_goes_to_the_part_it_is_for_and_the_rest_is_asked_again():
    """Nobody else is disturbed, and nothing is asked that nobody waits for."""
    async with running() as h:
        _, _, lists, views, *_ = tasks = await h.following(*ALL)
        found = DestinationList(destination="default/db", index=4, sources={})
        answer = ListsAnswer(epoch="e", default="allow acl_default", lists=(found,))
        h.servers.tell(intentions=answer)
        await settle()
        assert await lists == answer
        assert h.servers.parked.parts() == set(ALL) - {"intentions"}
        view = ViewsAnswer(
            epoch="e", views=(FoundView(key="connect/web", index=9, value=msgspec.Raw(b"[]")),)
        )
        h.servers.tell(views=view, out_of_sync=True, roots=RootsFound(index=6, value=ROOTS))
        await settle()
        assert await views == view
        assert await tasks[5] is False
        assert (await tasks[0]).index == 6
        assert h.servers.parked.parts() == {"grants", "revoked"}
        told = RevokedAnswer(index=12, epoch="e")
        h.servers.tell(revoked=told)
        await settle()
        assert await tasks[4] == told


async def test_a_server_that_has_nothing_is_not_in_sync():
    """What it says then names nothing: it would be asked for nothing, and never tell."""
    async with running() as h:
        assert await h.watch.in_sync("") is False
        assert h.servers.questions == []


async def test_a_part_that_is_wanted_more_overtakes_the_question():
    """The older one is left to end at the server: its connection is not broken."""
    async with running() as h:
        (roots,) = await h.following("roots")
        first = h.servers.parked
        views = asyncio.create_task(h.watch.views(WEB))
        await settle()
        assert first.answered.result() == WatchAnswer()
        assert not first.answered.cancelled()
        assert h.servers.parked.parts() == {"roots", "views"}
        h.servers.tell(views=ViewsAnswer(epoch="e"))
        await settle()
        assert views.done()
        assert not roots.done()


async def test_what_is_soon_answered_is_not_overtaken():
    """Whoever comes meanwhile is asked for with the next question."""
    async with running() as h:
        fresh = ViewsRequest(held={"connect/web": 0})
        first = asyncio.create_task(h.watch.views(fresh))
        await settle()
        second = asyncio.create_task(h.watch.intentions(DB))
        await settle()
        assert len(h.servers.questions) == 1
        h.servers.tell(views=ViewsAnswer(epoch="e"))
        await settle()
        assert first.done()
        assert h.servers.parked.parts() == {"intentions"}
        second.cancel()


async def test_wishes_of_one_moment_are_one_question():
    """A burst of callers costs one question, not one each."""
    async with running() as h:
        await h.know_roots()
        tasks = [asyncio.create_task(h.watch.roots(index=5, wait=MINUTE))]
        for call in (h.watch.intentions(DB), h.watch.views(WEB)):
            await asyncio.sleep(0)
            tasks.append(asyncio.create_task(call))
        await settle()
        assert len(h.servers.questions) == 2
        assert h.servers.parked.parts() == {"roots", "intentions", "views"}


async def test_a_part_that_gives_up_is_no_longer_asked():
    """What comes for it all the same is dropped; the others get theirs."""
    async with running() as h:
        roots, lists = await h.following("roots", "intentions")
        lists.cancel()
        await settle()
        h.servers.tell(intentions=ListsAnswer(epoch="e", default="deny acl_default"))
        await settle()
        assert h.servers.parked.parts() == {"roots"}
        assert not roots.done()


async def test_after_the_wait_everybody_is_told_that_there_is_no_news():
    """As a server tells it to a question of one part; then all ask together again."""
    async with running() as h:
        roots, tokens, lists, views, revoked, sync = await h.following(*ALL)
        await passed(h.clock, MINUTE)
        h.servers.tell(grants=GRANTS)
        await settle()
        assert (await roots).value == ROOTS
        assert await tokens == GRANTS
        assert await lists == ListsAnswer(epoch="e", default="allow acl_default")
        assert await views == ViewsAnswer(epoch="e")
        assert await revoked == RevokedAnswer(index=7, epoch="e")
        assert await sync is True


async def test_news_of_one_part_do_not_put_off_the_wait_of_another():
    """However often views change, tokens are heard of in their minute."""
    async with running() as h:
        (tokens,) = await h.following("grants")
        for _ in range(6):
            views = asyncio.create_task(h.watch.views(WEB))
            await settle()
            await passed(h.clock, timedelta(seconds=9))
            h.servers.tell(views=ViewsAnswer(epoch="e"))
            await settle()
            assert views.done()
        assert h.servers.parked.asked.wait == "6s"
        await passed(h.clock, timedelta(seconds=6))
        h.servers.tell(grants=GRANTS)
        await settle()
        assert tokens.done()


async def test_tokens_are_told_of_though_views_change_all_the_time():
    """News of others at the very end of their wait bring none; then all of them are asked for."""
    async with running() as h:
        tokens, views = await h.following("grants", "views")
        await passed(h.clock, MINUTE)
        h.servers.tell(views=ViewsAnswer(epoch="e"))
        await settle()
        assert views.done()
        assert h.servers.parked.asked.grants == grants(digest="")
        h.servers.tell(grants=GRANTS)
        await settle()
        assert await tokens == GRANTS


async def test_who_came_a_moment_ago_waits_on():
    """The end of another one's wait is no answer that comes too soon."""
    async with running() as h:
        (tokens,) = await h.following("grants")
        await passed(h.clock, MINUTE - SECOND / 2)
        views = asyncio.create_task(h.watch.views(WEB))
        await settle()
        await passed(h.clock, SECOND / 2)
        h.servers.tell(grants=GRANTS)
        await settle()
        assert tokens.done()
        assert not views.done()
        views.cancel()


async def test_a_failure_is_told_to_every_part():
    """Each decides by itself when it asks again."""
    async with running() as h:
        tasks = await h.following(*ALL)
        h.servers.parked.answered.set_exception(UnavailableError("gone"))
        await settle()
        for task in tasks:
            with pytest.raises(UnavailableError, match="gone"):
                await task


async def test_after_a_failure_servers_are_asked_for_an_answer_at_once():
    """So that contact is known to stand although there is no news."""
    async with running() as h:
        (lists,) = await h.following("intentions")
        h.servers.parked.answered.set_exception(UnavailableError("gone"))
        await asyncio.gather(lists, return_exceptions=True)
        lists = asyncio.create_task(h.watch.intentions(DB))
        await settle()
        assert h.servers.parked.asked.wait == "0s"
        h.servers.tell()
        await settle()
        assert not lists.done()
        assert h.servers.parked.asked.wait == "1m"
        lists.cancel()


async def test_whoever_hears_of_a_server_again_tells_the_others():
    """A signature is as good a sign as an answer; it is told once a second at most."""
    async with running() as h:
        h.servers.errors = [UnavailableError("gone")]
        await asyncio.gather(h.watch.intentions(DB), return_exceptions=True)
        assert h.returns == 0
        assert await h.watch.sign("csr") == "signed"
        assert await h.watch.sign("csr") == "signed"
        assert h.returns == 1
        for _ in range(5):
            h.servers.sign_errors = [UnavailableError("sealed")]
            await asyncio.gather(h.watch.sign("csr"), return_exceptions=True)
            await h.watch.sign("csr")
        assert h.returns == 1
        await passed(h.clock, SECOND)
        h.servers.sign_errors = [UnavailableError("sealed")]
        await asyncio.gather(h.watch.sign("csr"), return_exceptions=True)
        await h.watch.sign("csr")
        assert h.returns == 2


@pytest.mark.parametrize("error", [DeniedError("no"), RateLimitedError(retry_after=SECOND)])
async def test_a_refusal_is_an_answer(error):
    """A server that refuses is there."""
    async with running() as h:
        h.servers.sign_errors = [UnavailableError("gone"), error]
        await asyncio.gather(h.watch.sign("csr"), return_exceptions=True)
        await asyncio.gather(h.watch.sign("csr"), return_exceptions=True)
        assert h.returns == 1


async def test_roots_that_somebody_wants_now_are_answered_now():
    """With what is known, if the server has no news."""
    async with running() as h:
        await h.know_roots()
        now = asyncio.create_task(h.watch.roots())
        await settle()
        assert (h.servers.parked.asked.roots, h.servers.parked.asked.wait) == (5, "0s")
        h.servers.tell()
        await settle()
        assert ((await now).index, (await now).value) == (5, ROOTS)


async def test_a_question_says_how_much_was_seen():
    """So that another server is never believed to be newer because it is behind."""
    async with running() as h:
        await h.following("roots")
        assert (h.servers.parked.asked.index, h.servers.parked.asked.epoch) == (10, "e")


async def test_a_newer_question_tells_nothing_of_what_was_seen():
    """What ended a question holds no index: the last one stays."""
    async with running() as h:
        await h.following("roots")
        asyncio.create_task(h.watch.views(WEB)).add_done_callback(lambda _: None)
        await settle()
        assert h.servers.parked.asked.index == 10


async def test_roots_of_another_epoch_are_asked_for_anew():
    """Their index means nothing beside that of a store that was restored."""
    async with running() as h:
        _, views = await h.following("roots", "views")
        h.servers.tell(views=ViewsAnswer(epoch="f"), epoch="f", index=3)
        await settle()
        assert views.done()
        asked = h.servers.parked.asked
        assert (asked.roots, asked.index, asked.epoch) == (0, 3, "f")


async def test_after_a_long_outage_a_server_may_know_less():
    """It was restored, and nobody knows more: the agent does not wait for ever."""
    async with running() as h:
        (lists,) = await h.following("roots")
        h.servers.parked.answered.set_exception(UnavailableError("gone"))
        await asyncio.gather(lists, return_exceptions=True)
        for seconds, index in ((0.0, 10), (RESET_AFTER + 1, 0)):
            await passed(h.clock, timedelta(seconds=seconds))
            again = asyncio.create_task(h.watch.roots(index=5))
            await settle()
            assert h.servers.parked.asked.index == index
            h.servers.parked.answered.set_exception(UnavailableError("gone"))
            await asyncio.gather(again, return_exceptions=True)
            await h.watch.sign("csr")  # a server that is behind does everything else


async def test_two_agents_of_one_name_do_not_race():
    """Each ends the other's question at once; both slow down."""
    async with running() as h:
        (roots,) = await h.following("roots")
        for _ in range(20):
            before = len(h.servers.questions)
            if not h.servers.questions[-1].answered.done():
                h.servers.parked.answered.set_result(WatchAnswer())
            await settle()
        assert len(h.servers.questions) - before == 0
        assert len(h.servers.questions) <= 4
        await passed(h.clock, timedelta(seconds=10), step=SECOND)
        assert not h.servers.questions[-1].answered.done()
        assert not roots.done()


async def test_servers_that_hang_are_given_up():
    """No question waits much longer than it said."""
    async with running() as h:
        (roots,) = await h.following("roots")
        await passed(h.clock, timedelta(minutes=3), step=SECOND)
        with pytest.raises(UnavailableError, match="took longer"):
            await roots


async def test_closing_tells_everybody_who_waits():
    """Nobody is left behind."""
    async with running() as h:
        (roots,) = await h.following("roots")
        await h.watch.close()
        with pytest.raises(UnavailableError, match="stopping"):
            await roots
        assert h.servers.closed


def test_an_ended_question_is_told_from_one_without_news():
    """Only the first has no index."""
    assert WatchAnswer().index == 0
    assert msgspec.json.encode(WatchAnswer()) == b"{}"
    assert WatchRequest().wait == "60s"


async def test_a_part_that_servers_cannot_take_is_told_so_alone():
    """Whatever made it so: the others hear of news as before."""
    async with running() as h:
        *others, views, _, synced = tasks = await h.following(*ALL)
        h.servers.cannot_take = "views"
        h.servers.parked.answered.set_exception(RequestError("more than 10000 views"))
        await settle(100)
        with pytest.raises(RequestError, match="10000 views"):
            await views
        assert h.servers.parked.parts() == set(ALL) - {"views"}
        h.servers.tell(out_of_sync=True)
        await settle()
        assert await synced is False
        for task in tasks:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


async def test_an_agent_that_is_refused_is_not_asked_about_part_by_part():
    """Who may ask nothing may ask no part of it."""
    async with running() as h:
        tasks = await h.following(*ALL)
        asked = len(h.servers.questions)
        h.servers.parked.answered.set_exception(DeniedError("forgotten"))
        for task in tasks:
            with pytest.raises(DeniedError):
                await task
        assert len(h.servers.questions) == asked
