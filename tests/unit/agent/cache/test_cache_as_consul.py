"""The behaviours that the tests of Consul's agent cache name, one by one; see the docstrings.

Where ours differs, the test says ``differs`` and ``ca_core/api/cache_deviations.py`` says why.
"""

import asyncio
from datetime import timedelta

import pytest

from ca_core.agent.cache.onebyone import Fetched
from ca_core.errors import DeniedError, RateLimitedError, UnavailableError
from ca_core.wire.freshness import Freshness
from tests.unit.agent.cache.scripted import (
    ALICE,
    ANEW,
    BOB,
    HOUR,
    MINUTE,
    SECOND,
    house,
    ran,
    settle,
)

AWAY = UnavailableError("away", retry_after=timedelta())


def test_the_first_read_fetches_and_the_second_does_not():
    """TestCacheGet_noIndex: a miss, a hit, one fetch."""

    async def scenario(h):
        first, second = await h.get(), await h.get()
        assert (first.value, first.hit) == ("seven", False)
        assert (second.value, second.hit) == ("seven", True)
        assert h.server.indexes() == [0]

    ran(scenario, followed=False)


def test_a_first_fetch_that_fails_is_told_and_tried_again_by_the_next_read():
    """TestCacheGet_initError: two reads, two fetches, two errors; nothing is kept."""

    async def scenario(h):
        h.server.errors = [AWAY, AWAY]
        for _ in range(2):
            with pytest.raises(UnavailableError, match="away"):
                await h.get()
        assert h.server.indexes() == [0, 0]
        assert not (await h.get()).hit

    ran(scenario, followed=False)


def test_an_error_that_is_over_is_not_told_any_more():
    """TestCacheGet_cachedErrorsDontStick: a reader with its index goes on waiting."""

    async def scenario(h):
        h.server.errors = [AWAY]
        with pytest.raises(UnavailableError):
            await h.get()
        assert (await h.get()).index == 7
        waiting = await h.reading(index=7, wait=HOUR)
        await h.passes(25 * MINUTE, step=MINUTE)  # the fetch times out twice with the same value
        assert not waiting.done()
        h.server.put("k", "eight", 8)
        assert (await waiting).value == "eight"

    ran(scenario)


def test_concurrent_first_reads_of_a_key_share_one_fetch():
    """TestCacheGet_blockingInitSameKey: ten readers, one fetch."""

    async def scenario(h):
        h.server.gate = asyncio.Event()
        readers = [await h.reading() for _ in range(10)]
        assert h.server.in_flight == 1
        h.server.gate.set()
        answers = await asyncio.gather(*readers)
        assert [(one.value, one.hit) for one in answers] == [("seven", False)] * 10
        assert h.server.indexes() == [0]

    ran(scenario, followed=False)


def test_concurrent_first_reads_of_two_keys_fetch_each_for_itself():
    """TestCacheGet_blockingInitSameKey, ...DiffKeys: two keys, two fetches at the same time."""

    async def scenario(h):
        h.server.put("other", "three", 3)
        h.server.gate = asyncio.Event()
        readers = [await h.reading(key) for key in ("k", "other")]
        assert h.server.in_flight == 2
        h.server.gate.set()
        assert [one.value for one in await asyncio.gather(*readers)] == ["seven", "three"]

    ran(scenario, followed=False)


def test_a_reader_waits_until_the_index_is_another_than_its_own():
    """TestCacheGet_blockingIndex: with index 7, results at 7 and 7 and 9 answer the third."""

    async def scenario(h):
        await h.get()
        waiting = await h.reading(index=7, wait=HOUR)
        await h.passes(11 * MINUTE)
        assert not waiting.done()
        h.server.put("k", "nine", 9)
        answer = await waiting
        assert (answer.value, answer.index, answer.hit) == ("nine", 9, False)

    ran(scenario)


