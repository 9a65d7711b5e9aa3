"""A distribution in a folder, as an installer leaves it, and passports of it."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from importlib import metadata

from ca_core.authority.distributions import installed_digest
from ca_core.authority.passports import StatedResult, Statement

PROVIDER = """
from ca_core.contract import hookimpl
from ca_core.testing import reference_plugin

@hookimpl
def ca_provider():
    return reference_plugin()
"""

ABOUT = "Metadata-Version: 2.1\nName: ca-provider-tiny\nVersion: 1.0\n"

POINTS = "[ca_core.providers]\ntiny = {module}\n"


def row_of(path, content):
    """Return the RECORD row of a file."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(content)}\n"


class Installed:
    """One installed distribution, ``ca-provider-tiny`` 1.0, free to be damaged."""

    def __init__(self, folder, files, *, module):
        self.folder = folder
        self.module = module
        self.info = folder / "ca_provider_tiny-1.0.dist-info"
        self.info.mkdir()
        named = {
            **files,
            f"{self.info.name}/METADATA": ABOUT,
            f"{self.info.name}/entry_points.txt": POINTS.format(module=module),
        }
        rows = []
        for path, text in named.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
            rows.append(row_of(path, text.encode()))
        self.record = self.info / "RECORD"
        self.record.write_text("".join(rows) + f"{self.info.name}/RECORD,,\n")

    @property
    def distribution(self):
        """Return it as ``importlib.metadata`` finds it."""
        return metadata.PathDistribution(self.info)

    @property
    def entry(self):
        """Return its entry point."""
        (found,) = self.distribution.entry_points
        return found

    @property
    def digest(self):
        """Return its digest, after the proof of its files."""
        return installed_digest(self.distribution, module=self.module)

    def add_row(self, row):
        """Append to RECORD, as installers do."""
        self.record.write_text(self.record.read_text() + row)

    def make_editable(self):
        """Say in ``direct_url.json`` that it is an editable installation."""
        origin = {"url": "file:///src", "dir_info": {"editable": True}}
        (self.info / "direct_url.json").write_text(json.dumps(origin))

    def statement(self, **changes):
        """Return a statement that is true of it, except where told otherwise."""
        values = {
            "provider": "tiny",
            "distribution": "ca-provider-tiny",
            "version": "1.0",
            "distribution_sha256": self.digest,
            "entry_point": self.module,
            "contract": 1,
            "core": "0.1.0",
            "level_asked": "L2",
            "level_reached": "L2",
            "run_at": datetime(2026, 1, 1, tzinfo=UTC),
            "keys": ("ec-256",),
            "results": tuple(
                StatedResult(id=f"area.l{n}", level=f"L{n}", outcome="passed") for n in range(3)
            ),
        }
        return Statement(**{**values, **changes})
