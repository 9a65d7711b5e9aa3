"""Which bundle an agent may say that its readers hold."""

import functools

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ca_core.agent.pollers import MOST_BUNDLES, SILENCE, SLOW, Pollers, Slow
from ca_core.testing.clock import START
from tests.unit.agent.fakes import Authority


@functools.cache
def anchors(*numbers):
    """Return a bundle of some roots."""
    return tuple(_root(number) for number in numbers)


@functools.cache
def _root(number):
    return Authority(f"r{number}", START).root.certificate


OLD, BOTH, NEW = anchors(1), anchors(1, 2), anchors(2)


@pytest.fixture
def pollers():
    """Return pollers that know one bundle, under index 5."""
    found = Pollers()
    found.published(5, OLD, 0.0)
    return found


def polled(pollers, who, asked, given, now):
    """Let a reader ask and be answered at once."""
    pollers.asks(who, asked, now)
    pollers.answered(who, asked, given, now)


def test_nobody_holds_anything_before_there_is_anything():
    """An agent that knows no roots has nothing to say."""
    assert Pollers().oldest(0.0) == ()


def test_without_readers_the_newest_bundle_counts(pollers):
    """An agent that feeds nobody speaks for itself."""
    pollers.published(6, BOTH, 0.0)
    assert pollers.oldest(0.0) == BOTH


def test_a_reader_holds_the_old_bundle_until_it_comes_back_with_the_newer_index(pollers):
    """Being told is not having taken it over."""
    pollers.asks("a", 5, 0.0)
    pollers.published(6, BOTH, 0.0)
    pollers.answered("a", 5, 6, 1.0)
    assert pollers.oldest(1.0) == OLD
    assert pollers.behind(1.0) == ("a",)
    pollers.asks("a", 6, 2.0)
    assert pollers.oldest(2.0) == BOTH
    assert pollers.behind(2.0) == ()


def test_a_reader_that_was_told_and_is_silent_for_two_minutes_counts_no_more(pollers):
    """The last moment counts, the next does not."""
    pollers.asks("a", 5, 0.0)
    pollers.published(6, BOTH, 0.0)
    pollers.answered("a", 5, 6, 1.0)
    assert pollers.oldest(1.0 + SILENCE) == OLD
    assert pollers.oldest(1.1 + SILENCE) == BOTH
    assert len(pollers) == 0


def test_a_reader_that_waits_for_news_holds_its_bundle_however_long_that_takes(pollers):
    """Ten minutes of waiting are no silence."""
    pollers.asks("a", 5, 0.0)
    pollers.published(6, BOTH, 0.0)
    assert pollers.oldest(10 * SILENCE) == OLD


def test_a_reader_that_broke_off_counts_for_two_minutes(pollers):
    """Its connection ended, but the program may live on with what it has."""
    pollers.asks("a", 5, 0.0)
    pollers.answered("a", 5, 0, 300.0)
    pollers.published(6, BOTH, 0.0)
    assert pollers.oldest(300.0 + SILENCE) == OLD
    assert pollers.oldest(301.0 + SILENCE) == BOTH


def test_one_that_always_asks_with_the_old_index_holds_nobody_up_for_ever(pollers):
    """It has been given the newer bundle again and again."""
    pollers.published(6, BOTH, 0.0)
    seconds = [float(second) for second in range(int(SILENCE) + 2)]
    for now in seconds:
        polled(pollers, "a", 5, 6, now)
        assert pollers.oldest(now) == (OLD if now <= SILENCE else BOTH)


