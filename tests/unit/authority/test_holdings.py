"""Who holds what: the same as reading the whole ledger, whenever it is asked."""

from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ca_core.authority.holdings import Holdings
from ca_core.authority.record import LEDGER, REHEARSAL, IssuanceRow
from ca_core.state.memory import MemoryEngine
from ca_core.state.store import Store
from ca_core.testing.clock import FakeClock

BEGIN = FakeClock().now()
MINUTES = timedelta(minutes=1)


@st.composite
def histories(draw):
    """Return leaves in the order of their issue, all with one life, and moments to ask at."""
    times = sorted(draw(st.lists(st.integers(0, 60), max_size=25)))
    return [
        IssuanceRow(
            serial=str(number),
            identity=draw(st.sampled_from("ab")),
            principal=draw(st.sampled_from(["n1", "n2", REHEARSAL])),
            authority="ca",
            signer=draw(st.sampled_from(["one", "two", "three"])),
            at=BEGIN + time * MINUTES,
            not_after=BEGIN + (time + 20) * MINUTES,
        )
        for number, time in enumerate(times)
    ]


def by_reading_all(rows, signer, since, now):
    """Return what is outstanding, slowly."""
    given_another = {
        (row.identity, row.principal) for row in rows if row.signer != signer and row.at >= since
    }
    return sum(
        row.signer == signer
        and row.not_after > now
        and row.principal != REHEARSAL
        and (row.identity, row.principal) not in given_another
        for row in rows
    )


@settings(max_examples=30, deadline=None)  # every question waits for the ledger
@given(histories(), st.lists(st.integers(0, 60), min_size=1, max_size=4), st.integers(0, 60))
def test_it_counts_as_reading_the_whole_ledger_does(rows, moments, since):
    """However often it was asked before, and whatever it has forgotten meanwhile.

    A holder is never given a shorter life than it had: what it got last ends last.
    """
    with Store(MemoryEngine()) as store:
        holdings, told = Holdings(store), 0
        for moment in sorted(moments):
            now = BEGIN + moment * MINUTES
            known = [row for row in rows if row.at <= now]
            for row in known[told:]:
                store.append(LEDGER, msgspec.json.encode(row))
            told = len(known)
            for signer in ("one", "two", "nobody"):
                last = max((row.at for row in rows if row.signer == signer), default=BEGIN)
                begins = max(last, BEGIN + since * MINUTES)  # it was replaced, and signed no more
                expected = by_reading_all(known, signer, begins, now)
                assert holdings.outstanding(signer, begins, now) == expected
                alive = by_reading_all(known, signer, now + MINUTES, now)  # nobody has another yet
                assert holdings.alive(signer, now) == alive


def test_what_has_ended_is_forgotten():
    """Memory is bounded by what is alive, not by what was ever issued."""
    with Store(MemoryEngine()) as store:
        holdings = Holdings(store)
        for number in range(200):
            now = BEGIN + number * 10 * MINUTES
            row = IssuanceRow(
                serial="1",
                identity=f"web-{number}",
                principal="n1",
                authority="ca",
                signer=f"signer-{number // 10}",
                at=now,
                not_after=now + 20 * MINUTES,
            )
            store.append(LEDGER, msgspec.json.encode(row))
            assert holdings.alive(row.signer, now) <= 2
        assert sum(len(holders) for holders in holdings._of.values()) <= 3