def test_a_reader_ahead_of_what_is_known_is_answered_at_once_and_that_differs():
    """TestCacheGet_blockingIndex, differs: an index that nobody gave here is from another epoch."""

    async def scenario(h):
        await h.get()
        assert (await h.get(index=99)).index == 7
        assert (await h.get("k", index=98)).hit

    ran(scenario)


def test_a_reader_gets_the_same_value_once_it_has_waited_long_enough():
    """TestCacheGet_blockingIndexTimeout: the last value, its index, no error."""

    async def scenario(h):
        await h.get()
        waiting = await h.reading(index=7, wait=30 * SECOND)
        await h.passes(29 * SECOND)
        assert not waiting.done()
        await h.passes(SECOND)
        answer = await waiting
        assert (answer.value, answer.index, answer.hit) == ("seven", 7, False)

    ran(scenario)


def test_a_reader_with_an_index_of_nothing_is_told_the_error_promptly():
    """TestCacheGet_blockingIndexError: the error at once, and no retry storm behind it."""

    async def scenario(h):
        h.server.fail(AWAY)
        with pytest.raises(UnavailableError, match="away"):
            await h.get(index=5)
        await h.passes(SECOND / 10)
        assert len(h.server.asked) < 10

    ran(scenario)


def test_a_reader_who_gives_up_disturbs_nobody():
    """TestCacheGet_cancellation: its limit ends it with nothing; the fetch and the others go on."""

    async def scenario(h):
        h.server.gate = asyncio.Event()
        impatient, patient = await h.reading(), await h.reading()
        impatient.cancel()
        await settle()
        assert impatient.cancelled()
        h.server.gate.set()
        assert (await patient).value == "seven"
        assert h.server.indexes() == [0]

    ran(scenario, followed=False)


def test_an_answer_of_nothing_keeps_what_is_known():
    """TestCacheGet_emptyFetchResult: an empty result is "as before"; there is no hidden state."""

    async def scenario(h):
        h.server.terse = True
        await h.get()
        waiting = await h.reading(index=7, wait=HOUR)
        await h.passes(25 * MINUTE, step=MINUTE)
        assert not waiting.done()
        assert h.server.indexes() == [0, 7, 7, 7]
        answer = await h.get()
        assert (answer.value, answer.hit, answer.age) == ("seven", True, timedelta())

    ran(scenario)


def test_what_changes_is_seen_without_asking_and_the_old_is_answered_meanwhile():
    """TestCacheGet_periodicRefresh, ...Multiple: each new value is here once it came."""

    async def scenario(h):
        await h.get()
        for index in (8, 9, 10):
            before = await h.get()
            assert before.hit
            assert before.index == index - 1
            h.server.put("k", f"v{index}", index)
            await settle()
            after = await h.get()
            assert (after.value, after.hit, after.age) == (f"v{index}", True, timedelta())

    ran(scenario)


def test_what_keeps_failing_is_asked_for_less_and_less_while_the_old_is_answered():
    """TestCacheGet_periodicRefreshErrorBackoff: fewer than ten fetches, one value."""

    async def scenario(h):
        await h.get()
        h.server.fail(AWAY)
        await h.passes(SECOND / 2)
        assert (await h.get()).value == "seven"
        assert len(h.server.asked) < 10
        seen = len(h.server.asked)
        await h.passes(HOUR, step=SECOND)
        assert len(h.server.asked) - seen <= 3600 / 60 + 8
        assert (await h.get()).hit

    ran(scenario)


def test_an_index_of_zero_is_a_failure_in_how_often_it_is_asked_again():
    """TestCacheGet_periodicRefreshBadRPCZeroIndexErrorBackoff: fewer than ten fetches."""

    async def scenario(h):
        h.server.put("k", "zero", 0)
        assert (await h.get()).index == 1
        answered = h.server._answered

        async def at_once(key, _index, limit):
            return await answered(key, 0, limit)

        h.server._answered = at_once
        h.server.changed.wake()
        await h.passes(SECOND / 2)
        assert len(h.server.asked) < 10
        assert (await h.get()).value == "zero"

    ran(scenario)