def test_who_turns_up_with_a_bundle_replaced_long_ago_holds_nobody_up(pollers):
    """Any local program could do so for ever, from one connection after another."""
    pollers.published(6, BOTH, 0.0)
    polled(pollers, "early", 5, 6, SILENCE)
    assert pollers.oldest(SILENCE) == OLD
    for number in range(300):
        now = 2 * SILENCE + 1 + number
        pollers.asks(f"late-{number}", 5, now)
        assert pollers.oldest(now) == BOTH
        pollers.answered(f"late-{number}", 5, 6, now)
        assert pollers.oldest(now) == BOTH
    polled(pollers, "back", 6, 6, now)
    polled(pollers, "back", 5, 6, now)
    assert pollers.oldest(now) == BOTH


def test_a_plain_reader_holds_what_it_was_given(pollers):
    """It says nothing about itself, so the last answer counts, for two minutes."""
    polled(pollers, "a", 0, 5, 0.0)
    pollers.published(6, BOTH, 0.0)
    assert pollers.oldest(1.0) == OLD
    polled(pollers, "a", 0, 6, 2.0)
    assert pollers.oldest(2.0) == BOTH


def test_the_oldest_of_all_readers_counts(pollers):
    """One slow reader is enough."""
    for who in "abc":
        polled(pollers, who, 5, 5, 0.0)
    pollers.published(6, BOTH, 0.0)
    pollers.published(7, NEW, 0.0)
    for who, given in (("a", 7), ("b", 6), ("c", 7)):
        polled(pollers, who, given, given, 1.0)
    assert pollers.oldest(1.0) == BOTH


def test_another_index_for_the_same_roots_is_no_other_bundle(pollers):
    """News about who signs does not make readers behind."""
    pollers.asks("a", 5, 0.0)
    pollers.published(6, tuple(reversed(OLD)), 0.0)
    pollers.answered("a", 5, 6, 1.0)
    pollers.published(7, BOTH, 0.0)
    assert pollers.oldest(1.0) == OLD
    pollers.asks("b", 6, 1.0)
    polled(pollers, "a", 7, 7, 1.0)
    assert pollers.oldest(1.0) == OLD


def test_an_index_of_another_life_means_the_bundle_before():
    """An agent that was started anew knows from its disk what its readers may hold."""
    pollers = Pollers()
    pollers.published(0, OLD, 0.0)
    pollers.published(6, BOTH, 0.0)
    pollers.asks("a", 4, 0.0)
    assert pollers.oldest(0.0) == OLD


def test_more_readers_than_can_be_told_apart_are_not_forgotten():
    """Who floods the agent cannot make it speak for those it pushed out."""
    pollers = Pollers(most=3)
    pollers.published(5, OLD, 0.0)
    polled(pollers, "slow", 5, 5, 0.0)
    pollers.published(6, BOTH, 0.0)
    for number in range(100):
        polled(pollers, f"flood-{number}", 6, 6, 1.0)
    assert len(pollers) == 3
    assert pollers.oldest(1.0) == OLD
    assert pollers.oldest(2.0 + SILENCE) == BOTH


def test_a_reader_that_was_pushed_out_counts_again_when_it_is_answered():
    """It waited for a long time, was forgotten, and is told of the newer bundle now."""
    pollers = Pollers(most=1)
    pollers.published(5, OLD, 0.0)
    pollers.asks("slow", 5, 0.0)
    polled(pollers, "other", 5, 5, 1.0)
    pollers.published(6, BOTH, 1000.0)
    pollers.answered("slow", 5, 6, 1000.0)
    assert pollers.oldest(1000.0) == OLD


class Processes:
    """Pollers that know one bundle, and the processes that have ended."""

    def __init__(self):
        self.ended = set()
        self.pollers = Pollers(has_ended=self.ended.__contains__)
        self.pollers.published(5, OLD, 0.0)


@pytest.mark.parametrize("asked", [0, 5])
def test_a_process_that_has_ended_holds_nothing(asked):
    """One that read the roots once and lives on may still use them."""
    known = Processes()
    polled(known.pollers, "a", asked, 5, 0.0)
    known.pollers.published(6, BOTH, 1.0)
    assert known.pollers.oldest(1.0) == OLD
    known.ended.add("a")
    assert known.pollers.oldest(1.0) == BOTH
    assert len(known.pollers) == 0


