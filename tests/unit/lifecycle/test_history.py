"""Operations that are over: the last ones stay, and vain tries do not crowd them out."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ca_core.lifecycle.history import KEPT_OPERATIONS, KEPT_TRIES, is_vain, kept
from ca_core.lifecycle.rows import (
    POLICY,
    Ends,
    Kind,
    OperationPhase,
    OperationRow,
    PhaseChange,
    Wishes,
)

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
ENDS = Ends(authority="ca", signer="s", configuration="c")

kinds = st.tuples(st.sampled_from([POLICY, "operator"]), st.sampled_from(OperationPhase))


@dataclass
class Made:
    """Operations, each a second after the one before."""

    rows: list = field(default_factory=list)

    def add(self, actor, phase):
        """Add one."""
        at = BEGIN + timedelta(seconds=len(self.rows))
        row = OperationRow(
            id=f"op-{len(self.rows)}",
            kind=Kind.RENEW,
            phase=phase,
            actor=actor,
            old=ENDS,
            new=ENDS,
            wishes=Wishes(),
            history=(PhaseChange(phase=phase, at=at),),
        )
        self.rows.append(row)
        return row


def test_a_change_that_may_be_rolled_back_outlives_days_of_vain_tries():
    """What fails every hour keeps its last few rows, and nothing else gives way to it."""
    made = Made()
    swap = made.add("operator", OperationPhase.ACTIVE)
    for _ in range(100):
        made.add(POLICY, OperationPhase.FAILED)
    stay = kept(tuple(made.rows))
    assert stay == (swap, *made.rows[-KEPT_TRIES:])


@given(st.lists(kinds, max_size=80))
def test_what_stays_is_bounded_and_holds_the_newest(operations):
    """Order is kept, open ones always stay, and keeping twice changes nothing."""
    made = Made()
    for actor, phase in operations:
        made.add(actor, phase)
    rows = tuple(made.rows)
    stay = kept(rows)
    over = [row for row in stay if not row.is_open]
    assert len(over) <= KEPT_OPERATIONS
    assert sum(is_vain(row) for row in stay) <= KEPT_TRIES
    assert [row for row in rows if row in stay] == list(stay)
    assert all(row in stay for row in rows if row.is_open)
    assert kept(stay) == stay
    assert stay[-1:] == rows[-1:]
