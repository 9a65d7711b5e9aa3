"""What every Vault or OpenBao server of the tests can: be asked, sealed and unsealed."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

START_LIMIT = 30.0
"""Seconds until a server that was started must answer; it takes a tenth of one."""


class VaultServer:
    """One unsealed server and its root token; the classes below know where it is and who runs it.

    Attributes:
        address: the URL.
        token: may do everything.
        unseal_key: of a server that is ours to seal.
        label: part of every name that tests make on it; '' where nobody else is.
        can_restart: it is ours to seal, kill and start.
        is_audited: it has an audit log that we can read.
    """

    address: str
    token: str
    unseal_key: str
    label = ""
    can_restart = True
    is_audited = True

    @property
    def audit_log(self) -> Path:
        """Return the file with a line for every request and every answer."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it and wait until it answers; it may be sealed."""
        raise NotImplementedError

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        raise NotImplementedError

    def initialise(self) -> None:
        """Make keys and the root token, and unseal; takes seconds."""
        made = self.call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1}, token="")
        self.token, self.unseal_key = made["root_token"], made["keys_base64"][0]
        self.unseal()

    def unseal(self) -> None:
        """Unseal, and wait until it is active."""
        self.call("PUT", "sys/unseal", {"key": self.unseal_key})
        self.wait(lambda health: not health["sealed"] and not health["standby"])

    def seal(self) -> None:
        """Seal; every call is refused with 503 until ``unseal``."""
        self.call("PUT", "sys/seal")

    def restart(self) -> None:
        """Kill, start where it was, unseal."""
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

    def wait(self, holds) -> None:
        """Wait until its health is as ``holds`` wants it.

        Raises:
            RuntimeError: it is not in time, or its process has ended.
        """
        give_up = time.monotonic() + START_LIMIT
        while time.monotonic() < give_up:
            health = self._health()
            if health is not None and holds(health):
                return
            if self.has_ended():
                break
            time.sleep(0.02)
        raise RuntimeError(f"{self.address} does not come up:\n{self.last_words()}")

    def has_ended(self) -> bool:
        """Return whether waiting is in vain."""
        return False

    def last_words(self) -> str:
        """Return the end of what it printed."""
        return ""

    def _health(self) -> dict | None:
        query = "standbyok=true&sealedcode=200&uninitcode=200"
        try:
            return self.call("GET", f"sys/health?{query}")
        except (OSError, urllib.error.URLError, ValueError):
            return None
