"""The services of the compose file as local processes: their commands, environment and files."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from ca_core.testing.ports import free_port
from tests.docker.files import DOCKER, DOCKERFILES, composed, instructions

PATIENCE = 30.0
"""Seconds until a service must be healthy; it takes two."""

_IMAGES = {"ca-core": DOCKERFILES[0], "ca-core-bootstrap": DOCKERFILES[1]}
_SCRIPTS = "/usr/local/lib/ca-core"


class Stage:
    """Where services run without containers.

    Volumes are folders, names of hosts are loopback ports, and the user is whoever runs this.
    All else is as in the compose file.
    """

    def __init__(self, folder, vault_address):
        self.folder = folder
        self.services = composed()["services"]
        self.server = f"127.0.0.1:{free_port()}"
        self._names = {
            "http://vault:8200": vault_address,
            "0.0.0.0:8501": self.server,
            "server:8501": self.server,
            '["server"]': '["127.0.0.1"]',
            "[10001]": f"[{os.getuid()}]",
            _SCRIPTS + "/": f"{DOCKER}/vault/",
        }
        self._ports = {name: f"127.0.0.1:{free_port()}" for name in self.services}

    def here(self, name, text):
        """Return a text of the service ``name`` with what it is called here."""
        words = self._mounted(name) | self._names | {"127.0.0.1:8500": self._ports[name]}
        for there, local in words.items():
            text = text.replace(there, local)
        return text

    def _mounted(self, name):
        volumes = [volume.split(":") for volume in self.services[name]["volumes"]]
        return {target: self._source(name, source) for source, target, *_ in volumes}

    def _source(self, name, source):
        if not source.startswith("./"):
            volume = self.folder / source
            volume.mkdir(mode=0o700, exist_ok=True)
            return str(volume)
        return (
            str(self.folder / name / source) if source.endswith(".toml") else str(DOCKER / source)
        )

    def config(self, name):
        """Write the service's configuration as it is here, and return its path."""
        (source,) = (v.split(":")[0] for v in self.services[name]["volumes"] if ".toml:" in v)
        path = Path(self._source(name, source))
        path.parent.mkdir(exist_ok=True)
        path.write_text(self.here(name, (DOCKER / source).read_text()))
        return path

    def command(self, name):
        """Return program and arguments of a service; programs are those of this environment."""
        service = self.services[name]
        image = instructions(_IMAGES[service["image"].split(":")[0]])
        (entry,) = (one.words for one in image if one.name == "ENTRYPOINT")
        words = [*service.get("entrypoint", entry), *service.get("command", [])]
        return [self.here(name, word) for word in words]

    def environment(self, name, **more):
        """Return the variables of a service, and where its programs are."""
        given = self.services[name].get("environment", {})
        programs = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        translated = {key: self.here(name, value) for key, value in given.items()}
        return {"HOME": str(self.folder), "PATH": programs, "NO_COLOR": "1"} | translated | more

    def done(self, name, **more):
        """Run a service that ends, and return what it said."""
        return self._said(self.command(name), self.environment(name, **more))

    def asked(self, name, *words):
        """Return what a command says in the place of a service, as ``exec`` would run it."""
        return self._said([self.here(name, word) for word in words], self.environment(name))

    def _said(self, command, environment):
        ended = subprocess.run(
            command,
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
        return ended.stdout + ended.stderr

    @contextmanager
    def running(self, name):
        """Run a service until the end of the block; it is healthy when the block begins."""
        self.config(name)
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command(name),
                env=self.environment(name),
                cwd=self.folder,
                stdout=output,
                stderr=output,
            )
        try:
            self._healthy(name, process, log)
            yield
        finally:
            process.terminate()
            process.wait(timeout=20)

    def _healthy(self, name, process, log):
        _, *test = self.services[name]["healthcheck"]["test"]
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                self.asked(name, *test)
            except AssertionError as error:
                told = f"{name}: {error}\n{log.read_text()}"
                assert process.poll() is None, told
                assert time.monotonic() < give_up, told
            else:
                return


def keys_of(vault):
    """Return the text of ``init.json`` as `operator init -format=json` writes it."""
    keys = {"unseal_keys_b64": [vault.unseal_key], "root_token": vault.token}
    return json.dumps(keys, indent=2)
