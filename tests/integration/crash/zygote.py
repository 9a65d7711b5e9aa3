"""Forks servers that kill themselves at a boundary of their state; imports once, forks in no time.

One order a line on standard input, as JSON; on standard output ``born PID``, ``ready URL``,
``killed BOUNDARY`` and ``ended STATUS`` (negative: the signal). One server at a time.
"""

import os
import signal
import sys
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import ca_provider_builtin.primary  # noqa: F401 - loaded before the fork, as the server would
import msgspec

from ca_core.api import running
from ca_core.api.storedstate import stored_state
from ca_core.cli.serving import serve
from ca_core.clock import SystemClock
from ca_core.config import load_config


class Order(msgspec.Struct, frozen=True):
    """One server to fork.

    Attributes:
        data_dir: its data folder.
        kill_at: the boundary, from 1, at which it kills itself; 0 for never.
        armed_by: boundaries count while this file exists; empty for "from the first".
        ahead_seconds: how far its clock jumps ahead once it is armed.
    """

    data_dir: str
    kill_at: int = 0
    armed_by: str = ""
    ahead_seconds: float = 0

    @property
    def armed(self) -> bool:
        """Say whether boundaries count now."""
        return not self.armed_by or Path(self.armed_by).exists()


class Fuse:
    """Ends the process with SIGKILL at one boundary, between two effects on the disk."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._passed = 0

    def __call__(self, boundary: str) -> None:
        if not self._order.armed:
            return
        self._passed += 1
        if self._passed == self._order.kill_at:
            tell("killed", boundary)
            os.kill(os.getpid(), signal.SIGKILL)


class JumpingClock(SystemClock):
    """The system's clock, which jumps ahead when the order is armed."""

    def __init__(self, order: Order) -> None:
        self._order = order

    def now(self) -> datetime:
        """Return the time, in the future once armed."""
        ahead = self._order.ahead_seconds if self._order.armed else 0
        return super().now() + timedelta(seconds=ahead)


def tell(*words: object) -> None:
    """Write one line, at once and whole."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def be_server(order: Order) -> None:
    """Run what ``ca-core server`` runs; the state tells its boundaries to the fuse."""
    running.stored_state = partial(stored_state, on_boundary=Fuse(order))
    running.SystemClock = partial(JumpingClock, order)
    flags = {"server.data_dir": Path(order.data_dir), "server.listen": ["127.0.0.1:0"]}
    config = load_config(None, flags=flags)
    serve(running.run_server(config, announce=lambda started: tell("ready", started.url)))


def forked(order: Order) -> None:
    """Run one server and tell how it went."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            be_server(order)
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    tell("born", pid)
    _, status = os.waitpid(pid, 0)
    tell("ended", os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    for line in sys.stdin:
        forked(msgspec.json.decode(line, type=Order))
