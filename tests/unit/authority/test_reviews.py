"""Review plugins: any deny wins, no failure passes unseen, and nobody waits for ever."""

import asyncio
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.authority.events import Events
from ca_core.authority.reviewing import (
    MOST_REASON,
    QUICK,
    QUICK_RUN,
    STALL,
    STRIKES,
    ReviewCounters,
    shown,
)
from ca_core.authority.reviews import ReviewPolicy, Reviews
from ca_core.authority.reviewthreads import MOST_THREADS
from ca_core.contract import Verdict, hookimpl
from ca_core.errors import DeniedError
from ca_core.testing.clock import FakeClock
from tests.unit.authority.plugins import REVIEW, Observing, Reviewing, denying, loaded, raising

BUDGET = timedelta(milliseconds=50)
SLOW = timedelta(milliseconds=51)
ALLOW = ReviewPolicy(denies_on_error=False, budget=BUDGET)
DENY = ReviewPolicy(budget=BUDGET)


class Held:
    """Reviews by some plugins, with everything they count; closed when the test ends."""

    def __init__(self, policy=DENY, clock=None, **plugins):
        self.clock = clock or FakeClock()
        self.counted = Counter()
        self.told = Observing()
        self.events = Events(loaded(ears=self.told))
        self.reviews = Reviews(
            loaded(**plugins),
            clock=self.clock,
            policy=policy,
            counters=ReviewCounters(
                on_denied=lambda name: self.counted.update([f"denied {name}"]),
                on_failed=lambda name: self.counted.update([f"failed {name}"]),
                on_late=lambda name: self.counted.update([f"late {name}"]),
            ),
            events=self.events,
        )

    async def verdict(self):
        """Return '' if the leaf may be signed, else what the caller is told."""
        try:
            await self.reviews.ask(REVIEW)
        except DeniedError as error:
            return str(error)
        return ""

    def heard(self):
        """Return the types of the events told, after letting them arrive."""
        self.events.close()
        return [event.type for event in self.told.heard]


@pytest.fixture
def hold():
    """Return a function that makes ``Held``; all are closed in the end."""
    made = []

    def make(*args, **kwargs):
        made.append(Held(*args, **kwargs))
        return made[-1]

    yield make
    for held in made:
        held.reviews.close()
        held.events.close()


def taking(clock, span, verdict=None):
    """Return a plugin whose every answer takes ``span`` on ``clock``."""

    def say(_review):
        clock.advance(span)
        return verdict

    return Reviewing(say)


async def test_every_plugin_is_asked_and_sees_the_same_review(hold):
    """Also those after one that denies."""
    first, last = Reviewing(), Reviewing()
    held = hold(first=first, no=denying(), last=last)
    assert "review plugin 'no' denied this leaf: not today" in await held.verdict()
    assert first.seen == last.seen == [REVIEW]


async def test_silence_and_consent_let_a_leaf_pass(hold):
    """None is no opinion, and an allow is no more than that."""
    held = hold(silent=Reviewing(), fond=Reviewing(lambda review: Verdict(allow=True)))
    assert await held.verdict() == ""


async def test_nobody_enabled_means_nobody_asked(hold):
    """A plugin that only listens reviews nothing."""
    held = hold(ears=Observing())
    assert not held.reviews
    assert held.reviews.states() == ()


@given(st.lists(st.sampled_from(["silent", "allow", "deny", "raise", "wrong"]), max_size=6))
def test_a_leaf_passes_only_if_nobody_denies_or_fails(kinds):
    """Whatever the others do: one deny or one failure is enough, in any order."""
    makers = {
        "silent": Reviewing,
        "allow": lambda: Reviewing(lambda review: Verdict(allow=True)),
        "deny": denying,
        "raise": lambda: raising(ValueError("x")),
        "wrong": lambda: Reviewing(lambda review: "no"),
    }
    held = Held(**{f"p{n}": makers[kind]() for n, kind in enumerate(kinds)})
    lenient = Held(ALLOW, **{f"p{n}": makers[kind]() for n, kind in enumerate(kinds)})
    try:
        denied = bool(asyncio.run(held.verdict()))
        leniently = bool(asyncio.run(lenient.verdict()))
    finally:
        held.reviews.close()
        lenient.reviews.close()
    assert denied == bool({"deny", "raise", "wrong"} & set(kinds))
    assert leniently == ("deny" in kinds)


