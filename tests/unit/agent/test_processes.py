"""Which readers are known to have ended."""

import os
import subprocess
import sys

import pytest

from ca_core.agent.processes import has_ended, reader_of


def test_a_process_that_was_waited_for_has_ended():
    """Nobody has its number any more."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert not has_ended(reader_of(child.pid))
    child.communicate(b"\n")
    assert has_ended(reader_of(child.pid))


@pytest.mark.parametrize(
    "reader",
    ["pid 0", "pid -1", "pid ", "pid 1", "pid x", "pid 1 2", f"pid {10**30}", "127.0.0.1:4000", ""],
)
def test_whatever_is_not_known_to_have_ended_counts_as_alive(reader):
    """Our own group, another's process, no number, a connection."""
    assert not has_ended(reader)


def test_this_process_lives():
    """Asking about it does nothing to it."""
    assert not has_ended(reader_of(os.getpid()))
