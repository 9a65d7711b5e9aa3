"""Providers that were begun by the command, far from the checkout."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

OFFLINE = '''"""No name is looked up, and nobody beyond this machine is spoken to."""

import sys

ALLOWED = ("127.", "::1", "localhost")


def refuse(event, arguments):
    """Raise at a look-up of a name, and at a connection to elsewhere."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if not str(host).startswith(ALLOWED):
        raise ConnectionRefusedError(f"this test is offline: {event} {host}")


sys.addaudithook(refuse)
'''
"""A ``sitecustomize``: every Python below runs it first."""


@dataclass
class Told:
    """What a command said, with which code it ended, and how long it took."""

    code: int
    out: str
    err: str
    seconds: float


@dataclass
class Desk:
    """A folder to work in, and the program."""

    home: Path
    environment: dict[str, str]

    def ca_core(self, *arguments):
        """Run ``ca-core`` here."""
        return self.python("-m", "ca_core", *arguments)

    def python(self, *arguments, cwd=None, path=()):
        """Run Python here, or in a folder of its own; ``path`` holds what is installed besides."""
        return self.run(sys.executable, *arguments, cwd=cwd, path=path)

    def run(self, *command, cwd=None, path=()):
        """Run a command."""
        first = [self.environment["PYTHONPATH"], *map(str, path)]
        began = time.perf_counter()
        done = subprocess.run(
            [*map(str, command)],
            cwd=cwd or self.home,
            env=self.environment | {"PYTHONPATH": os.pathsep.join(first)},
            capture_output=True,
            text=True,
            check=False,
        )
        return Told(done.returncode, done.stdout, done.stderr, time.perf_counter() - began)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Return a folder to work in, offline."""
    home = tmp_path_factory.mktemp("desk")
    bare = tmp_path_factory.mktemp("offline")
    (bare / "sitecustomize.py").write_text(OFFLINE)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return Desk(home, kept | {"PYTHONPATH": str(bare), "NO_COLOR": "1"})
