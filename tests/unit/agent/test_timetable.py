"""One heap for all records."""

from datetime import timedelta

from ca_core.agent.leafrecord import EMPTY_LIFE, LeafName, LeafRecord
from ca_core.agent.timetable import Timetable
from ca_core.testing.clock import START

MINUTE = timedelta(minutes=1)


def record(service="web", used=START):
    """Return a record that never held a leaf: due when its short life ends."""
    return LeafRecord(name=LeafName("anonymous", service), last_used=used)


def test_a_record_has_one_entry_however_often_it_is_entered():
    """Reading a leaf a million times does not make the heap grow."""
    table, one = Timetable(), record()
    assert table.enter(one)
    for _ in range(100):
        assert not table.enter(one)
    assert len(table) == 1
    assert table.next_due() == START + EMPTY_LIFE


def test_records_come_out_when_due_in_order():
    """TestExpiryHeap: nothing before its moment, everything at its moment, the earliest first."""
    table = Timetable()
    later, sooner = record("b", START + MINUTE), record("a")
    table.enter(later)
    assert table.enter(sooner)
    assert list(table.taken(START + EMPTY_LIFE - MINUTE)) == []
    assert list(table.taken(START + EMPTY_LIFE)) == [sooner]
    assert list(table.taken(START + EMPTY_LIFE + MINUTE)) == [later]
    assert table.next_due() is None


def test_an_entry_that_was_overtaken_is_skipped():
    """A record that became due sooner comes out once, at the sooner moment."""
    table, one = Timetable(), record(used=START + MINUTE)
    table.enter(one)
    one.last_used = START
    assert table.enter(one)
    assert list(table.taken(START + EMPTY_LIFE)) == [one]
    assert list(table.taken(START + EMPTY_LIFE + MINUTE)) == []


def test_a_record_used_meanwhile_comes_out_and_is_entered_anew():
    """Use moves the moment, not the entry: when that is reached the record is looked at again."""
    table, one = Timetable(), record()
    table.enter(one)
    one.last_used = START + MINUTE
    assert not table.enter(one)
    assert list(table.taken(START + EMPTY_LIFE)) == [one]
    assert table.enter(one)
    assert table.next_due() == START + EMPTY_LIFE + MINUTE
