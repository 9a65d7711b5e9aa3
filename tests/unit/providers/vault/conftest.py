"""A clock that the test moves, and a server in memory that lives by it."""

import pytest

from ca_core.testing.clock import FakeClock
from tests.unit.providers.vault.tokenserver import TokenServer


@pytest.fixture
def clock():
    """Return a clock that the test moves."""
    return FakeClock()


@pytest.fixture
def server(clock):
    """Return a server with tokens of an hour that can be renewed for ever."""
    return TokenServer(clock)
