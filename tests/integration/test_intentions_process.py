"""``ca-core dev`` as a process, driven by Consul's client library and by our own commands."""

import socket
import subprocess
import sys
import time

import consul
import pytest

from ca_core.testing.ports import free_port

PROGRAM = [sys.executable, "-m", "ca_core"]
LIMIT = 60


@pytest.fixture(scope="module")
def port():
    """Run ``ca-core dev`` on a free port of loopback while the tests of this file run."""
    found = free_port()
    command = [*PROGRAM, "dev", "--listen", f"127.0.0.1:{found}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            answering(process, found)
            yield found
        finally:
            process.terminate()
            process.communicate(timeout=LIMIT)


def answering(process, port):
    """Return once somebody listens; fail if the process ended."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stdout.read()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)  # another process's turn
    raise AssertionError("nobody listens")


def intention(port, *arguments):
    """Run one of our commands to its end; return its exit code and what it printed."""
    command = [*PROGRAM, "intention", *arguments, "--http-addr", f"http://127.0.0.1:{port}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT)
    return done.returncode, done.stdout


def test_what_a_client_of_consul_writes_the_command_line_reads_and_the_other_way(port):
    """Two programs, one truth; a check ends with 0 or 1."""
    with consul.Consul(host="127.0.0.1", port=port) as library:
        intentions = library.connect.intentions
        assert intentions.upsert("*", "db", action="deny") is True
        assert intention(port, "create", "web", "db") == (0, "Created: web => db (allow)\n")
        assert intentions.read("web", "db")["Action"] == "allow"
        sources = [each["SourceName"] for each in intentions.match("destination", "db")["db"]]
        assert sources == ["web", "*"]
        assert [intentions.check(name, "db") for name in ("web", "job")] == [True, False]
    assert intention(port, "match", "db") == (0, "web => db (allow)\n* => db (deny)\n")
    code, said = intention(port, "check", "job", "db")
    assert (code, said.startswith("Denied: Matched L4 intention: default/* =>")) == (1, True)
