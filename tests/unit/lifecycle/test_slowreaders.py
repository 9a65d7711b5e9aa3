"""What agents say about the programs that hold them back: bounded, and forgotten in time."""

from datetime import timedelta

from ca_core.lifecycle.reachability import LEASE
from ca_core.lifecycle.slowreaders import (
    LONGEST_NAME,
    LONGEST_WAIT,
    MOST_BEHIND,
    MOST_NAMED,
    Behind,
    SlowReaders,
    bounded,
)
from ca_core.wire.operations import Acknowledgement, SlowReader
from ca_core.wire.times import wire_time
from tests.unit.lifecycle.tables import NOW


def said(*readers, behind=None):
    """Return an acknowledgement that names these readers, each with its seconds."""
    named = tuple(SlowReader(name=name, seconds=seconds) for name, seconds in readers)
    count = len(named) if behind is None else behind
    return Acknowledgement(digest="", anchors=(), readers_behind=count, readers=named)


def test_a_reader_is_shown_with_the_moment_until_which_it_is_waited_for():
    """Seconds on the wire need no clock that both share."""
    behind = bounded(said(("pid 123", 90.0), behind=7), NOW)
    (reader,) = behind.readers
    assert (behind.count, reader.name) == (7, "pid 123")
    assert reader.until == wire_time(NOW + timedelta(seconds=90))


def test_what_is_told_is_bounded_and_printable():
    """An agent that is not ours can neither fill the memory nor steer a terminal."""
    wild = said(*[("\x1b[2J\u202e" + "x" * 999, 1e300)] * 99, behind=10**12)
    behind = bounded(wild, NOW)
    assert (behind.count, len(behind.readers)) == (MOST_BEHIND, MOST_NAMED)
    reader = behind.readers[0]
    assert reader.name == "?[2J?" + "x" * (LONGEST_NAME - 5)
    assert reader.until == wire_time(NOW + timedelta(seconds=LONGEST_WAIT))
    assert bounded(said(("a", -5.0), behind=-3), NOW).readers[0].until == wire_time(NOW)


def test_what_was_told_ends_with_the_lease():
    """An agent that is silent says nothing about its readers either."""
    kept = SlowReaders()
    kept.told("n1", said(("pid 1", 120.0)), NOW)
    assert kept.of("n1", NOW + LEASE).count == 1
    assert kept.of("n1", NOW + LEASE + timedelta(seconds=1)) == Behind()
    assert kept.of("n2", NOW) == Behind()


def test_an_agent_whose_readers_came_back_holds_nothing_of_the_memory():
    """Nor does one that fell silent, once another one speaks."""
    kept = SlowReaders()
    kept.told("n1", said(("pid 1", 120.0)), NOW)
    kept.told("n2", said(("pid 2", 120.0)), NOW)
    kept.told("n1", said(), NOW)
    assert len(kept) == 1
    kept.told("n3", said(("pid 3", 1.0)), NOW + 2 * LEASE)
    assert len(kept) == 1
    assert kept.of("n3", NOW + 2 * LEASE).count == 1
