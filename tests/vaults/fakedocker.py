"""A `docker` program for tests: compose's verbs on one local server, in the folder FAKE_DOCKER."""

import json
import os
import subprocess
import sys
from pathlib import Path

from ca_core.testing.ports import free_port
from tests.vaults.process import VaultProcess, binary


class FakeEngine:
    """What a container engine does with our one service; its state is in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.state = folder / "state.json"

    def up(self):
        """Make the service, and start it."""
        (self.folder / "data").mkdir(parents=True)
        port = os.environ["VAULT_PORT"]
        config = VaultProcess.config.format(port=port, cluster_port=free_port())
        (self.folder / "server.hcl").write_text(config)
        self._keep({"port": port, "pid": None})
        self.start()

    def start(self):
        """Start the process, where it was."""
        server = subprocess.Popen(
            [str(binary()), "server", "-config=server.hcl"],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._keep(self._kept() | {"pid": server.pid})

    def kill(self):
        """Kill the process."""
        pid = self._kept()["pid"]
        if pid is not None:
            os.kill(pid, 9)
            self._keep(self._kept() | {"pid": None})

    def down(self):
        """Take it away."""
        self.kill()
        (self.folder / "down").touch()

    def port(self):
        """Print where it is published."""
        sys.stdout.write(f"127.0.0.1:{self._kept()['port']}\n")

    def _kept(self):
        return json.loads(self.state.read_text())

    def _keep(self, state):
        self.state.write_text(json.dumps(state))


def main(words):
    """Do what `docker WORDS` would."""
    engine = FakeEngine(Path(os.environ["FAKE_DOCKER"]))
    with (engine.folder / "calls").open("a") as calls:
        calls.write(" ".join(words) + "\n")
    for verb in ("up", "start", "kill", "down", "port"):
        if verb in words:
            getattr(engine, verb)()
            return


if __name__ == "__main__":
    main(sys.argv[1:])
