"""A folder whose name is short: unix sockets live in it, and 108 bytes are all they get."""

import tempfile
from pathlib import Path

import pytest

from tests.integration.crash.lives import Zygote
from tests.vaults.conftest import initialised, vault_server, vault_source

__all__ = ["initialised", "vault_server", "vault_source"]


@pytest.fixture
def folder():
    """Lend an empty folder."""
    with tempfile.TemporaryDirectory(prefix="crash") as name:
        yield Path(name)


@pytest.fixture
async def zygote():
    """Lend a process that forks servers."""
    async with Zygote.running() as zygote:
        yield zygote