@pytest.mark.parametrize("index", [0, 1])
def test_an_index_below_one_is_one_and_later_fetches_never_ask_with_zero(index):
    """TestCacheGet_noIndexSetsOne, TestSetIndex: the first fetch asks with 0, all others with 1."""

    async def scenario(h):
        h.server.put("k", "first", index)
        assert (await h.get()).index == 1
        await h.passes(HOUR, step=MINUTE)
        first, *later = h.server.indexes()
        assert first == 0
        assert later
        assert set(later) == {1}

    ran(scenario)


def test_a_fetch_is_told_how_long_it_may_wait():
    """TestCacheGet_fetchTimeout: that of its kind, ten minutes unless it says otherwise."""

    async def scenario(h):
        await h.get()
        await settle()
        assert {timeout for _, _, timeout in h.server.asked} == {10 * MINUTE}

    ran(scenario)


def test_what_nobody_asks_for_is_forgotten_after_three_days():
    """TestCacheGet_expire: then the next read fetches anew."""

    async def scenario(h):
        await h.get()
        await h.passes(72 * HOUR - SECOND, step=12 * HOUR)
        assert len(h.cache) == 1
        await h.passes(SECOND)
        assert len(h.cache) == 0
        assert not (await h.get()).hit

    ran(scenario)


def test_every_read_begins_the_three_days_anew():
    """TestCacheGet_expireResetGet: read once a day, it stays for a month."""

    async def scenario(h):
        await h.get()
        for _ in range(30):
            await h.passes(24 * HOUR, step=12 * HOUR)
            assert (await h.get()).hit

    ran(scenario)


def test_what_somebody_waits_for_is_in_use():
    """TestCacheGet_expireResetGetNoChange: a long wait keeps its record, and begins no other."""

    async def scenario(h):
        await h.get()
        waiting = await h.reading(index=7, wait=100 * HOUR)
        await h.passes(90 * HOUR, step=10 * HOUR)
        assert len(h.cache) == 1
        h.server.put("k", "late", 8)
        assert (await waiting).value == "late"

    ran(scenario)


def test_what_is_forgotten_is_fetched_no_more():
    """TestCacheGet_expireClose, expireBackgroudRefreshCancel: the fetch in flight ends at once."""

    async def scenario(h):
        await h.get()
        await settle()
        assert h.server.in_flight == 1
        await h.passes(72 * HOUR, step=12 * HOUR)
        await settle()
        assert h.server.in_flight == 0
        h.server.put("k", "news", 8)
        await settle()
        assert len(h.cache) == 0

    ran(scenario)


def test_an_answer_that_comes_too_late_brings_nothing_back():
    """TestCacheGet_expireBackgroudRefresh: what was forgotten meanwhile stays forgotten."""

    async def scenario(h):
        await h.get()
        await h.passes(72 * HOUR, step=12 * HOUR)
        h.cache.arrived("k", "late", 8)
        h.cache.unchanged("k")
        h.cache.failed("k", AWAY)
        assert len(h.cache) == 0
        assert h.cache.size == 0

    ran(scenario)


def test_two_kinds_with_one_key_are_two_records():
    """TestCacheGet_duplicateKeyDifferentType: each kind has a cache of its own."""

    async def scenario(h):
        await h.get()
        async with house() as second:
            second.server.put("k", "another", 3)
            assert (await second.get()).value == "another"
        assert (await h.get()).value == "seven"

    ran(scenario)


def test_keys_that_differ_in_the_datacenter_alone_are_two_records():
    """TestCacheGet_partitionDC: whatever changes the answer is in the key."""

    async def scenario(h):
        h.server.put(("dc1", "k"), "here", 3)
        h.server.put(("dc9", "k"), "there", 4)
        assert (await h.get(("dc1", "k"))).value == "here"
        assert (await h.get(("dc9", "k"))).value == "there"

    ran(scenario)


