"""A real OpenBao server as a local process: raft storage, an audit log, seal, kill and restart."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

START_LIMIT = 30.0
"""Seconds until a server that was started must answer; it takes a tenth of one."""

_CONFIG = """
storage "raft" {{
  path    = "data"
  node_id = "one"
}}
listener "tcp" {{
  address     = "127.0.0.1:{port}"
  tls_disable = true
}}
audit "file" "audit" {{
  options {{
    file_path = "audit.log"
  }}
}}
api_addr     = "http://127.0.0.1:{port}"
cluster_addr = "http://127.0.0.1:{cluster_port}"
"""


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def binary() -> str | None:
    """Return the server's program: of this environment, else of the machine; None if none is."""
    here = Path(sys.executable).with_name("bao")
    return str(here) if here.exists() else shutil.which("bao") or shutil.which("vault")


@dataclass
class VaultProcess:
    """One server on its own folder and port; unsealed, with a root token.

    Attributes:
        program: ``bao`` or ``vault``.
        folder: holds data, audit log and output; a copied one starts as it was left.
        config: what it is started with; ``{port}`` and ``{cluster_port}`` stand for ports.
    """

    program: str
    folder: Path
    port: int = field(default_factory=free_port)
    config: str = field(default=_CONFIG, repr=False)
    token: str = field(default="", repr=False)
    unseal_key: str = field(default="", repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """Return the URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def audit_log(self) -> Path:
        """Return the file with a line for every request and every answer."""
        return self.folder / "audit.log"

    def start(self) -> None:
        """Start the process and wait until it answers; it may be sealed."""
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        config = self.folder / "server.hcl"
        places = {"port": self.port, "cluster_port": free_port()}
        config.write_text(self.config.format(**places))
        with (self.folder / "output.log").open("ab") as output:
            self._process = subprocess.Popen(
                [self.program, "server", f"-config={config}"],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,  # an audit log may not move: its path is relative
                start_new_session=True,
            )
        self._wait(lambda health: True)

    def initialise(self) -> None:
        """Make keys and the root token, and unseal; takes seconds, once per folder."""
        made = self.call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        self.token, self.unseal_key = made["root_token"], made["keys_base64"][0]
        (self.folder / "init.json").write_text(json.dumps([self.token, self.unseal_key]))
        self.unseal()

    def remember(self) -> None:
        """Take keys and token from the folder of an initialised server."""
        self.token, self.unseal_key = json.loads((self.folder / "init.json").read_text())

    def unseal(self) -> None:
        """Unseal, and wait until it is active."""
        self.call("PUT", "sys/unseal", {"key": self.unseal_key})
        self._wait(lambda health: not health["sealed"] and not health["standby"])

    def seal(self) -> None:
        """Seal; every call is refused with 503 until ``unseal``."""
        self.call("PUT", "sys/seal")

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the process cleanly."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Kill, start on the same folder and port, unseal."""
        self.kill()
        self.start()
        self.unseal()

    def call(self, method: str, path: str, body: object = None, *, token: str | None = None):
        """Return the decoded answer of one request as root, or as ``token``; {} without a body."""
        request = urllib.request.Request(
            f"{self.address}/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Vault-Token": self.token if token is None else token},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else {}

    def _wait(self, holds) -> None:
        give_up = time.monotonic() + START_LIMIT
        while time.monotonic() < give_up:
            health = self._health()
            if health is not None and holds(health):
                return
            if self._process is not None and self._process.poll() is not None:
                break
            time.sleep(0.02)
        output = (self.folder / "output.log").read_text()[-2000:]
        raise RuntimeError(f"{self.program} does not come up:\n{output}")

    def _health(self) -> dict | None:
        query = "standbyok=true&sealedcode=200&uninitcode=200"
        try:
            return self.call("GET", f"sys/health?{query}")
        except (OSError, urllib.error.URLError, ValueError):
            return None

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None
