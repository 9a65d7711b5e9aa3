"""A real `cfssl serve` with a CA of its own, on a free loopback port."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ca_core.testing.ports import free_port

USAGES = ["digital signature", "server auth", "client auth"]
CA = {"CN": "cfssl CA", "key": {"algo": "ecdsa", "size": 256}}
LIVES = {"three-days": "71h", "day": "23h", "hours": "2h", "hour": "50m"}
PATIENCE = 10.0
SERVE = (
    *("cfssl", "serve", "-address", "127.0.0.1"),
    *("-ca", "ca.pem", "-ca-key", "ca-key.pem", "-config", "config.json"),
)


def installed() -> bool:
    """Say whether the program is on this machine."""
    return shutil.which("cfssl") is not None


@dataclass
class CfsslServer:
    """The program; it keeps its CA in a folder, across restarts."""

    home: Path
    auth_key: str = ""
    port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, Any]:
        """Return what an operator writes below [ca.config]."""
        key = {"auth_key": self.auth_key} if self.auth_key else {}
        return {"address": self.url, "profiles": dict(LIVES), **key}

    def make_ca(self) -> None:
        """Make the CA as cfssl makes one."""
        (self.home / "csr.json").write_text(json.dumps(CA))
        told = subprocess.run(
            ["cfssl", "gencert", "-initca", "csr.json"],
            cwd=self.home,
            capture_output=True,
            check=True,
            timeout=PATIENCE,
        )
        made = json.loads(told.stdout)
        (self.home / "ca.pem").write_text(made["cert"])
        (self.home / "ca-key.pem").write_text(made["key"])

    def start(self) -> None:
        """Start it, and wait until it listens."""
        (self.home / "config.json").write_text(json.dumps(self._config()))
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*SERVE, "-port", str(self.port)],
                cwd=self.home,
                stdout=log,
                stderr=log,
            )
        _await(self.port)

    def stop(self) -> None:
        """End the process that was started."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)

    def restart(self) -> None:
        """Stop it and start it again, on the same port and with the same CA."""
        self.stop()
        self.start()

    def _config(self) -> dict[str, Any]:
        """Return profiles that write nothing but what a leaf needs."""
        key = {"auth_key": "leaf"} if self.auth_key else {}
        profiles = {name: {"usages": USAGES, "expiry": life, **key} for name, life in LIVES.items()}
        signing = {"default": profiles["three-days"], "profiles": profiles}
        keys = {"leaf": {"type": "standard", "key": self.auth_key}} if self.auth_key else {}
        return {"signing": signing, "auth_keys": keys}


@contextmanager
def running(home: Path, *, auth_key: str = "") -> Iterator[CfsslServer]:
    """Start a server with a new CA; end it afterwards."""
    server = CfsslServer(home, auth_key)
    server.make_ca()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _await(port: int) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError("cfssl does not listen")
