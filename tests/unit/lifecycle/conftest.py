"""A store where one authority signs, for the commits that change it."""

import pytest

from tests.unit.lifecycle.tables import Table


@pytest.fixture
def table():
    """Lend a store where one authority signs."""
    table = Table()
    yield table
    table.store.close()
