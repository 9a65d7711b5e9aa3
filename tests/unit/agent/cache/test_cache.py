"""The cache: who waits for what, who may see what, and what a caller's freshness means."""

import asyncio
from datetime import timedelta

import pytest

from ca_core.acl.principal import Peer
from ca_core.errors import DeniedError, UnavailableError
from ca_core.wire.freshness import Freshness
from tests.unit.agent.cache.scripted import (
    ALICE,
    ANEW,
    ANYBODY,
    BOB,
    HOUR,
    MINUTE,
    SECOND,
    ran,
    settle,
)

AWAY = UnavailableError("away", retry_after=timedelta())


def test_a_plain_read_never_waits_behind_one_that_waits_for_news():
    """A value is here, so it is answered; whoever wants it anew overtakes the query that waits."""

    async def scenario(h):
        await h.get()
        waiting = await h.reading(index=7, wait=HOUR)
        assert (await h.get()).hit
        anew = await h.get(freshness=ANEW)
        assert (anew.value, anew.hit) == ("seven", False)
        assert not waiting.done()
        await settle()
        assert h.server.indexes() == [0, 7, 0, 7]
        assert h.server.in_flight == 1

    ran(scenario)


def test_a_first_read_is_not_parked_behind_a_reader_with_an_index():
    """Whoever comes first asks for an answer at once, whatever index they hold."""

    async def scenario(h):
        reader = await h.reading(index=7, wait=HOUR)
        assert h.server.indexes()[0] == 0
        assert (await h.get()).value == "seven"
        assert not reader.done()

    ran(scenario)


def test_a_fetch_that_ends_between_look_and_wait_is_not_missed():
    """News in the very turn in which a reader begins to wait answers it."""

    async def scenario(h):
        await h.get()
        for index in range(8, 40):
            reader = asyncio.create_task(h.get(index=index - 1))
            for _ in range(index % 7):
                await asyncio.sleep(0)
            h.cache.arrived("k", f"v{index}", index)
            assert (await reader).index == index

    ran(scenario)


def test_readers_wait_through_an_outage_and_that_is_told_by_the_age():
    """A query that waits is not answered with an error; what it gets has an honest age."""

    async def scenario(h):
        await h.get()
        waiting = await h.reading(index=7, wait=10 * MINUTE)
        h.server.fail(AWAY)
        await h.passes(9 * MINUTE, step=SECOND)
        assert not waiting.done()
        await h.passes(MINUTE, step=SECOND)
        answer = await waiting
        assert (answer.index, answer.in_contact) == (7, False)
        assert answer.age == 10 * MINUTE

    ran(scenario)


def test_an_index_that_runs_backwards_answers_readers_and_is_asked_for_from_the_start():
    """A server whose state was restored: readers get what it has, the next fetch holds nothing."""

    async def scenario(h):
        await h.get()
        waiting = await h.reading(index=7, wait=HOUR)
        h.server.put("k", "three", 3)
        answer = await waiting
        assert (answer.value, answer.index) == ("three", 3)
        await settle()
        assert h.server.indexes() == [0, 7, 0, 3]

    ran(scenario)


def test_another_value_under_the_same_index_answers_readers_too():
    """Their index goes up by one, so that they can tell; the server's own is asked with."""

    async def scenario(h):
        await h.get()
        waiting = await h.reading(index=7, wait=HOUR)
        h.cache.arrived("k", "other", 7)
        assert (await waiting).index == 8
        h.cache.arrived("k", "other", 7)
        assert (await h.get()).index == 7

    ran(scenario)


def test_a_first_reader_is_told_soon_that_nobody_answers():
    """Ten seconds, whatever it was ready to wait for news."""

    async def scenario(h):
        h.server.gate = asyncio.Event()
        reader = await h.reading(wait=HOUR)
        await h.passes(9 * SECOND)
        assert not reader.done()
        await h.passes(SECOND)
        with pytest.raises(UnavailableError, match="no server has answered yet"):
            await reader

    ran(scenario)


