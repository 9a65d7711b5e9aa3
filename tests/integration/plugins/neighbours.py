"""Distributions for tests: a ``dist-info`` folder and a module, as pip would leave them.

They lie in a folder of ``PYTHONPATH``, so that a child process finds them by real entry points.
"""

import base64
import hashlib
import os
import queue
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

CA_CORE = Path(sys.executable).with_name("ca-core")
LIMIT = 100

GOOD_PROVIDER = """
from ca_core.contract import hookimpl
from ca_core.testing.reference import reference_plugin

@hookimpl
def ca_provider():
    return reference_plugin()
"""

FUTURE_PROVIDER = """
import dataclasses
from ca_core.contract import hookimpl
from ca_core.testing.reference import reference_plugin

@hookimpl
def ca_provider():
    return dataclasses.replace(reference_plugin(), api_version=99)
"""

UNKNOWN_HOOK = """
from ca_core.contract import hookimpl

@hookimpl
def ca_reveiw_issuance(review):
    return None
"""

QUOTA = """
import logging
from ca_core.contract import Verdict, hookimpl

@hookimpl
def ca_review_issuance(review):
    if review.identity.service == "db":
        return Verdict(allow=False, reason="db has used its quota")
    return None

@hookimpl
def ca_event(event):
    logging.getLogger("quota").warning("EVENT %s", event.type)
"""


class Neighbourhood:
    """A folder of distributions, and the environment of a process that sees them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "site").mkdir()

    def install(self, distribution, module, source, *, name, group="ca_core.providers"):
        """Install a distribution with one module and one entry point."""
        site = self.folder / "site"
        info = site / f"{distribution.replace('-', '_')}-1.2.3.dist-info"
        info.mkdir()
        files = {
            f"{module}.py": source,
            f"{info.name}/METADATA": f"Metadata-Version: 2.1\nName: {distribution}\n"
            "Version: 1.2.3\n",
            f"{info.name}/entry_points.txt": f"[{group}]\n{name} = {module}\n",
        }
        for path, text in files.items():
            (site / path).write_text(text)
        rows = [f"{path},{_record(text)}" for path, text in files.items()]
        (info / "RECORD").write_text("\n".join([*rows, f"{info.name}/RECORD,,"]) + "\n")

    def configure(self, text):
        """Write the configuration file that every command reads."""
        (self.folder / "ca-core.toml").write_text(text)

    def environment(self, **more):
        """Return the machine's environment without ours, and with the folder to find modules in."""
        kept = {key: value for key, value in os.environ.items() if "CA_CORE" not in key}
        return kept | {"PYTHONPATH": str(self.folder / "site")} | more

    def run(self, *arguments, **more):
        """Run a command to its end."""
        return subprocess.run(
            [CA_CORE, *arguments],
            cwd=self.folder,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )

    @contextmanager
    def dev(self, **more):
        """Run ``ca-core dev`` on a free port until the block is left; yields ``Running``."""
        process = subprocess.Popen(
            [CA_CORE, "dev", "--listen", "127.0.0.1:0"],
            cwd=self.folder,
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running = Running(process)
        try:
            yield running
        finally:
            process.terminate()
            process.wait(timeout=LIMIT)
            running.finish()


class Running:
    """A ``dev`` process: everything it writes, and the URL it announces."""

    def __init__(self, process):
        self.lines = []
        self._announced = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._reader.start()
        self.url = self._announced.get(timeout=LIMIT)
        assert self.url, "".join(self.lines)

    @property
    def text(self):
        """Return what it has written; whole once the block is left."""
        return "".join(self.lines)

    def finish(self):
        """Wait for the last line."""
        self._reader.join(LIMIT)

    def _read(self, stream):
        with stream:
            for line in stream:
                self.lines.append(line)
                if line.strip().startswith("URL"):
                    self._announced.put(line.split()[-1])
        self._announced.put("")


def _record(text):
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"sha256={digest.rstrip('=')},{len(text.encode())}"
