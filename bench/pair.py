"""A server and an agent as processes, over TLS, and connections to both."""

import http.client
import json
import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.processes import CA_CORE, PATIENCE, running
from ca_core.testing.ports import free_port

AGENT_ROOTS = "/v1/agent/connect/ca/roots"
SERVER_ROOTS = "/v1/connect/ca/roots"
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = 1 / os.sysconf("SC_CLK_TCK")


class Socket(http.client.HTTPConnection):
    """HTTP over a unix socket; ``token``, if set, is sent with every request."""

    def __init__(self, path: Path, timeout: float = 10) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path
        self.token = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> None:
        """Connect to the path."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))

    def asked(self, method: str, path: str, body: object = None) -> bytes:
        """Return the body of a good answer.

        Raises:
            RuntimeError: it is none.
        """
        return self.answered(method, path, body)[0]

    def answered(self, method: str, path: str, body: object = None) -> tuple[bytes, int]:
        """Return the body of a good answer and its ``X-Consul-Index``, 0 without one.

        Raises:
            RuntimeError: it is none.
        """
        headers = {"X-Consul-Token": self.token} if self.token else {}
        self.request(method, path, None if body is None else json.dumps(body), headers)
        response = self.getresponse()
        answer = response.read()
        if not http.client.OK <= response.status < http.client.MULTIPLE_CHOICES:
            raise RuntimeError(f"{method} {path}: {response.status} {answer[:200]!r}")
        return answer, int(response.getheader("X-Consul-Index") or 0)


@dataclass(frozen=True, slots=True)
class Program:
    """One of the two: a connection to it, and its process."""

    socket: Path
    process: "subprocess.Popen[bytes]"

    def connected(self, timeout: float = 10) -> Socket:
        """Return a connection of its own."""
        return Socket(self.socket, timeout)

    @property
    def resident(self) -> int:
        """Return the bytes that it has in memory."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * _PAGE

    @property
    def processor_seconds(self) -> float:
        """Return what it has computed so far, all threads together."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK

    def quiet(self) -> None:
        """Return once it computes next to nothing, for a moment."""
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            before = self.processor_seconds
            time.sleep(0.5)
            if self.processor_seconds - before <= 3 * _TICK:
                return
        raise RuntimeError("it never rests")


@dataclass(frozen=True, slots=True)
class Pair:
    """Both, ready.

    Attributes:
        port: the agent's on 127.0.0.1.
        starting: the command that starts the server, again on the same state.
    """

    server: Program
    agent: Program
    port: int
    starting: tuple[str | Path, ...]


@contextmanager
def started_pair(more: str = "") -> Iterator[Pair]:
    """Run both while the block lasts; ``more`` is added to their configuration, as TOML."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as ends:
        folder, port, agent_port = Path(name), free_port(), free_port()
        file = folder / "ca-core.toml"
        file.write_text(
            f'[server]\ndata_dir = "{folder}/server"\nlisten = ["127.0.0.1:{port}"]\n'
            'advertise = ["127.0.0.1"]\n'
            f'[agent]\nserver = "https://127.0.0.1:{port}"\ndata_dir = "{folder}/agent"\n'
            f'listen = ["127.0.0.1:{agent_port}"]\nnode = "n1"\n'
            f"[agent.workloads]\ndb = [{os.getuid()}]\n{more}"
        )
        starting = (CA_CORE, "server", "--config", file)
        server = Program(folder / "server" / "server.sock", ends.enter_context(running(starting)))
        with connected(server.socket, SERVER_ROOTS) as told:
            made = json.loads(told.asked("PUT", "/v1/cluster/join-token", {"Node": "n1"}))
        token = folder / "token"
        token.write_text(re.sub(r"\s", "", made["Token"]))
        token.chmod(0o600)
        joining: list[str | Path] = [CA_CORE, "agent", "--config", file]
        joining += ["--join-token-file", token]
        agent = Program(folder / "agent" / "agent.sock", ends.enter_context(running(joining)))
        connected(agent.socket, AGENT_ROOTS).close()
        yield Pair(server, agent, agent_port, starting)


def connected(path: Path, first: str) -> Socket:
    """Return a connection once ``first`` is answered."""
    give_up = time.monotonic() + PATIENCE
    while True:
        connection = Socket(path)
        try:
            connection.asked("GET", first)
        except (OSError, RuntimeError, http.client.HTTPException):
            connection.close()
            if time.monotonic() > give_up:
                raise
            time.sleep(0.02)
        else:
            return connection
