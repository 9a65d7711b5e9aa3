"""What tests of incidents share: the audit log from here on, and a server with TLS."""

import pytest

from tests.vaults.audit import AuditTail
from tests.vaults.process import binary
from tests.vaults.secured import secured_vault


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
