"""Calls that are expected to fail: sorted into answers, errors of the contract, and violations."""

import threading
from datetime import timedelta

import pytest

from ca_core.contract import RequestError, UnavailableError
from ca_core.testing import Moment, Violation
from ca_core.testing.conformance.disturbing import each_moment
from ca_core.testing.conformance.trying import Running, at_once, attempt

SHORT = timedelta(milliseconds=20)


def raising(error):
    """Return a call that raises ``error``."""

    def call():
        raise error

    return call


def test_an_answer_and_an_error_of_the_contract_are_told_apart():
    """Both are outcomes of an attempt; neither is a violation yet."""
    answered = attempt(lambda: 7, "x()")
    failed = attempt(raising(RequestError("no", field="id")), "x()")
    assert (answered.answer, answered.error, str(answered)) == (7, None, "an answer")
    assert failed.is_one_of(RequestError)
    assert not failed.is_one_of(UnavailableError)
    assert str(failed) == "RequestError (id: no)"


def test_what_is_outside_the_tree_is_a_violation():
    """Its text stays out, since it may hold a secret; its kind is named."""
    with pytest.raises(Violation, match=r"x\(\) raised KeyError") as raised:
        attempt(raising(KeyError("s3cret")), "x()")
    assert "s3cret" not in str(raised.value)


def test_a_violation_inside_stays_what_it_is():
    """It says more than that something escaped."""
    with pytest.raises(Violation, match="seen"):
        attempt(raising(Violation("seen")), "x()")


def test_calls_at_once_meet_before_any_begins():
    """Each waits for the others, and the outcomes come in order."""
    met = threading.Barrier(3)

    def meeting(number):
        met.wait(5)
        return number

    found = at_once([lambda n=n: meeting(n) for n in range(3)], "x()")
    assert [one.answer for one in found] == [0, 1, 2]


def test_something_foreign_in_another_thread_is_a_violation_here():
    """It is raised where the outcome is asked for."""
    with pytest.raises(Violation, match="ValueError"):
        at_once([raising(ValueError("x")), lambda: 1], "x()")


def test_a_call_that_hangs_is_a_violation():
    """Nobody waits for it for ever."""
    ended = threading.Event()
    running = Running(lambda: ended.wait(5), "x()")
    assert not running.is_done_within(SHORT)
    with pytest.raises(Violation, match="not done after"):
        running.result(SHORT)
    ended.set()
    assert running.result().answer is True


def test_every_moment_is_tried_until_one_does_not_come():
    """Before and after each use, in their order."""
    seen = []

    def tried(moment):
        seen.append(str(moment))
        return moment.number <= 2

    each_moment(tried)
    each_moment(lambda moment: seen.append(moment) or False, first_after=True)
    assert seen == [
        "before write 1",
        "after write 1",
        "before write 2",
        "after write 2",
        "before write 3",
        Moment(1, after=True),
    ]