def test_a_caller_who_is_taken_the_handle_is_told_at_once():
    """Who waits for news gets a denial; others go on, and what they hold stays."""

    async def scenario(h):
        await h.get("k", ALICE)
        alice = await h.reading("k", ALICE, index=7, wait=HOUR)
        bob = await h.reading("k", BOB, index=7, wait=HOUR)
        h.cache.review(lambda who, _: who != ALICE)
        with pytest.raises(DeniedError, match="taken back"):
            await alice
        await settle()
        assert not bob.done()
        h.server.put("k", "eight", 8)
        assert (await bob).value == "eight"

    ran(scenario)


def test_a_first_reader_who_loses_the_right_while_it_is_fetched_is_told_at_once():
    """No value is handed to somebody who may not see it when it comes."""

    async def scenario(h):
        h.server.gate = asyncio.Event()
        alice, bob = await h.reading("k", ALICE), await h.reading("k", BOB)
        h.cache.review(lambda who, _: who != ALICE)
        with pytest.raises(DeniedError):
            await alice
        h.server.gate.set()
        assert (await bob).value == "seven"

    ran(scenario)


def test_a_reader_who_loses_the_right_is_told_that_and_not_an_older_error():
    """The last attempt has failed; the one he waits for has not."""

    async def scenario(h):
        h.server.fail(AWAY)
        for who in (ALICE, BOB):
            with pytest.raises(UnavailableError):
                await h.get("k", who)
        h.server.fail(None)
        h.server.gate = asyncio.Event()
        await h.passes(10 * SECOND)
        alice = await h.reading("k", ALICE)
        h.cache.review(lambda who, _: who != ALICE)
        with pytest.raises(DeniedError, match="taken back"):
            await alice

    ran(scenario)


def test_what_nobody_holds_any_more_is_erased_and_fetched_no_more():
    """The last handle takes the record along, and what was parked for it."""

    async def scenario(h):
        await h.get("k", ALICE)
        alice = await h.reading("k", ALICE, index=7, wait=HOUR)
        h.cache.review(lambda *_: False)
        with pytest.raises(DeniedError):
            await alice
        await settle()
        assert (len(h.cache), h.cache.size, h.server.in_flight) == (0, 0, 0)
        assert h.cache.counts.evictions == {"revoked": 1}

    ran(scenario)


def test_a_review_looks_at_each_record():
    """A right may be about one name: what else the caller holds stays theirs."""

    async def scenario(h):
        h.server.put("other", "three", 3)
        await h.get("k", ALICE)
        await h.get("other", ALICE)
        h.cache.review(lambda _, key: key == "k")
        assert [entry.key for entry in h.cache.entries()] == ["k"]

    ran(scenario)


def test_processes_of_one_user_share_a_handle():
    """They have the same rights."""

    async def scenario(h):
        for pid in (1, 2):
            await h.get("k", Peer(uid=7, gid=7, pid=pid))
        (entry,) = h.cache.entries()
        assert entry.partitions == ("uid:7",)

    ran(scenario)


def test_after_an_outage_a_young_value_is_asked_for_and_the_error_told():
    """``max-age`` of what is followed counts from the loss of contact."""

    async def scenario(h):
        await h.get()
        young = Freshness(max_age=30 * SECOND)
        assert (await h.get(freshness=young)).hit
        h.server.fail(AWAY)
        await settle()
        assert (await h.get(freshness=young)).hit
        await h.passes(5 * MINUTE, step=SECOND)
        with pytest.raises(UnavailableError, match="away"):
            await h.get(freshness=young)
        assert (await h.get()).hit

    ran(scenario)


