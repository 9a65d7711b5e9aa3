"""One fleet of real processes for the tests that leave it as it was."""

import tempfile
from pathlib import Path

import pytest

from tests.integration.lifecycle.processes import Fleet


@pytest.fixture(scope="module")
def fleet():
    """Return a server with agents on ``n1``, ``n2`` and ``n3``; its folder's name is short."""
    with tempfile.TemporaryDirectory(prefix="fleet") as name:
        built = Fleet(Path(name))
        try:
            built.join("n1", "n2", "n3")
            yield built
        finally:
            built.close()