@pytest.mark.parametrize(
    "error",
    [ValueError("hunter2"), SystemExit("hunter2"), asyncio.CancelledError("hunter2")],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("warm", [False, True], ids=["on a thread", "on the loop"])
async def test_whatever_a_plugin_raises_denies_and_names_it(hold, caplog, error, warm):
    """Not even ``sys.exit()`` gets through, and the exception's text is nowhere."""
    mood = []

    def say(_review):
        if mood:
            raise error

    held = hold(bad=Reviewing(say))
    for _ in range(QUICK_RUN if warm else 0):
        assert await held.verdict() == ""
    mood.append("bad")
    assert "'bad' denied this leaf: it failed" in await held.verdict()
    assert held.counted == {"failed bad": 1, "denied bad": 1}
    assert f"raised {type(error).__name__} at test_reviews.py:" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("warm", [False, True], ids=["on a thread", "on the loop"])
async def test_a_keyboard_interrupt_of_a_plugin_fails_it(hold, warm):
    """It ends neither a thread nor the server."""
    answers = iter([None] * QUICK_RUN if warm else [])

    def say(_review):
        for answer in answers:
            return answer
        raise KeyboardInterrupt

    held = hold(bad=Reviewing(say))
    for _ in range(QUICK_RUN if warm else 0):
        assert await held.verdict() == ""
    assert "it failed" in await held.verdict()


@dataclass(frozen=True)
class Explosive(Verdict):
    """A verdict of a plugin's own class that raises when it is read."""

    def __getattribute__(self, name):
        """Raise for what the core reads."""
        if name == "allow":
            raise RuntimeError("password=hunter2")
        return super().__getattribute__(name)


async def test_a_verdict_that_cannot_be_read_is_a_failure(hold, caplog, capfd):
    """It ends no thread, and what it says is nowhere, the standard error included."""
    held = hold(bad=Reviewing(lambda review: Explosive(allow=True)))
    assert "it failed" in await held.verdict()
    assert "raised RuntimeError" in caplog.text
    assert "hunter2" not in caplog.text + "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "answer",
    [True, "deny", Verdict(allow="no"), Verdict(True, reason=7), [], [Verdict(allow=True)], ()],
)
async def test_an_answer_that_is_no_verdict_is_a_failure(hold, caplog, answer):
    """A truthy text must not pass for consent."""
    held = hold(odd=Reviewing(lambda review: answer))
    assert "it failed" in await held.verdict()
    assert "not Verdict or None" in caplog.text


@pytest.mark.parametrize("answer", [False, "", 0, [True], (), "yes"])
async def test_a_wrapper_of_a_plugin_may_not_answer_with_something_else(hold, answer):
    """Nothing that is no verdict passes for silence, whatever Python makes of its truth."""

    class Wrapping:
        @hookimpl(wrapper=True)
        def ca_review_issuance(self, review):
            yield
            return answer

    assert "it failed" in await hold(odd=Wrapping()).verdict()


async def test_a_wrapper_of_a_plugin_may_change_its_verdict(hold):
    """As pluggy has it."""

    class Wrapping:
        @hookimpl(specname="ca_review_issuance")
        def inner(self):
            return Verdict(allow=False)

        @hookimpl(specname="ca_review_issuance", wrapper=True)
        def outer(self):
            yield
            return [Verdict(allow=True)]

    assert await hold(lenient=Wrapping()).verdict() == ""


