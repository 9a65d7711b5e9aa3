"""A real ``ca-core server`` and ``ca-core agent`` processes, and what an operator sees of them."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import msgspec

from ca_core.agent.identitystore import IdentityStore
from ca_core.wire.operations import OperationAnswer

ROOT = Path(__file__).parents[3]
READY_WITHIN = 30.0
"""Seconds; on an idle machine it takes one, on a busy one several."""
PATIENCE = 30.0

_URL = re.compile(r"URL\s+(\S+)")


def surroundings():
    """Return the environment of every process here: nothing of ours but the code under test."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"PYTHONPATH": f"{ROOT}:{ROOT / 'providers'}", "NO_COLOR": "1"}


def until(condition, within=PATIENCE):
    """Return what ``condition`` gives once that is true; fails after a while."""
    ends = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < ends, "nothing happened"
        time.sleep(0.05)
    return found


class Process:
    """One ``ca-core`` process; what it prints is kept in ``printed``, complaints in a file."""

    def __init__(self, log, *arguments):
        self.printed = []
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ca_core", *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=errors,
                env=surroundings(),
                text=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def url(self):
        """Return where it answers, once it says so."""

        def announced():
            assert self._process.poll() is None, "it ended"
            return next((m[1] for line in self.printed if (m := _URL.search(line))), None)

        return until(announced, READY_WITHIN)

    def pause(self):
        """Let it do nothing at all; its connections stay."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self):
        """Let it go on where it was."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self):
        """End it as an operator does, also while it is paused."""
        self.go_on()
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self._process.stdout.close()

    def _read(self):
        for line in self._process.stdout:
            self.printed.append(line)


class Fleet:
    """One server and the agents that joined it, each a process of its own."""

    def __init__(self, home):
        self.home = home
        self.agents = {}
        self.server = Process(
            home / "server.log",
            *("server", "--data-dir", home / "server", "--listen", "127.0.0.1:0"),
        )
        self.url = self.server.url()

    @property
    def operators(self):
        """Return the operators' socket."""
        return self.home / "server" / "server.sock"

    def operator(self):
        """Return a client of it."""
        return over(self.operators)

    def join(self, *nodes):
        """Start agents and return once each has acknowledged what it trusts."""
        for node in nodes:
            token = self.home / f"{node}.token"
            token.write_text(self._put("/v1/cluster/join-token", {"Node": node})["Token"])
            self.agents[node] = Process(
                self.home / f"{node}.log",
                *("agent", "--server", self.url, "--join-token-file", token, "--node", node),
                *("--data-dir", self.home / node, "--listen", "127.0.0.1:0"),
            )
        for node in nodes:
            self.agents[node].url()

    def rotate(self, **wishes):
        """Begin a rotation; return its id."""
        return self._put("/v1/connect/ca/rotate", {"Settle": "0s", **wishes})["ID"]

    def operation(self, name):
        """Return an operation as the server shows it."""
        with self.operator() as client:
            answer = client.get(f"/v1/connect/ca/operations/{name}")
        assert answer.status_code == 200, answer.text
        return msgspec.json.decode(answer.content, type=OperationAnswer)

    def unchanged(self, name, wait):
        """Return an operation after a while in which nothing became of it."""
        path = f"/v1/connect/ca/operations/{name}"
        with self.operator() as client:
            index = client.get(path).headers["x-consul-index"]
            answer = client.get(path, params={"index": index, "wait": wait})
        assert answer.headers["x-consul-index"] == index, answer.text
        return msgspec.json.decode(answer.content, type=OperationAnswer)

    def active(self, name):
        """Return an operation once it is active."""

        def over_now():
            found = self.operation(name)
            assert found.phase in {"planned", "prepared", "distributed", "active"}, found
            return found if found.phase == "active" else None

        return until(over_now)

    def waiting_for(self, name, *nodes):
        """Return an operation once exactly these agents are missing and it says so."""

        def named():
            found = self.operation(name)
            assert found.phase != "active", found
            missing = {one.node for one in found.progress.missing}
            said = all(node in found.waits_for for node in nodes)
            return found if missing == set(nodes) and said else None

        return until(named)

    def roots(self):
        """Return the roots as the server gives them out."""
        with self.operator() as client:
            return client.get("/v1/connect/ca/roots").json()

    def identity(self, node):
        """Return what lies on an agent's disk."""
        return IdentityStore(self.home / node).current

    def bundle(self, node):
        """Return the roots that an agent trusts after a restart."""
        return self.identity(node).anchors

    def command(self, *arguments):
        """Run a ``ca-core`` command as the operator; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "ca_core", *arguments, "--http-addr", f"unix:{self.operators}"],
            env=surroundings(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def close(self):
        """End every process."""
        for agent in self.agents.values():
            agent.stop()
        self.server.stop()

    def _put(self, path, body):
        with self.operator() as client:
            answer = client.put(path, json=body)
        assert answer.status_code in {200, 202}, answer.text
        return answer.json()


def over(path):
    """Return a client of a unix socket."""
    transport = httpx.HTTPTransport(uds=str(path))
    return httpx.Client(transport=transport, base_url="http://localhost", timeout=PATIENCE)
