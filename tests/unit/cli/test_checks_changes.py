"""Tests of what `doctor` finds about changes of who signs."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from ca_core.cli.checks_changes import (
    agents_level,
    leftovers_level,
    operation_level,
    overdue_level,
)
from ca_core.cli.checkup import Level
from ca_core.wire.operations import OperationAnswer

BEGAN = datetime(2026, 11, 23, 1, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LATER = "2026-11-23T09:00:00Z"
MISSING = {
    "Node": "web-1", "SpiffeID": "spiffe://x.consul/agent/web-1", "Reachable": True,
    "Until": "2066-01-01T00:00:00Z",
}  # fmt: skip
LEFT = {"Key": "ca-0", "Since": "2026-11-23T01:00:00Z", "Error": "no route to host"}


@pytest.fixture
def row(operation):
    """Return a maker of decoded operations that began at one o'clock."""
    return lambda **changes: msgspec.convert(operation(**changes), OperationAnswer)


class TestOperation:
    def test_no_change_is_well(self, row):
        """Nor is one that is over."""
        assert operation_level((), BEGAN)[0] is Level.OK
        assert operation_level((row(),), BEGAN)[0] is Level.OK

    def test_a_change_on_its_way_is_well(self, row):
        """Waiting for agents is what it is for."""
        waiting = row(Phase="distributed", WaitsFor="web-1 did not …", Deadline=LATER)
        level, text, hint = operation_level((waiting,), BEGAN + 29 * MINUTE)
        assert (level, "web-1 did not" in text, hint) == (Level.OK, True, "")

    def test_a_change_that_waits_long_is_a_warning(self, row):
        """Somebody forgot it; both ways to go on are told."""
        waiting = row(Phase="distributed", WaitsFor="web-1 did not …", Deadline=LATER)
        level, text, hint = operation_level((waiting,), BEGAN + 31 * MINUTE)
        assert (level, "for 30 min" in text) == (Level.WARNING, True)
        assert "ca operations op-1" in hint
        assert "ca abort op-1" in hint

    def test_a_change_whose_moment_is_to_come_waits_rightly(self, row):
        """A root that is prepared in good time lies for weeks."""
        early = row(Phase="prepared", NotBefore="2026-12-24T00:00:00Z")
        assert operation_level((early,), BEGAN + 24 * HOUR)[0] is Level.OK
        assert operation_level((early,), BEGAN + 9999 * HOUR)[0] is Level.WARNING

    def test_a_change_past_its_deadline_is_a_failure(self, row):
        """Whatever was to happen then has not."""
        late = row(Phase="distributed", Deadline="2026-11-23T02:00:00Z")
        level, text, hint = operation_level((late,), BEGAN + 2 * HOUR)
        assert (level, "passed 1 h ago" in text, bool(hint)) == (Level.FAILURE, True, True)

    def test_a_step_that_fails_is_a_warning_at_once(self, row):
        """The new provider is away while it should be activated."""
        stuck = row(Phase="distributed", StepFailed=True, WaitsFor="no route", Deadline=LATER)
        level, text, hint = operation_level((stuck,), BEGAN)
        assert (level, "no route" in text, bool(hint)) == (Level.WARNING, True, True)

    def test_a_change_that_failed_lately_is_a_warning(self, row):
        """Until another one went, or a day has passed."""
        failed = row(Phase="failed", Reason="a rule was broken")
        level, text, hint = operation_level((failed,), BEGAN + HOUR)
        assert (level, "a rule was broken" in text) == (Level.WARNING, True)
        assert "ca plan" in hint
        assert operation_level((failed,), BEGAN + 25 * HOUR)[0] is Level.OK
        step = {"Phase": "planned", "At": "2026-11-23T01:30:00Z"}
        later = row(ID="op-2", History=[step])
        assert operation_level((later, failed), BEGAN + HOUR)[0] is Level.OK


