"""A real process under a manager that listens on ``NOTIFY_SOCKET``."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

CA_CORE = Path(sys.executable).parent / "ca-core"


@pytest.fixture
def manager(tmp_path):
    """Return a bound datagram socket, which gives up waiting after a while."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(20)
        yield sock


def heard(manager, wanted):
    """Return the next message that begins with ``wanted``; signs of life may come before."""
    while True:
        lines = manager.recv(4096).decode().split("\n")
        if lines[0] == wanted:
            return lines
        assert lines == ["WATCHDOG=1"]


def blocked(address):
    """Return a connection on which a blocking query waits."""
    host, port = address.split(":")
    path = "/v1/agent/connect/ca/roots"
    with urlopen(f"http://{address}{path}", timeout=10) as answer:
        index = answer.headers["X-Consul-Index"]
    waiting = socket.create_connection((host, int(port)), timeout=10)
    waiting.sendall(f"GET {path}?index={index} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
    with urlopen(f"http://{address}/healthz", timeout=10):  # by now it waits
        return waiting


def test_a_process_tells_how_it_is_from_start_to_end(manager, tmp_path):
    """Alive, ready, reloading and ready again, stopping; who waits is told, and it ends with 0."""
    environment = dict(os.environ) | {
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": "400000",
    }
    with subprocess.Popen(
        [CA_CORE, "dev", "--listen", "127.0.0.1:0"],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            status = heard(manager, "READY=1")[1]
            address = status.removeprefix("STATUS=http://").partition(" ")[0]
            assert manager.recv(100) == b"WATCHDOG=1"
            process.send_signal(signal.SIGHUP)
            name, _, moment = heard(manager, "RELOADING=1")[1].partition("=")
            assert name == "MONOTONIC_USEC"
            assert int(moment) > 0
            heard(manager, "READY=1")
            with blocked(address) as waiting:
                process.send_signal(signal.SIGTERM)
                heard(manager, "STOPPING=1")
                answer = waiting.recv(4096).decode().lower()
            assert answer.startswith("http/1.1 503")
            assert re.search(r"\r\nretry-after: [1-5]\r\n", answer)
            assert "\r\nconnection: close\r\n" in answer
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()
