"""Worlds for the tests that every provider passes."""

import pytest

from tests.unit.providers.world import KINDS, World


@pytest.fixture(params=KINDS)
def world(request):
    """A cluster on each of the three providers in turn."""
    return World(request.param)