def test_a_caller_may_have_the_old_value_if_asking_anew_fails():
    """``stale-if-error``: up to that age it is answered, with the age; older, the error is."""

    async def scenario(h):
        await h.get()
        h.server.fail(AWAY)
        await h.passes(5 * MINUTE, step=SECOND)
        asked = Freshness(max_age=MINUTE, stale_if_error=10 * MINUTE)
        answer = await h.get(freshness=asked)
        assert (answer.value, answer.hit) == ("seven", True)
        assert answer.age == 5 * MINUTE
        await h.passes(6 * MINUTE, step=SECOND)
        with pytest.raises(UnavailableError):
            await h.get(freshness=asked)

    ran(scenario)


def test_asking_anew_gets_what_the_server_has_now():
    """``must-revalidate`` does not believe what is here, however young."""

    async def scenario(h):
        await h.get()
        h.server.values["k"] = ("unheard", 8)  # the query that waits was lost on the way
        assert (await h.get()).value == "seven"
        assert (await h.get(freshness=ANEW)).value == "unheard"

    ran(scenario)


def test_all_who_want_it_anew_share_one_fetch():
    """Twenty of them cost what one costs."""

    async def scenario(h):
        await h.get()
        await settle()
        before = len(h.server.asked)
        h.server.gate = asyncio.Event()
        readers = [await h.reading(freshness=ANEW) for _ in range(20)]
        h.server.gate.set()
        assert not any(one.hit for one in await asyncio.gather(*readers))
        assert len(h.server.asked) - before == 2  # theirs, and the one that waits again

    ran(scenario)


def test_more_records_than_may_be_cost_the_one_that_was_used_longest_ago():
    """Never one that is waited for: where all are, nothing new is taken."""

    async def scenario(h):
        for key in ("a", "b", "c"):
            h.server.put(key, key, 1)
            await h.get(key)
            await h.passes(SECOND)
        await h.get("a")
        await h.get("d")
        assert sorted(entry.key for entry in h.cache.entries()) == ["a", "c", "d"]
        waiting = [await h.reading(key, index=1, wait=HOUR) for key in ("a", "c", "d")]
        with pytest.raises(UnavailableError, match="3 records are waited for"):
            await h.get("e")
        assert not any(one.done() for one in waiting)

    ran(scenario, most=3)


def test_what_is_waited_for_is_not_evicted():
    """Nor what is on its way to somebody; everything else is, and frees what it took."""

    async def scenario(h):
        await h.get()
        size = h.cache.size
        waiting = await h.reading(index=7, wait=HOUR)
        assert h.cache.evict("k") == 0
        waiting.cancel()
        await settle()
        assert h.cache.evict("k") == size
        assert h.cache.size == 0
        h.server.gate = asyncio.Event()
        await h.reading()
        assert h.cache.evict("k") == 0
        assert h.cache.evict("unknown") == 0

    ran(scenario)


def test_entries_tell_everything_but_the_value():
    """Key, owners, bytes, age, use, hits, misses, waiters, index, failures and the last error."""

    async def scenario(h):
        await h.get()
        await h.get()
        await h.reading(index=7, wait=HOUR)
        h.server.fail(AWAY)
        await h.passes(5 * SECOND)
        (entry,) = h.cache.entries()
        assert (entry.key, entry.partitions, entry.index) == ("k", ("anonymous",), 7)
        assert (entry.hits, entry.misses, entry.waiters) == (2, 1, 1)
        assert (entry.age, entry.unused, entry.error) == (5.0, 5.0, "away")
        assert entry.failures >= 4
        assert entry.busy
        assert "seven" not in repr(entry)
        assert h.cache.counts.failures["UnavailableError"] == entry.failures

    ran(scenario)


def test_an_upstream_that_fails_in_a_way_it_should_not_is_an_error_like_others(caplog):
    """It is logged with its traceback, told without it, and tried again."""

    async def scenario(h):
        h.server.errors = [ValueError("secret inside")]
        with pytest.raises(Exception, match="asking for k failed: ValueError") as caught:
            await h.get("k", ANYBODY)
        assert "secret" not in str(caught.value)
        assert (await h.get()).value == "seven"

    ran(scenario)
    assert "in a way it should not" in caplog.text
