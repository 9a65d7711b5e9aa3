"""What systemd hears, and that nobody misses it."""

import asyncio
import socket
from datetime import timedelta

import pytest

from ca_core.api.notify import notifier
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import passed, settle


class Manager:
    """The other end of ``NOTIFY_SOCKET``."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self.socket.setblocking(False)

    def heard(self):
        """Return every message so far, as lists of lines."""
        messages = []
        while True:
            try:
                messages.append(self.socket.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return messages


@pytest.fixture(params=["path", "abstract"])
def address(request, tmp_path):
    """Return an address of each kind."""
    return str(tmp_path / "notify") if request.param == "path" else f"@ca-core test {tmp_path}"


@pytest.fixture
def manager(address):
    """Return who listens there."""
    listening = Manager(address)
    yield listening
    listening.socket.close()


def test_it_hears_ready_reloading_and_stopping(manager, address):
    """A reload names the monotonic time, and ready ends it; a status is one line."""
    clock = FakeClock()
    told = notifier({"NOTIFY_SOCKET": address}, clock)
    told.ready("answers at\nREADY=0")
    clock.advance(timedelta(seconds=2))
    told.reloading()
    told.ready()
    told.stopping()
    assert manager.heard() == [
        ["READY=1", "STATUS=answers at READY=0"],
        ["RELOADING=1", "MONOTONIC_USEC=2000000"],
        ["READY=1", "STATUS=answers at READY=0"],
        ["STOPPING=1", "STATUS=stopping"],
    ]


async def test_it_hears_twice_in_the_time_it_waits_that_the_loop_turns(manager, address):
    """And no more once the process stops."""
    clock = FakeClock()
    told = notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "10000000"}, clock)
    async with told.alive():
        await settle()
        await passed(clock, timedelta(seconds=20), step=timedelta(seconds=1))
        assert manager.heard() == [["WATCHDOG=1"]] * 5
    await passed(clock, timedelta(seconds=20), step=timedelta(seconds=1))
    assert manager.heard() == []


@pytest.mark.parametrize(
    "watchdog",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
    ],
)
async def test_without_a_watchdog_no_sign_of_life_is_given(manager, address, watchdog):
    """It is not asked for, or asked of another process."""
    clock = FakeClock()
    async with notifier({"NOTIFY_SOCKET": address} | watchdog, clock).alive():
        await passed(clock, timedelta(seconds=5))
        assert len(asyncio.all_tasks()) == 1
    assert manager.heard() == []


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
async def test_outside_systemd_nothing_is_told_and_nothing_is_wrong(environment, caplog):
    """A variable that names no unix socket counts as none."""
    told = notifier(environment | {"WATCHDOG_USEC": "1000000"}, FakeClock())
    async with told.alive():
        told.ready("")
        told.reloading()
        told.stopping()
    assert caplog.records == []


def test_a_manager_that_is_gone_stops_nobody(tmp_path, caplog):
    """The work goes on; the log says it."""
    told = notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}, FakeClock())
    told.ready("fine")
    assert "READY=1" in caplog.text