def test_an_ended_process_whose_connection_still_asks_counts_as_any_reader():
    """It left the connection to another process, which holds what is read there."""
    known = Processes()
    known.ended.add("a")
    polled(known.pollers, "a", 0, 5, 0.0)
    known.pollers.published(6, BOTH, 1.0)
    assert known.pollers.oldest(SILENCE) == OLD
    assert known.pollers.oldest(SILENCE + 1.0) == BOTH


def test_a_request_that_waits_outlives_the_process_that_began_it():
    """Somebody holds the other end."""
    known = Processes()
    known.pollers.asks("a", 5, 0.0)
    known.ended.add("a")
    known.pollers.published(6, BOTH, 1.0)
    assert known.pollers.oldest(1.0) == OLD


def test_the_end_of_one_reader_leaves_the_others():
    """Each holds for itself."""
    known = Processes()
    for who in "ab":
        polled(known.pollers, who, 5, 5, 0.0)
    known.pollers.published(6, BOTH, 1.0)
    known.ended.add("a")
    assert known.pollers.oldest(2.0) == OLD
    assert known.pollers.behind(2.0) == ("b",)


def test_a_slow_reader_is_named_with_what_is_left_of_its_time(pollers):
    """The one that counts longest stands last; who is about to be told is not slow."""
    polled(pollers, "early", 0, 5, 0.0)
    polled(pollers, "later", 0, 5, 10.0)
    pollers.asks("waits", 5, 10.0)
    assert pollers.slow(20.0) == ()
    pollers.published(6, BOTH, 20.0)
    assert pollers.slow(20.0) == (Slow("early", SILENCE - 20.0), Slow("later", SILENCE - 10.0))
    pollers.answered("waits", 5, 6, 20.0)
    assert len(pollers.slow(20.0 + SLOW - 0.1)) == 2
    assert pollers.slow(20.0 + SLOW)[-1] == Slow("waits", SILENCE - SLOW)
    polled(pollers, "waits", 6, 6, 23.0)
    assert [one.name for one in pollers.slow(23.0)] == ["early", "later"]
    assert pollers.slow(SILENCE + 11.0) == ()


class Readers(RuleBasedStateMachine):
    """Any readers against a model that remembers everything."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.pollers = Pollers()
        self.newest = 0
        self.shown = {}
        self.replaced = {}
        self.publish()

    @rule()
    def publish(self):
        """Another bundle is given out."""
        if self.newest < MOST_BUNDLES - 1:
            self.newest += 1
            self.replaced[self.newest - 1] = self.now
            self.pollers.published(self.newest, anchors(self.newest), self.now)

    @rule(who=st.sampled_from("abcd"), back=st.integers(0, 3))
    def poll(self, who, back):
        """A reader shows what it holds and is given the newest."""
        held = max(1, self.newest - back)
        polled(self.pollers, who, held, self.newest, self.now)
        before, at, heard, was_told = self.shown.get(who, (0, 0.0, 0.0, False))
        is_told_again = before == held and was_told and self.now - heard <= SILENCE
        since = at if is_told_again else self.now
        if since - self.replaced.get(held, since) > SILENCE:
            since = self.now - 2 * SILENCE  # too late to count
        self.shown[who] = (held, since, self.now, held != self.newest)

    @rule(span=st.floats(0.5, 90.0))
    def wait(self, span):
        """Time passes."""
        self.now += span

    @invariant()
    def nobody_who_was_heard_of_lately_holds_an_older_one(self):
        """What the agent says is never newer than what a reader showed within two minutes."""
        (said,) = self.pollers.oldest(self.now)
        lately = [held for held, at, _, _ in self.shown.values() if self.now - at <= SILENCE]
        assert said == anchors(min(lately, default=self.newest))[0]


TestReaders = Readers.TestCase
