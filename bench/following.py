"""How soon an agent decides by an intention: a server and an agent as processes, over TLS."""

import http.client
import json
import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.processes import CA_CORE, PATIENCE, free_port, running

ROUNDS = 40
AUTHORIZE = "/v1/agent/connect/authorize"
INTENTION = "/v1/connect/intentions/exact?source=web&destination=db"


class Socket(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        """Connect to the path."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))

    def asked(self, method: str, path: str, body: object = None) -> bytes:
        """Return the body of a 200 answer.

        Raises:
            RuntimeError: another status.
        """
        self.request(method, path, body=None if body is None else json.dumps(body))
        response = self.getresponse()
        answer = response.read()
        if response.status != http.client.OK:
            raise RuntimeError(f"{method} {path}: {response.status} {answer[:200]!r}")
        return answer


def delays() -> Iterator[float]:
    """Yield seconds from before an intention is written to the first decision by it."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ends:
        server, agent = _started(Path(folder), ends)
        domain = json.loads(server.asked("GET", "/v1/connect/ca/roots"))["TrustDomain"]
        uri = f"spiffe://{domain}/ns/default/dc/dc1/svc/web"
        question = {"Target": "db", "ClientCertURI": uri}
        agent.asked("POST", AUTHORIZE, question)
        for number in range(ROUNDS):
            allow = number % 2 == 0
            began = time.perf_counter()
            server.asked("PUT", INTENTION, {"Action": "allow" if allow else "deny"})
            wanted = b'"Authorized":true' if allow else b'"Authorized":false'
            while wanted not in agent.asked("POST", AUTHORIZE, question):
                pass
            yield time.perf_counter() - began


def _started(folder: Path, ends: ExitStack) -> tuple[Socket, Socket]:
    """Start both; return a connection to each."""
    port = free_port()
    file = folder / "ca-core.toml"
    file.write_text(
        f'[server]\ndata_dir = "{folder}/server"\nlisten = ["127.0.0.1:{port}"]\n'
        'advertise = ["127.0.0.1"]\n'
        f'[agent]\nserver = "https://127.0.0.1:{port}"\ndata_dir = "{folder}/agent"\n'
        f'listen = ["127.0.0.1:{free_port()}"]\nnode = "n1"\n'
        f"[agent.workloads]\ndb = [{os.getuid()}]\n"
    )
    ends.enter_context(running([CA_CORE, "server", "--config", file]))
    server = _connected(folder / "server" / "server.sock", "/v1/connect/ca/roots")
    made = json.loads(server.asked("PUT", "/v1/cluster/join-token", {"Node": "n1"}))
    token = folder / "token"
    token.write_text(re.sub(r"\s", "", made["Token"]))
    token.chmod(0o600)
    ends.enter_context(running([CA_CORE, "agent", "--config", file, "--join-token-file", token]))
    return server, _connected(folder / "agent" / "agent.sock", "/v1/agent/connect/ca/roots")


def _connected(path: Path, first: str) -> Socket:
    """Return a connection once ``first`` is answered."""
    give_up = time.monotonic() + PATIENCE
    while True:
        connection = Socket(path)
        try:
            connection.asked("GET", first)
        except (OSError, RuntimeError, subprocess.SubprocessError):
            connection.close()
            if time.monotonic() > give_up:
                raise
            time.sleep(0.02)
        else:
            return connection
