"""Who must know a new anchor, who does, and what follows from it."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ca_core.lifecycle.evidence import (
    Counted,
    GiveUp,
    Go,
    Stay,
    counted,
    decided,
    digest_of,
    evidence,
)
from ca_core.lifecycle.rows import (
    ACKNOWLEDGEMENTS,
    AGENTS,
    AcknowledgementRow,
    AgentRecord,
    OnDeadline,
    OperationPhase,
    Wishes,
)
from tests.unit.lifecycle.tables import HOUR, NOW, Table, operation_row

NEW = "f" * 64
anchors = st.sets(st.sampled_from([letter * 64 for letter in "abcdef"]), max_size=4)
spans = st.timedeltas(timedelta(), 3 * HOUR)


@st.composite
def somebody(draw, node="node"):
    """Draw an agent that counts."""
    holds = draw(st.none() | anchors.map(frozenset))
    return Counted(
        node=node,
        spiffe_id=f"spiffe://mesh/{node}",
        until=NOW + draw(spans),
        holds=holds,
        is_reachable=draw(st.booleans()),
    )


everybody = st.lists(somebody(), max_size=4).map(tuple)
wishes = st.builds(
    Wishes,
    settle=spans,
    patience=spans,
    on_deadline=st.sampled_from(OnDeadline),
    force=st.booleans(),
    not_before=st.none() | spans.map(NOW.__add__),
)


def distributed(asked, *, crossed=False):
    """Return an operation whose anchor was distributed now."""
    row = operation_row(phase=OperationPhase.DISTRIBUTED)
    return msgspec.structs.replace(row, wishes=asked, crossed=crossed)


@given(wishes, st.booleans(), everybody, spans)
def test_nobody_who_counts_is_left_behind_unless_it_was_asked_for(asked, crossed, people, span):
    """Without force, and without `proceed` beside a cross-certificate, all have acknowledged."""
    found = evidence(people, NEW)
    verdict = decided(distributed(asked, crossed=crossed), found, NOW + span)
    proceeds = asked.on_deadline is OnDeadline.PROCEED and crossed and span >= asked.patience
    if isinstance(verdict, Go) and not (asked.force or proceeds):
        assert verdict.left_behind == ()
        assert all(one.holds is not None and NEW in one.holds for one in people)


@given(wishes, st.booleans(), everybody, spans, spans)
def test_a_verdict_to_go_stands_while_nobody_comes(asked, crossed, people, one, other):
    """Time alone never takes it back."""
    row, found = distributed(asked, crossed=crossed), evidence(people, NEW)
    first, second = sorted((one, other))
    if isinstance(decided(row, found, NOW + first), Go):
        assert isinstance(decided(row, found, NOW + second), Go)


@given(wishes, st.booleans(), everybody, spans)
def test_an_acknowledgement_never_holds_anything_up(asked, crossed, people, span):
    """Whoever knows the new anchor stands in nobody's way."""
    row, now = distributed(asked, crossed=crossed), NOW + span
    knowing = tuple(knowing_only(one, frozenset({NEW})) for one in people)
    before, after = (
        decided(row, evidence(people, NEW), now),
        decided(row, evidence(knowing, NEW), now),
    )
    if isinstance(before, Go):
        assert isinstance(after, Go)
    assert not isinstance(after, GiveUp)


def knowing_only(one, holds):
    """Return somebody with another bundle."""
    return Counted(
        node=one.node,
        spiffe_id=one.spiffe_id,
        until=one.until,
        holds=holds,
        is_reachable=one.is_reachable,
    )


@given(wishes, everybody, spans)
def test_whoever_waits_is_told_why_and_until_when(asked, people, span):
    """A moment that is named lies ahead, and then the verdict is another one."""
    row, now = distributed(asked), NOW + span
    verdict = decided(row, evidence(people, NEW), now)
    if isinstance(verdict, Stay):
        assert verdict.reason
        assume(verdict.until is not None)
        assert verdict.until > now
        assert decided(row, evidence(people, NEW), verdict.until) != verdict


