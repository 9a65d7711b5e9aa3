"""Views on an agent: all that are kept are followed by one question, and nobody sees too much."""

import asyncio
import contextlib
import gc
import tracemalloc
from datetime import timedelta

import msgspec
import pytest

from ca_core.acl.access import Action, AllowAll
from ca_core.acl.principal import Token
from ca_core.agent.cache.views import ViewCache
from ca_core.agent.waiting import Gathering, stopped
from ca_core.catalog.views import ViewKey, ViewKind
from ca_core.errors import DeniedError, ProviderError, RateLimitedError, UnavailableError
from ca_core.testing.clock import FakeClock
from ca_core.wire.freshness import Freshness
from ca_core.wire.watch import FoundView, ViewsAnswer
from tests.unit.agent.fakes import passed, settle
from tests.unit.api.discovering import instance

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
WEB, API = ViewKey(ViewKind.CONNECT, "web"), ViewKey(ViewKind.SERVICE, "api")
NAMES = ViewKey(ViewKind.SERVICES)
ALICE, BOB = Token("alice"), Token("bob")
AWAY = UnavailableError("away", retry_after=timedelta())


class Server:
    """Answers views as servers do: what differs from what is held, at once or when there is some.

    ``most`` views are in one answer. ``away`` fails every call, also those that wait.
    """

    def __init__(self, clock):
        self.clock = clock
        self.epoch, self.held, self.most = "e1", {}, 100
        self.away = None
        self.asked = []
        self.parked = 0
        self._changed = Gathering()

    def put(self, key, value, index):
        """Hold a view from now on."""
        self.held[str(key)] = (msgspec.json.encode(value), index)
        self._changed.wake()

    def fail(self, error):
        """Fail from now on; None mends it."""
        self.away = error
        self._changed.wake()

    async def views(self, asked):
        """Answer one question."""
        self.asked.append(asked)
        ends = self.clock.monotonic() + 60
        while True:
            if self.away is not None:
                raise self.away
            found = list(self._differing(asked))[: self.most]
            if found or not await self._news(ends - self.clock.monotonic()):
                return ViewsAnswer(epoch=self.epoch, views=tuple(found))

    async def _news(self, left):
        self.parked += 1
        try:
            return await self._changed.changed(left, self.clock)
        finally:
            self.parked -= 1

    def _differing(self, asked):
        for key, index in asked.held.items():
            value, now = self.held.get(key, (b"[]", 1))
            if asked.epoch != self.epoch or index != now:
                yield FoundView(key=key, index=now, value=msgspec.Raw(value))


class House:
    """An agent's views over one server; ``standing`` are the tokens that are good."""

    def __init__(self, may=None):
        self.clock = FakeClock()
        self.server = Server(self.clock)
        self.standing = {ALICE, BOB}
        self.cache = ViewCache(
            self.server,
            self.clock,
            lambda: 0.5,
            may=may or AllowAll(),
            stands=self.standing.__contains__,
        )
        self.server.put(WEB, (instance(node="n1"),), 5)
        self.server.put(API, (), 6)

    async def get(self, key=WEB, *, index=0, wait=10 * MINUTE, caller=ALICE, **options):
        """Ask as a handler does."""
        return await self.cache.get(key, min_index=index, wait=wait, caller=caller, **options)

    async def reading(self, *arguments, **options):
        """Ask in the background, until it waits."""
        task = asyncio.create_task(self.get(*arguments, **options))
        await settle()
        return task

    async def passes(self, span, *, step=None):
        """Let time pass."""
        await settle()
        await passed(self.clock, span, step=step)


@contextlib.asynccontextmanager
async def house(**options):
    """Run the loops of a house."""
    built = House(**options)
    loops = [asyncio.create_task(run()) for run in (built.cache.follow, built.cache.forget)]
    try:
        yield built
    finally:
        await built.cache.close()
        await stopped(*loops)


async def test_a_view_is_fetched_once_and_then_followed():
    """A miss, hits, and each new value without another read's waiting."""
    async with house() as h:
        first = await h.get()
        assert (first.index, first.hit, first.known_leader) == (5, False, True)
        assert (await h.get()).hit
        h.server.put(WEB, (), 9)
        await settle()
        second = await h.get()
        assert (second.value, second.index, second.hit) == ((), 9, True)
        assert [asked.held for asked in h.server.asked] == [
            {"connect/web": 0},
            {"connect/web": 5},
            {"connect/web": 9},
        ]


async def test_all_views_are_one_question():
    """Of two kinds of records, five views: one call waits at the server."""
    async with house() as h:
        keys = [WEB, API, NAMES, ViewKey(ViewKind.NODES), ViewKey(ViewKind.NODE, "n1")]
        h.server.put(NAMES, {"web": ("v1",)}, 3)
        h.server.put(keys[4], None, 4)
        answers = await asyncio.gather(*(h.get(key) for key in keys))
        assert [one.index for one in answers] == [5, 6, 3, 1, 4]
        assert answers[2].value == {"web": ("v1",)}
        assert answers[4].value is None
        await settle()
        assert (h.server.parked, len(h.server.asked[-1].held)) == (1, 5)
        upstreams, catalog = h.cache.kept
        assert (len(upstreams), len(catalog)) == (2, 3)


