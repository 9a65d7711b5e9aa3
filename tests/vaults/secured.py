"""A server with TLS and a CA of its own, asked as ``VaultProcess`` is; all of it in memory."""

import json
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from ca_core.testing.ports import free_port
from tests.vaults.server import START_LIMIT, VaultServer


class SecuredVault(VaultServer):
    """One server that answers to TLS alone.

    Attributes:
        address: its URL.
        ca_file: the CA that its certificate is from.
        token: may do all.
    """

    token = "root"
    can_restart = False
    is_audited = False

    def __init__(self, folder: Path, port: int):
        self.address = f"https://127.0.0.1:{port}"
        self.ca_file = str(folder / "vault-ca.pem")

    def call(self, method, path, body=None, *, token=None):
        """Return the decoded answer of one request as root, or as ``token``; {} without a body."""
        request = urllib.request.Request(
            f"{self.address}/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Vault-Token": self.token if token is None else token},
        )
        trusting = ssl.create_default_context(cafile=self.ca_file)
        with urllib.request.urlopen(request, timeout=60, context=trusting) as answer:
            text = answer.read()
        return json.loads(text) if text else {}

    def wait_for(self, process):
        """Wait until it answers."""
        give_up = time.monotonic() + START_LIMIT
        while time.monotonic() < give_up and process.poll() is None:
            try:
                self.call("GET", "sys/health")
            except (OSError, urllib.error.URLError):
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("the server does not come up")


@contextmanager
def secured_vault(program, folder):
    """Run a server with TLS for a while."""
    port = free_port()
    dev = ("-dev-tls", f"-dev-tls-cert-dir={folder}", "-dev-root-token-id=root")
    quiet = ("-dev-no-store-token", f"-dev-listen-address=127.0.0.1:{port}")
    process = subprocess.Popen(
        [program, "server", *dev, *quiet],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        start_new_session=True,
    )
    try:
        server = SecuredVault(folder, port)
        server.wait_for(process)
        yield server
    finally:
        process.terminate()
        process.wait(30)
