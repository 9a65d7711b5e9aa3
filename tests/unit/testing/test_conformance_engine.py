"""The engine behind every conformance run: outcomes, excuses, time limits, levels."""

import dataclasses
import threading
from datetime import timedelta

import pytest

from ca_core.contract import Capability, ConfigError, ProviderPlugin
from ca_core.testing import FakeClock, reference_plugin
from ca_core.testing.conformance import (
    Catalogue,
    Check,
    Level,
    Need,
    Outcome,
    ProviderUnderTest,
    Violation,
    run_conformance,
    running,
)
from ca_core.testing.conformance.verdict import Inapplicable


def passing(_arena):
    """Find nothing wrong."""


def failing(_arena):
    """Find a fault."""
    raise Violation("the leaf is green")


def leaking(_arena):
    """Raise what may hold a secret."""
    raise KeyError("hunter2")


def check(body=passing, check_id="leaf.colour", level=Level.L1, **rest):
    """Return a check."""
    return Check(
        id=check_id,
        level=level,
        rule="A leaf is not green.",
        why="A green leaf took down a fleet.",
        sources=("RFC 0000",),
        fix="Paint it.",
        body=body,
        **rest,
    )


def subject(**rest):
    """Return the reference provider under test."""
    arguments = {"provider": reference_plugin(), "make_config": lambda _address: {}}
    return ProviderUnderTest(**(arguments | {"clock": FakeClock()} | rest))


def only_result(one_check, one_subject=None):
    """Return what became of one check."""
    report = run_conformance(one_subject or subject(), checks=[one_check])
    return report.results[0]


def test_a_check_that_returns_has_passed():
    """Nothing is said about it."""
    result = only_result(check())
    assert (result.outcome, result.detail) == (Outcome.PASSED, "")


def test_a_violation_fails_with_what_was_seen():
    """The exception is kept for a debugger."""
    result = only_result(check(failing))
    assert (result.outcome, result.detail) == (Outcome.FAILED, "the leaf is green")
    assert isinstance(result.error, Violation)


def test_a_foreign_exception_fails_without_its_text():
    """Its text may hold a secret; its type and its place are what an author needs."""
    result = only_result(check(leaking))
    assert result.outcome is Outcome.FAILED
    assert "KeyError at test_conformance_engine.py:" in result.detail
    assert "hunter2" not in result.detail


def test_a_provider_that_ends_the_process_only_fails_its_check():
    """SystemExit in one check leaves the others to be run."""

    def leaving(_arena):
        raise SystemExit(3)

    report = run_conformance(subject(), checks=[check(leaving), check(check_id="leaf.shape")])
    assert [result.outcome for result in report.results] == [Outcome.FAILED, Outcome.PASSED]


def test_a_check_that_hangs_fails_in_time(monkeypatch):
    """The others are run all the same."""
    monkeypatch.setattr(running, "CHECK_LIMIT", timedelta(seconds=0.05))
    release = threading.Event()
    hanging = check(lambda _arena: release.wait(20) and None)
    report = run_conformance(subject(), checks=[hanging, check(check_id="leaf.shape")])
    release.set()
    assert [result.outcome for result in report.results] == [Outcome.FAILED, Outcome.PASSED]
    assert "not done after" in report.results[0].detail


@pytest.mark.parametrize("need", Need)
def test_what_was_not_supplied_is_named(need):
    """A check that needs it is not run, and not passed."""
    result = only_result(check(failing, needs=frozenset({need})), subject(clock=None))
    assert (result.outcome, result.detail) == (Outcome.NOT_RUN, f"needs {need.value}")


def test_an_undeclared_capability_is_skipped():
    """The reference provider waits for no outside issuer unless it is told to."""
    wanted = frozenset({Capability.EXTERNAL_ISSUER})
    result = only_result(check(failing, capabilities=wanted))
    assert (result.outcome, result.detail) == (Outcome.SKIPPED, "not declared: external-issuer")


def test_a_known_deviation_neither_passes_nor_fails():
    """Its reason stands beside what was seen."""
    result = only_result(check(failing), subject(known_deviations={"leaf.colour": "bug 7"}))
    assert result.outcome is Outcome.KNOWN_DEVIATION
    assert result.detail == "the leaf is green (known: bug 7)"


def test_a_known_deviation_that_passes_fails():
    """Lists of excuses that nobody needs any more would hide the next fault."""
    result = only_result(check(), subject(known_deviations={"leaf.colour": "bug 7"}))
    assert result.outcome is Outcome.FAILED
    assert "passed, but is listed as a known deviation: bug 7" in result.detail


def test_an_excuse_for_a_check_that_does_not_exist_is_refused():
    """A misspelt id would excuse nothing, and say so never."""
    with pytest.raises(ConfigError, match=r"leaf\.color.*leaf\.colour"):
        run_conformance(subject(known_deviations={"leaf.color": "bug 7"}), checks=[check()])