async def test_what_was_never_registered_is_an_empty_view():
    """No error; one can wait for it to come."""
    async with house() as h:
        key = ViewKey(ViewKind.SERVICE, "unheard")
        assert (await h.get(key)).value == ()
        waiting = await h.reading(key, index=1)
        assert not waiting.done()
        h.server.put(key, (instance(node="n1"),), 7)
        assert (await waiting).index == 7


async def test_a_view_that_is_wanted_anew_is_not_unchanged():
    """An answer to what was asked before says nothing to who has nothing of it."""
    async with house() as h:
        await h.get(WEB, caller=ALICE)
        plain, gate = h.server.views, asyncio.Event()

        async def slow(asked):
            await gate.wait()
            return await plain(asked)

        h.server.views = slow
        other = await h.reading(API, caller=BOB)
        h.standing.discard(ALICE)
        h.cache.review()
        anew = await h.reading(WEB, caller=BOB, wait=timedelta())
        gate.set()
        assert (await other).index == 6
        assert (await anew).index == 5


async def test_another_view_does_not_wait_for_the_question_that_waits():
    """That one ends, and a newer one asks for both; readers of the first wait on."""
    async with house() as h:
        await h.get()
        waiting = await h.reading(index=5)
        assert (await h.get(API)).index == 6
        assert not waiting.done()
        await settle()
        assert h.server.parked == 1


async def test_what_one_answer_has_no_room_for_comes_with_the_next():
    """Every reader gets its view, and nobody is told that it is as before."""
    async with house() as h:
        h.server.most = 1
        keys = [ViewKey(ViewKind.SERVICE, f"s{number}") for number in range(10)]
        for index, key in enumerate(keys, 3):
            h.server.put(key, (), index)
        answers = await asyncio.gather(*(h.get(key) for key in keys))
        assert [one.index for one in answers] == list(range(3, 13))


async def test_while_no_server_answers_views_are_served_with_their_age():
    """Readers who wait wait on; a first reader is told the error; then all is as before."""
    async with house() as h:
        await h.get()
        waiting = await h.reading(index=5)
        h.server.fail(AWAY)
        await h.passes(MINUTE, step=SECOND)
        answer = await h.get()
        assert (answer.index, answer.hit, answer.known_leader) == (5, True, False)
        assert answer.age == MINUTE
        with pytest.raises(UnavailableError, match="away"):
            await h.get(API)
        assert not waiting.done()
        h.server.put(WEB, (), 9)
        h.server.fail(None)
        await h.passes(8 * SECOND, step=SECOND)
        assert (await waiting).index == 9
        assert (await h.get()).age == timedelta()


async def test_after_an_outage_without_news_contact_is_noticed_at_once():
    """One view is asked for as if it were new, so that the answer need not wait for a change."""
    async with house() as h:
        await h.get()
        await h.get(API)
        h.server.fail(AWAY)
        await h.passes(MINUTE, step=SECOND)
        h.server.fail(None)
        await h.passes(8 * SECOND, step=SECOND)
        ages = [(await h.get(key)).age for key in (WEB, API)]
        assert ages == [timedelta()] * 2
        assert sorted(h.server.asked[-2].held.values()) == [0, 6]


async def test_callers_do_not_make_the_agent_knock_without_a_pause():
    """A hundred first reads in a second of an outage cost a few questions."""
    async with house() as h:
        h.server.fail(AWAY)
        for number in range(100):
            with pytest.raises(UnavailableError, match="away"):
                await h.get(ViewKey(ViewKind.SERVICE, f"s{number % 7}"))
            await h.passes(SECOND / 100)
        assert len(h.server.asked) <= 6


async def test_a_server_that_says_when_is_asked_then():
    """Its Retry-After is waited out; whoever asks meanwhile has the error at once."""
    async with house() as h:
        h.server.fail(RateLimitedError("slowly", retry_after=30 * SECOND))
        with pytest.raises(RateLimitedError):
            await h.get()
        h.server.fail(None)
        await h.passes(29 * SECOND, step=SECOND)
        with pytest.raises(RateLimitedError):
            await h.get()
        assert len(h.server.asked) == 1
        await h.passes(5 * SECOND, step=SECOND)
        assert (await h.get()).index == 5


async def test_a_view_that_is_none_is_an_error_and_the_old_one_stays(caplog):
    """What a newer server says is not guessed at, nor asked for in a loop."""
    async with house() as h:
        await h.get()
        h.server.held["connect/web"] = (b'{"no":"list"}', 9)
        h.server._changed.wake()
        await h.passes(MINUTE, step=SECOND)
        answer = await h.get()
        assert (answer.index, answer.known_leader) == (5, False)
        assert len(h.server.asked) < 40
        with pytest.raises(ProviderError, match="connect/web"):
            await h.get(freshness=Freshness(must_revalidate=True))
    assert "connect/web" in caplog.text


