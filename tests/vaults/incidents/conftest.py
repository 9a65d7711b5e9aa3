"""What every incident's test begins with: two mounts of its own, and a provider on them."""

import pytest

from tests.vaults.audit import AuditTail
from tests.vaults.process import binary
from tests.vaults.secured import secured_vault
from tests.vaults.subjects import Mounts, arena_of, subject


@pytest.fixture
def mounts(vault):
    """Return two mounts of this test's own."""
    return Mounts(vault)


@pytest.fixture
def arena(mounts):
    """Return an arena on the provider in those mounts."""
    with arena_of(subject(mounts)) as arena:
        yield arena


@pytest.fixture
def tail(vault):
    """Return the server's audit log from here on."""
    return AuditTail(vault)


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """Run a server with TLS and a CA of its own."""
    program = binary()
    if program is None or not program.endswith("bao"):
        pytest.skip("needs the `bao` program")
    with secured_vault(program, tmp_path_factory.mktemp("secured")) as server:
        yield server
