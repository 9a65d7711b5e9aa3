"""A real OpenBao server as a local process: raft storage, an audit log, seal, kill and restart."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from ca_core.testing.ports import free_port
from tests.vaults.server import VaultServer

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


def binary() -> str | None:
    """Return the server's program: of this environment, else of the machine; None if none is."""
    here = Path(sys.executable).with_name("bao")
    return str(here) if here.exists() else shutil.which("bao") or shutil.which("vault")


@dataclass
class VaultProcess(VaultServer):
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
        self.wait(lambda health: True)

    def initialise(self) -> None:
        """Make keys and the root token, keep them in the folder, and unseal."""
        super().initialise()
        (self.folder / "init.json").write_text(json.dumps([self.token, self.unseal_key]))

    def remember(self) -> None:
        """Take keys and token from the folder of an initialised server."""
        self.token, self.unseal_key = json.loads((self.folder / "init.json").read_text())

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the process cleanly."""
        self._end(signal.SIGTERM)

    def has_ended(self) -> bool:
        """Return whether the process is gone without us."""
        return self._process is not None and self._process.poll() is not None

    def last_words(self) -> str:
        """Return the end of what it printed."""
        return (self.folder / "output.log").read_text()[-2000:]

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None