def test_an_excuse_is_not_spent_on_what_was_not_run():
    """Nothing is known of a check that could not be run."""
    wanting = check(needs=frozenset({Need.RESTART}))
    result = only_result(wanting, subject(known_deviations={"leaf.colour": "bug 7"}))
    assert result.outcome is Outcome.NOT_RUN


def test_an_excuse_is_not_spent_on_what_was_skipped():
    """A check that finds itself without an object has not passed."""

    def without_object(_arena):
        raise Inapplicable("nothing to look at")

    result = only_result(check(without_object), subject(known_deviations={"leaf.colour": "bug 7"}))
    assert (result.outcome, result.detail) == (Outcome.SKIPPED, "nothing to look at")


@pytest.mark.parametrize("error", [RuntimeError("no"), SystemExit(0), KeyboardInterrupt()])
def test_checks_are_not_run_on_a_provider_that_does_not_open(error):
    """The checks of level 0 say why; not even ``sys.exit(0)`` ends the run as if all were well."""

    def cannot_open(_config, _context):
        raise error

    broken = dataclasses.replace(reference_plugin(), create=cannot_open)
    report = run_conformance(
        subject(provider=broken),
        checks=[check(check_id="load.opens", level=Level.L0), check(failing)],
    )
    assert [result.outcome for result in report.results] == [Outcome.PASSED, Outcome.NOT_RUN]


def test_a_provider_that_hangs_while_it_opens_does_not_hang_the_run(monkeypatch):
    """It counts as one that does not open."""
    monkeypatch.setattr(running, "OPEN_LIMIT", timedelta(seconds=0.05))
    release = threading.Event()
    hanging = dataclasses.replace(
        reference_plugin(), create=lambda _config, _context: release.wait(20)
    )
    result = only_result(check(failing), subject(provider=hanging))
    release.set()
    assert result.outcome is Outcome.NOT_RUN


def test_an_unknown_provider_is_refused():
    """The error names what is installed."""
    with pytest.raises(ConfigError, match="no provider 'biultin' is installed"):
        run_conformance(subject(provider="biultin"), checks=[])


def test_results_are_told_as_they_come():
    """Progress shows how many there are."""
    told = []
    checks = [check(), check(failing, check_id="leaf.shape")]
    run_conformance(
        subject(), checks=checks, on_result=lambda result, done, of: told.append((done, of))
    )
    assert told == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("bodies", "reached"),
    [
        ((passing, passing, passing), Level.L2),
        ((passing, passing, failing), Level.L1),
        ((passing, failing, passing), Level.L0),
        ((failing, passing, passing), None),
    ],
)
def test_a_level_is_reached_if_nothing_below_it_failed(bodies, reached):
    """A level includes those below it."""
    levels = (Level.L0, Level.L1, Level.L2)
    checks = [
        check(body, check_id=f"leaf.colour-{level.value}", level=level)
        for body, level in zip(bodies, levels, strict=True)
    ]
    report = run_conformance(subject(), checks=checks, level=Level.L2)
    assert report.reached is reached
    assert report.conforms is (reached is Level.L2)


def test_an_admitted_failure_does_not_give_the_level():
    """Who demands a level demands the rule, not the excuse."""
    excused = subject(known_deviations={"leaf.colour": "bug 7"})
    opening = check(check_id="load.opens", level=Level.L0)
    report = run_conformance(excused, checks=[opening, check(failing)], level=Level.L1)
    assert report.reached is Level.L0


def test_what_a_check_made_is_retired_and_closed():
    """A live backend is left as it was found."""
    retired, closed = [], []

    def making(arena):
        mesh = arena.mesh()
        kind = type(mesh.provider)
        patched = type("Watched", (kind,), {})
        patched.retire = lambda self, request: (retired.append(1), kind.retire(self, request))
        patched.close = lambda self: closed.append(1)
        mesh.provider.__class__ = patched

    assert only_result(check(making)).outcome is Outcome.PASSED
    assert (retired, closed) == ([1], [1])


def test_a_catalogue_has_one_check_of_each_id():
    """Reports and excuses go by the id."""
    catalogue = Catalogue()
    catalogue.add(check())
    with pytest.raises(ValueError, match="there already"):
        catalogue.add(check())


@pytest.mark.parametrize("part", ["rule", "why", "sources", "fix"])
def test_a_check_without_a_reason_is_refused(part):
    """Every failure tells its reader why the rule exists and what to do."""
    with pytest.raises(ValueError, match=part):
        dataclasses.replace(check(), **{part: ""})


def test_the_name_of_a_descriptor_is_its_description():
    """It is not installed, so it has no entry point's name."""
    assert subject().name.startswith("honest and in memory")
    nameless = ProviderPlugin(parse_config=dict, create=reference_plugin().create)
    assert subject(provider=nameless).name == "unnamed"