async def test_a_plugin_may_have_several_functions_and_take_no_argument(hold):
    """One deny among them is a deny; a function that needs nothing is given nothing."""

    class Several:
        @hookimpl(specname="ca_review_issuance")
        def calendar(self):
            return Verdict(allow=True)

        @hookimpl(specname="ca_review_issuance")
        def names(self, review):
            return Verdict(allow=review.dns_names != ("web.internal",), reason="that name is ours")

    class Alone:
        @hookimpl
        def ca_review_issuance(self):
            return Verdict(allow=False, reason="closed")

    assert "that name is ours" in await hold(several=Several()).verdict()
    assert "closed" in await hold(alone=Alone()).verdict()


async def test_failures_may_be_allowed_and_denials_stay(hold):
    """``on_error = "allow"`` forgives faults, and hides no deny."""
    held = hold(ALLOW, bad=raising(ValueError()), no=denying())
    assert "'no' denied" in await held.verdict()
    forgiving = hold(ALLOW, bad=raising(ValueError()))
    assert await forgiving.verdict() == ""
    assert forgiving.counted == {"failed bad": 1}


async def test_the_same_fault_is_logged_once_and_counted_always(hold, caplog):
    """Leaves come by the thousand."""
    held = hold(bad=raising(ValueError()))
    for _ in range(5):
        await held.verdict()
    assert held.counted["failed bad"] == 5
    assert caplog.text.count("ca_review_issuance() raised") == 1


async def test_three_answers_over_the_budget_in_a_row_switch_a_plugin_off(hold, caplog):
    """Its verdict is then a deny, it is asked no more, and everybody can see why."""
    clock = FakeClock()
    slow = taking(clock, SLOW)
    held = hold(clock=clock, slow=slow)
    for _ in range(STRIKES):
        assert await held.verdict() == ""
    assert "'slow' denied this leaf: it is switched off" in await held.verdict()
    assert len(slow.seen) == STRIKES
    assert held.counted == {"late slow": STRIKES, "denied slow": 1}
    assert "over its budget of 50 ms 3 times in a row" in caplog.text
    assert "'slow' is switched off" in held.reviews.why_not_ready()
    assert held.reviews.states()[0].why_off
    assert held.heard() == ["plugin.switched_off", "leaf.denied"]


async def test_a_switched_off_plugin_is_passed_over_if_failures_are_allowed(hold):
    """The others are still asked, and still deny."""
    clock = FakeClock()
    held = hold(ALLOW, clock=clock, slow=taking(clock, SLOW))
    for _ in range(STRIKES + 1):
        assert await held.verdict() == ""
    assert held.reviews.why_not_ready() == ""
    assert held.reviews.states()[0].why_off
    held = hold(ALLOW, clock=clock, slow=taking(clock, SLOW), no=denying())
    for _ in range(STRIKES + 1):
        assert "'no' denied" in await held.verdict()


async def test_a_timely_answer_wipes_the_strikes_away(hold):
    """A pause of the machine now and then switches nothing off."""
    clock, spans = FakeClock(), [SLOW, SLOW, timedelta()] * 4
    plugin = Reviewing(lambda review: clock.advance(spans[len(plugin.seen) - 1]))
    held = hold(clock=clock, moody=plugin)
    for _ in spans:
        assert await held.verdict() == ""
    assert held.counted == {"late moody": 8}


async def test_a_late_verdict_counts(hold):
    """Over the budget is a strike, not an excuse."""
    clock = FakeClock()
    held = hold(ALLOW, clock=clock, slow=taking(clock, SLOW, Verdict(False, "late but no")))
    assert "late but no" in await held.verdict()