@pytest.mark.parametrize(
    ("on_deadline", "crossed", "verdict"),
    [
        (OnDeadline.WAIT, True, Stay),
        (OnDeadline.ABORT, True, GiveUp),
        (OnDeadline.PROCEED, True, Go),
        (OnDeadline.PROCEED, False, Stay),
    ],
)
def test_the_deadline_counts_as_the_operation_says(on_deadline, crossed, verdict):
    """One agent has not acknowledged."""
    behind = Counted(node="n", spiffe_id="s", until=NOW, holds=None, is_reachable=False)
    asked = Wishes(on_deadline=on_deadline)
    row = distributed(asked, crossed=crossed)
    found = evidence((behind,), NEW)
    assert isinstance(decided(row, found, NOW + asked.patience - timedelta(seconds=1)), Stay)
    assert isinstance(decided(row, found, NOW + asked.patience), verdict)
    assert found.unreachable == (behind,)


def test_many_who_are_missing_are_named_in_few_words():
    """Five by name, the others by number."""
    people = tuple(
        Counted(node=f"n{number}", spiffe_id="", until=NOW, holds=None, is_reachable=True)
        for number in range(8)
    )
    verdict = decided(distributed(Wishes()), evidence(people, NEW), NOW)
    assert verdict.reason == "n0, n1, n2, n3, n4 and 3 more did not acknowledge the new root"


def test_readers_that_cannot_acknowledge_are_given_time():
    """Unless a cross-certificate, or force, spares them; an expired root spares nobody's time."""
    nobody = evidence((), NEW)
    settle = Wishes().settle
    assert isinstance(decided(distributed(Wishes()), nobody, NOW), Stay)
    assert isinstance(decided(distributed(Wishes()), nobody, NOW + settle), Go)
    assert isinstance(decided(distributed(Wishes(), crossed=True), nobody, NOW), Go)
    assert isinstance(decided(distributed(Wishes(force=True)), nobody, NOW), Go)
    assert isinstance(decided(distributed(Wishes()), evidence((), NEW, expired=True), NOW), Go)


def record(node, until, services=None):
    """Return an agent's record."""
    return AgentRecord(
        node=node,
        spiffe_id=f"spiffe://mesh/{node}",
        keys=(),
        joined=NOW,
        leaf_not_after=until,
        leaves_until=services,
    )


def test_an_agent_counts_while_anything_that_it_holds_is_alive_or_while_it_calls():
    """Losing the lease is no reason not to count; having nothing left to present is."""
    table = Table()
    for row in (
        record("alive", NOW + HOUR),
        record("ended", NOW),
        record("ended-but-calls", NOW - HOUR),
        record("serves-others", NOW - HOUR, services=NOW + HOUR),
    ):
        table.write(AGENTS, row.node, row)
    found = counted(table.view, {"ended-but-calls", "stranger"}, NOW)
    assert [one.node for one in found] == ["alive", "ended-but-calls", "serves-others"]
    table.store.close()


def test_what_was_acknowledged_to_another_epoch_counts_for_nothing():
    """The store was restored: nobody knows what was said after the backup."""
    table = Table()
    table.write(AGENTS, "n", record("n", NOW + HOUR))
    for epoch, holds in ((table.view.epoch, frozenset({NEW})), ("another", None)):
        row = AcknowledgementRow(digest=digest_of([NEW]), anchors=(NEW,), epoch=epoch, at=NOW)
        table.write(ACKNOWLEDGEMENTS, "n", row)
        assert [one.holds for one in counted(table.view, (), NOW)] == [holds]
    table.store.close()


@given(st.lists(st.sampled_from([letter * 64 for letter in "abcdef"]), max_size=6))
def test_a_digest_is_of_the_set_of_anchors(found):
    """Neither order nor repetition counts; another anchor does."""
    assert digest_of(found) == digest_of(sorted(set(found)))
    assert digest_of([*found, "0" * 64]) != digest_of(found)