class TestAgents:
    def test_an_agent_that_cannot_be_reached_is_a_warning(self, row):
        """It is named with what to do; one that calls is only waited for."""
        silent = MISSING | {"Node": "db-1", "Reachable": False}
        waiting = {"Acknowledged": 1, "Missing": [MISSING, silent]}
        level, text, hint = agents_level((row(Phase="distributed", Progress=waiting),), BEGAN)
        assert (level, "db-1" in text, "web-1" in text) == (Level.WARNING, True, False)
        assert "ca-core agent forget" in hint

    def test_a_reader_that_holds_an_agent_back_is_named(self, row):
        """It needs nobody: the time is bounded."""
        reader = {"Name": "pid 7", "Until": "2026-11-23T01:02:00Z"}
        held = MISSING | {"ReadersBehind": 1, "Readers": [reader]}
        waiting = {"Acknowledged": 2, "Missing": [held]}
        level, text, _ = agents_level((row(Phase="distributed", Progress=waiting),), BEGAN)
        assert (level, "pid 7, at most until 01:02:00 UTC" in text) == (Level.OK, True)

    def test_nobody_missing_is_well(self, row):
        """Before anything is distributed, and after, nobody is waited for."""
        assert agents_level((row(Phase="distributed"),), BEGAN)[0] is Level.OK
        assert agents_level((row(Progress={"Missing": [MISSING]}),), BEGAN)[0] is Level.OK


class TestStatus:
    def test_what_does_not_go_away_is_a_warning(self):
        """Within the hour it is tried often enough."""
        status = {"Leftovers": [LEFT, LEFT | {"Key": "ca-1"}]}
        assert leftovers_level(status, BEGAN + HOUR)[0] is Level.OK
        level, text, hint = leftovers_level(status, BEGAN + 61 * MINUTE)
        assert (level, "no route to host" in text, "1 more" in text) == (Level.WARNING, True, True)
        assert "ca-core ca abandon ca-0" in hint

    @pytest.mark.parametrize(
        "status", [{}, {"Leftovers": []}, {"Leftovers": [LEFT | {"Error": ""}]}]
    )
    def test_what_is_being_removed_is_well(self, status):
        """A server of 0.1 tells none."""
        assert leftovers_level(status, BEGAN + 999 * HOUR)[0] is Level.OK

    def test_what_is_overdue_is_a_failure(self):
        """Leaves would end with it."""
        assert overdue_level({"Overdue": ""}, BEGAN)[0] is Level.OK
        level, text, hint = overdue_level({"Overdue": "the root ends: sealed"}, BEGAN)
        assert (level, text, bool(hint)) == (Level.FAILURE, "the root ends: sealed", True)


class TestCommand:
    def found(self, run, api):
        """Return the findings about changes, by check."""
        result = run("doctor", "--http-addr", api.url, "-o", "json")
        findings = json.loads(result.stdout)["Findings"]
        return {each["Check"]: each for each in findings if each["Group"] == "changes"}

    def test_programs_get_level_and_hint(self, run, api, operation):
        """The findings stand in the JSON as all others do."""
        api.answer("GET", "/healthz", b"ok")
        past = operation(
            Phase="distributed",
            Deadline="2026-01-01T00:00:00Z",
            Progress={"Acknowledged": 2, "Missing": [MISSING | {"Reachable": False}]},
        )
        api.answer("GET", "/v1/connect/ca/operations", [past])
        api.answer("GET", "/v1/cluster/ca/status", {"Leftovers": [], "Overdue": "", "Drift": ""})
        found = self.found(run, api)
        levels = {name: finding["Level"] for name, finding in found.items()}
        assert levels == {
            "operation": "failure", "agents": "warning", "leftovers": "ok", "overdue": "ok",
        }  # fmt: skip
        assert "ca abort op-1" in found["operation"]["Hint"]

    def test_whoever_is_not_told_has_no_finding(self, run, api):
        """The server tells operators only, and an agent knows nothing of it."""
        api.answer("GET", "/healthz", b"ok")
        api.answer("GET", "/v1/connect/ca/operations", b"Permission denied", status=403)
        assert {each["Level"] for each in self.found(run, api).values()} == {"skipped"}