@pytest.mark.parametrize(
    ("pauses", "back_after"),
    [
        ({2: STALL * 1.1}, 2),
        ({2: QUICK * 2, 3: QUICK * 2, 4: QUICK * 2}, 4),
        ({2: QUICK * 2, 3: QUICK * 2, 5: QUICK * 2}, None),
        ({}, None),
    ],
    ids=["it stalls the loop", "it hesitates", "the machine is busy", "it is quick"],
)
async def test_a_plugin_is_asked_on_the_loop_only_while_it_is_quick(hold, pauses, back_after):
    """First on a thread; later, too, if it was slow on the loop, and then for much longer."""
    clock, here = FakeClock(), []

    def say(_review):
        here.append(threading.current_thread() is threading.main_thread())
        clock.advance(timedelta(seconds=pauses.get(len(here) - QUICK_RUN, 0)))

    held = hold(ReviewPolicy(budget=timedelta(seconds=1)), clock=clock, plugin=Reviewing(say))
    count = QUICK_RUN * QUICK_RUN + 20
    for _ in range(count):
        await held.verdict()
    on_loop = [number + 1 - QUICK_RUN for number, loop in enumerate(here) if loop]
    after = (
        [] if back_after is None else range(back_after + QUICK_RUN**2 + 1, count - QUICK_RUN + 1)
    )
    assert on_loop == [*range(1, (back_after or count - QUICK_RUN) + 1), *after]


async def test_a_plugin_that_hangs_is_given_up_and_the_loop_goes_on(hold):
    """The caller is denied, the plugins after it are asked, and after three it is switched off."""
    release = threading.Event()
    hanging, after = Reviewing(lambda review: release.wait(20) and None), Reviewing()
    policy = ReviewPolicy(budget=timedelta(milliseconds=1), patience=0.02)
    held = hold(policy, hang=hanging, after=after)
    turns = 0

    async def turn():
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    other = asyncio.ensure_future(turn())
    try:
        for _ in range(STRIKES):
            assert "'hang' denied this leaf: it failed" in await held.verdict()
        assert "switched off" in await held.verdict()
    finally:
        other.cancel()
        release.set()
    held.reviews.close()
    for thread in threading.enumerate():
        if thread.name == "ca-review":
            thread.join(20)
    assert turns > STRIKES
    assert len(after.seen) == STRIKES + 1
    assert held.counted["failed hang"] == STRIKES


async def test_callers_that_wait_behind_a_plugin_that_hangs_are_answered(hold):
    """More callers than threads: who waits for one of them is not forgotten, and hangs no more."""
    release = threading.Event()
    hanging = Reviewing(lambda review: release.wait(20) and None)
    policy = ReviewPolicy(budget=timedelta(milliseconds=1), patience=0.05)
    held = hold(policy, hang=hanging)
    try:
        async with asyncio.timeout(30):
            verdicts = await asyncio.gather(*(held.verdict() for _ in range(4 * MOST_THREADS)))
    finally:
        release.set()
    assert all("'hang' denied this leaf" in verdict for verdict in verdicts)
    assert len(hanging.seen) <= 2 * MOST_THREADS


async def test_callers_that_leave_do_not_hide_a_plugin_that_hangs(hold):
    """Its strikes are counted although nobody waits any more."""
    release = threading.Event()
    policy = ReviewPolicy(budget=timedelta(milliseconds=1), patience=0.02)
    held = hold(policy, hang=Reviewing(lambda review: release.wait(20) and None))
    try:
        for _ in range(STRIKES):
            task = asyncio.ensure_future(held.verdict())
            await asyncio.sleep(0)
            task.cancel()
        async with asyncio.timeout(30):
            while not held.reviews.why_not_ready():
                await asyncio.sleep(0.005)
    finally:
        release.set()


async def test_many_reviews_at_once_share_a_few_threads(hold):
    """A hundred callers do not make a hundred threads, and all are answered."""
    names = set()

    def say(_review):
        names.add(threading.get_ident())

    policy = ReviewPolicy(budget=timedelta(seconds=1))
    held = hold(policy, slow=Reviewing(say))
    assert set(await asyncio.gather(*(held.verdict() for _ in range(100)))) == {""}
    assert len(names) <= 8


@given(st.text(max_size=1000))
def test_a_reason_is_one_bounded_line(reason):
    """Whatever a third party writes, callers see one printable line."""
    line = shown(reason)
    assert 0 < len(line) <= MOST_REASON
    assert line.isprintable()


def test_a_reason_shows_no_secret():
    """A token in it is hidden before anybody sees it."""
    assert "hvs." not in shown("backend said: token=hvs.CAESIJ1234567890123456789012")
