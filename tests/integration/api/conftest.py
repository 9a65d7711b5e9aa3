"""One small cluster and one ``dev``, shared by the tests that leave them as they were."""

import pytest

from tests.integration.api.world import ME, NOBODY, dev, mesh


@pytest.fixture(scope="session")
def cluster():
    """Return a server with an agent on ``n1`` that gives ``web`` to nobody's uid and to ours."""
    with mesh() as built:
        built.join("n1", web=(NOBODY, ME), db=(NOBODY,))
        yield built


@pytest.fixture(scope="session")
def playground():
    """Return a client of ``dev``."""
    with dev() as client:
        yield client