def test_two_tokens_share_a_record_and_each_has_a_handle_and_that_differs():
    """TestCacheGet_partitionToken, differs: one record, two handles; rights come before it."""

    async def scenario(h):
        await h.get("k", ALICE)
        assert (await h.get("k", BOB)).hit
        (entry,) = h.cache.entries()
        assert entry.partitions == ("token:alice", "token:bob")
        assert h.server.indexes()[0] == 0
        assert h.server.indexes().count(0) == 1

    ran(scenario)


def test_the_age_of_what_is_followed_is_zero_exactly_while_contact_stands():
    """TestCacheGet_refreshAge: zero, then growing while it fails, then zero; hits throughout."""

    async def scenario(h):
        await h.get()
        await h.passes(25 * MINUTE, step=MINUTE)
        assert (await h.get()).age == timedelta()
        h.server.fail(AWAY)
        await settle()
        ages = []
        for _ in range(3):
            await h.passes(MINUTE)
            answer = await h.get()
            assert answer.hit
            ages.append(answer.age)
        assert ages == [MINUTE, 2 * MINUTE, 3 * MINUTE]
        h.server.fail(None)
        await h.passes(2 * MINUTE, step=SECOND)
        answer = await h.get()
        assert (answer.hit, answer.age) == (True, timedelta())

    ran(scenario)


def test_the_age_of_what_is_not_followed_is_the_time_since_it_was_fetched():
    """TestCacheGet_nonRefreshAge: it grows; a caller who wants it younger has it fetched."""

    async def scenario(h):
        await h.get()
        await h.passes(5 * SECOND)
        assert (await h.get()).age == 5 * SECOND
        h.server.put("k", "younger", 8)
        young = Freshness(max_age=SECOND)
        answer = await h.get(freshness=young)
        assert (answer.value, answer.hit) == ("younger", False)
        assert (await h.get(freshness=young)).hit

    ran(scenario, followed=False)


def test_what_does_not_block_is_never_asked_with_an_index():
    """TestCacheGet_nonBlockingType: a reader's index means nothing; freshness alone does."""

    async def scenario(h):
        await h.get()
        assert (await h.get(index=7)).hit
        assert (await h.get(freshness=Freshness(max_age=SECOND))).hit
        await h.passes(2 * SECOND)
        assert not (await h.get(freshness=Freshness(max_age=SECOND))).hit
        assert not (await h.get(freshness=ANEW)).hit
        assert h.server.indexes() == [0, 0, 0]

    ran(scenario, followed=False)


def test_a_hot_server_is_not_asked_in_a_loop_and_that_differs():
    """TestCacheThrottle, TestCacheReload, differs: answers that bring nothing slow the asking."""

    async def scenario(h):
        async def at_once(_key, _index, _timeout):
            return Fetched("seven", 7)

        h.server._answered = at_once
        await h.get()
        await h.passes(SECOND)
        assert len(h.server.asked) <= 6
        await h.passes(HOUR, step=SECOND)
        assert len(h.server.asked) < 3600 / 60 + 12

    ran(scenario)


def test_closing_lets_readers_go_and_what_is_known_stays_readable():
    """TestCache_ExpiryLoop_ExitsWhenStopped: nothing runs any more; values are still answered."""

    async def scenario(h):
        await h.get()
        waiting = await h.reading(index=7)
        await h.cache.close()
        await settle()
        assert (await waiting).value == "seven"
        assert (await h.get()).hit
        assert h.server.in_flight == 0
        with pytest.raises(UnavailableError, match="stopping"):
            await h.get("other")
        with pytest.raises(UnavailableError, match="stopping"):
            await h.get(freshness=ANEW)
        await settle()
        assert h.server.in_flight == 0

    ran(scenario)


