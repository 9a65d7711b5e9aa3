"""A folder whose name is short: unix sockets live in it, and 108 bytes are all they get."""

import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def folder():
    """Lend an empty folder."""
    with tempfile.TemporaryDirectory(prefix="crash") as name:
        yield Path(name)