async def test_another_epoch_brings_every_view_anew():
    """After a restore equal indexes mean nothing: readers who wait are answered."""
    async with house() as h:
        await h.get()
        waiting = await h.reading(index=5)
        h.server.epoch = "e2"
        h.server.put(WEB, (instance(node="n2"),), 5)
        answer = await waiting
        assert answer.value[0].node.node == "n2"
        assert answer.index == 6


async def test_a_view_of_another_epoch_is_not_made_young_by_one_that_came():
    """Only an answer about it is: what did not fit into the first one may have changed."""
    async with house() as h:
        await h.get()
        await h.get(API)
        h.server.fail(AWAY)
        await h.passes(MINUTE, step=SECOND)
        answer = h.server.views

        async def once(asked):
            h.server.epoch, h.server.most, h.server.away = "e2", 1, None
            found = await answer(asked)
            h.server.away = AWAY
            h.server.views = answer
            return found

        h.cache._follower._upstream = h.server
        h.server.views = once
        while h.server.views is once:
            await h.passes(SECOND)
        ages = sorted([(await h.get(key)).age for key in (WEB, API)])
        assert ages[0] < 10 * SECOND
        assert ages[1] > MINUTE


async def test_a_token_that_ended_ends_what_it_waits_for():
    """At once, with a denial; the other reader of the same view waits on."""
    async with house() as h:
        await h.get()
        alice, bob = await h.reading(index=5), await h.reading(index=5, caller=BOB)
        h.standing.remove(ALICE)
        h.cache.review()
        with pytest.raises(DeniedError):
            await alice
        assert not bob.done()


async def test_a_lost_right_on_a_name_ends_what_shows_nothing_else():
    """Who may no longer read ``web`` waits no more for its proxies; other views are cut later."""
    allowed = {"web"}

    def may(_caller, action, name):
        return action is not Action.SERVICE_READ or name in allowed

    async with house(may=may) as h:
        await h.get()
        await h.get(API)
        strict, cut = await h.reading(index=5), await h.reading(API, index=6)
        allowed.clear()
        h.cache.review()
        with pytest.raises(DeniedError):
            await strict
        assert not cut.done()
        await settle()
        assert h.server.parked == 1
        await h.passes(2 * MINUTE)
        assert set(h.server.asked[-1].held) == {"service/api"}


async def test_a_refusal_takes_every_view_along_and_they_come_back():
    """An agent that was forgotten shows nothing of the mesh, until it is let in again."""
    async with house() as h:
        await h.get()
        h.server.fail(DeniedError("the agent was forgotten"))
        await settle()
        with pytest.raises(DeniedError):
            await h.get()
        h.server.fail(None)
        await h.passes(10 * SECOND, step=SECOND)
        assert (await h.get()).index == 5


async def test_what_nobody_asks_for_is_followed_no_more():
    """After three days; the server hears of it with the next question."""
    async with house() as h:
        await h.get()
        await h.passes(timedelta(hours=40), step=timedelta(hours=1))
        await h.get(API)
        await h.passes(timedelta(hours=33), step=timedelta(hours=1))
        assert set(h.server.asked[-1].held) == {"service/api"}
        assert [len(cache) for cache in h.cache.kept] == [1, 0]


async def test_the_end_lets_everybody_go():
    """Who waits is answered with what is known; who comes then is refused."""
    async with house() as h:
        await h.get()
        waiting = await h.reading(index=5)
        await h.cache.close()
        assert (await waiting).index == 5
        with pytest.raises(UnavailableError, match="stopping"):
            await h.get(API)


async def test_an_upstream_that_fails_in_a_way_it_should_not_is_survived(caplog):
    """It is logged, told as an error, and asked again."""
    async with house() as h:
        h.server.fail(ValueError("inside"))
        with pytest.raises(ProviderError, match="ValueError"):
            await h.get()
        h.server.fail(None)
        await h.passes(SECOND)
        assert (await h.get()).index == 5
    assert "in a way it should not" in caplog.text


@pytest.mark.parametrize("rows", [1, 20])
async def test_a_view_weighs_about_what_it_takes(rows):
    """No more than half as much again or less; values that were read last are bounded apart."""
    async with house() as h:
        upstreams, _ = h.cache.kept
        rows = tuple(instance(node=f"node-{number}") for number in range(rows))
        encoded = msgspec.json.encode(rows)
        keys = [ViewKey(ViewKind.SERVICE, f"service-{number}") for number in range(400)]
        h.cache._unpacked._most = 0
        await h.get(API)
        before = upstreams.size
        gc.collect()
        tracemalloc.start()
        for number, key in enumerate(keys):
            h.server.held[str(key)] = (encoded, number + 2)
            await h.get(key)
        h.server.asked.clear()
        h.server.held.clear()
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert taken / 1.5 < upstreams.size - before < taken * 1.5