def test_a_refusal_ends_what_waits_and_what_is_known_and_that_differs():
    """TestCache_RefreshLifeCycle, differs: refused is refused; the old value is not answered."""

    async def scenario(h):
        await h.get()
        waiting = await h.reading(index=7)
        h.server.fail(DeniedError("Permission denied"))
        with pytest.raises(DeniedError, match="Permission denied"):
            await waiting
        seen = len(h.server.asked)
        await h.passes(HOUR, step=MINUTE)
        assert len(h.server.asked) == seen  # nobody asks, so it is not asked for
        with pytest.raises(DeniedError):
            await h.get()
        h.server.fail(None)
        await h.passes(2 * MINUTE)
        answer = await h.get()
        assert (answer.value, answer.hit) == ("seven", False)

    ran(scenario)


def test_a_follower_gets_the_first_error_then_every_value_once():
    """TestCacheNotify: the same with blocking reads; a second follower begins with a hit."""

    async def scenario(h):
        h.server.errors = [AWAY]
        with pytest.raises(UnavailableError):
            await h.get(index=0)
        one = await h.get(index=0)
        first = await h.reading(index=one.index)
        two = await h.get(index=0)
        assert two.hit
        second = await h.reading(index=two.index)
        await h.passes(MINUTE)
        assert not first.done()
        h.server.put("k", "eight", 8)
        answers = await asyncio.gather(first, second)
        assert [(each.value, each.index) for each in answers] == [("eight", 8)] * 2

    ran(scenario)


def test_two_who_poll_what_is_not_followed_share_its_fetches():
    """TestCacheNotifyPolling: within ``max-age`` of one another they cost one fetch."""

    async def scenario(h):
        young = Freshness(max_age=10 * SECOND)
        for _ in range(6):
            await h.get(freshness=young)
            assert (await h.get(freshness=young)).hit
            await h.passes(11 * SECOND)
        assert h.server.indexes() == [0] * 6

    ran(scenario, followed=False)


@pytest.mark.parametrize("followed", [True, False])
def test_a_follower_who_never_pauses_causes_few_fetches_while_they_fail(followed):
    """TestCacheWatch_ErrorBackoff, ...NonBlocking: fewer than ten in half a second."""

    async def scenario(h):
        h.server.fail(AWAY)
        for _ in range(50):
            with pytest.raises(UnavailableError, match="away"):
                await h.get()
            await h.passes(SECOND / 100)
        assert len(h.server.asked) < 10

    ran(scenario, followed=followed)


def test_a_server_that_says_when_is_not_asked_sooner():
    """A Retry-After counts for the background and for callers; they get the error at once."""

    async def scenario(h):
        h.server.errors = [RateLimitedError("slowly", retry_after=30 * SECOND)]
        for _ in range(5):
            with pytest.raises(RateLimitedError):
                await h.get()
            await h.passes(5 * SECOND)
        assert len(h.server.asked) == 1
        await h.passes(6 * SECOND)
        assert (await h.get()).value == "seven"

    ran(scenario)


def test_no_key_is_blank_and_that_differs():
    """TestCacheGet_blankCacheKey, differs: whatever is asked for has a key, and is kept."""

    async def scenario(h):
        h.server.put("", "blank", 3)
        await h.get("")
        assert (await h.get("")).hit

    ran(scenario)


def test_nothing_is_there_before_somebody_asks_and_that_differs():
    """TestCache_Prepopulate, differs: a value without a caller would be nobody's."""

    async def scenario(h):
        h.cache.arrived("k", "unasked", 9)
        assert len(h.cache) == 0
        assert (await h.get()).value == "seven"

    ran(scenario)


def test_an_equal_value_wakes_nobody():
    """Test_isEqual: the same again is no news, whatever object it is."""

    async def scenario(h):
        await h.get()
        waiting = await h.reading(index=7)
        h.cache.arrived("k", "even".rjust(5, "s"), 7)
        await settle()
        assert not waiting.done()

    ran(scenario)
