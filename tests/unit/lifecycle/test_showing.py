"""What an operation waits for, by the evidence of now."""

from datetime import timedelta

import msgspec
import pytest

from ca_core.lifecycle.evidence import Counted, evidence
from ca_core.lifecycle.rows import OnDeadline, OperationPhase, Wishes
from ca_core.lifecycle.showing import step_failed, waits_for
from tests.unit.lifecycle.tables import HOUR, NOW, operation_row

ANCHOR = "f" * 64
STALE = "n1 did not acknowledge the new root"


def evidence_of(*, missing=(), present=("n2",)):
    """Return evidence about these nodes."""
    return evidence(
        tuple(
            Counted(
                node=node,
                spiffe_id=f"spiffe://mesh/{node}",
                until=NOW + HOUR,
                holds=frozenset({ANCHOR}) if node in present else None,
                is_reachable=True,
            )
            for node in (*missing, *present)
        ),
        ANCHOR,
    )


def distributed(*, settle=timedelta(), **changes):
    """Return a distributed operation."""
    row = operation_row(phase=OperationPhase.DISTRIBUTED)
    wishes = Wishes(settle=settle, not_before=changes.pop("not_before", None))
    return msgspec.structs.replace(row, wishes=wishes, **changes)


def test_what_was_noted_about_missing_agents_ends_with_their_acknowledgement():
    """Nobody reads "1 of 1 acknowledged" beside "n1 did not acknowledge"."""
    row = distributed(error=STALE, blames=True)
    assert waits_for(row, evidence_of(missing=("n1",)), NOW) == STALE
    assert waits_for(row, evidence_of(present=("n1",)), NOW) == ""


def test_who_is_missing_now_is_named_whatever_was_noted_before():
    """One came, another one went."""
    row = distributed(error=STALE, blames=True)
    said = waits_for(row, evidence_of(missing=("n3",), present=("n1",)), NOW)
    assert said == "n3 did not acknowledge the new root"
    passed = msgspec.structs.replace(row, wishes=Wishes(on_deadline=OnDeadline.ABORT))
    late = waits_for(passed, evidence_of(missing=("n3",)), NOW + 2 * HOUR)
    assert late == "n3 did not acknowledge the new root before the deadline"


def test_a_step_that_failed_is_told_once_everybody_has_acknowledged():
    """The rehearsal fails, and is tried again."""
    row = distributed(error="no route to host")
    assert waits_for(row, evidence_of(), NOW) == "no route to host"
    assert waits_for(row, evidence_of(missing=("n1",)), NOW) == STALE


def test_readers_that_settle_and_a_moment_to_come_are_told():
    """Each says what nobody can hasten."""
    settling = distributed(settle=HOUR)
    assert "given time to settle" in waits_for(settling, evidence_of(), NOW)
    assert waits_for(settling, evidence_of(), NOW + HOUR) == ""
    later = distributed(not_before=NOW + HOUR)
    assert waits_for(later, evidence_of(), NOW).startswith("it becomes active at 2030-")


@pytest.mark.parametrize("phase", [OperationPhase.ACTIVE, OperationPhase.ABORTED])
def test_an_operation_that_is_over_waits_for_nothing(phase):
    """Whatever was noted last."""
    row = operation_row(phase=phase)
    assert waits_for(msgspec.structs.replace(row, error=STALE), evidence_of(), NOW) == ""


def test_before_it_is_distributed_the_failed_step_is_told():
    """Nobody is asked to acknowledge yet."""
    row = msgspec.structs.replace(operation_row(), error="sealed")
    assert waits_for(row, evidence_of(missing=("n1",)), NOW) == "sealed"


def test_only_what_failed_is_a_failed_step():
    """Missing agents are what a change waits for, and no failure."""
    row = msgspec.structs.replace(operation_row(), error="sealed")
    assert step_failed(row, "sealed")
    assert not step_failed(row, "n1 did not acknowledge the new root")
    assert not step_failed(msgspec.structs.replace(row, blames=True), "sealed")
    assert not step_failed(operation_row(), "")
