"""A Vault or OpenBao server for tests, however this machine can give one: see ``choosing``."""

import fcntl
import os
import shutil
import urllib.error
from contextlib import contextmanager
from pathlib import Path

import pytest

from ca_core.testing.ports import free_port
from tests.vaults.choosing import (
    FORCED_NONE,
    MISSING,
    Source,
    UnavailableError,
    chosen,
    this_machine,
)
from tests.vaults.container import COMPOSE_FILE, DOWN, SERVICE, UP, ContainerVault
from tests.vaults.foreign import ForeignVault
from tests.vaults.process import VaultProcess, binary
from tests.vaults.secrecy import debugging, listening, pytest_runtest_makereport
from tests.vaults.subjects import Mounts, arena_of, subject

__all__ = ["debugging", "listening", "pytest_runtest_makereport"]


@pytest.fixture(scope="session")
def vault_source() -> Source:
    """Return where the server comes from; without one, its tests are skipped, and loudly."""
    wanted = os.environ.get("TEST_VAULT", "")
    try:
        found = chosen(wanted, this_machine())
    except UnavailableError as error:
        pytest.fail(str(error), pytrace=False)
    if found is Source.NONE:
        pytest.skip(FORCED_NONE if wanted else MISSING)
    return found


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


@contextmanager
def a_foreign_server(_request):
    """Give the server of VAULT_ADDR, and tidy it afterwards."""
    server = ForeignVault(os.environ["VAULT_ADDR"].rstrip("/"), os.environ.get("VAULT_TOKEN", ""))
    try:
        server.call("GET", "auth/token/lookup-self")
    except (OSError, urllib.error.URLError) as error:
        told = f"VAULT_ADDR={server.address} does not take VAULT_TOKEN: {error}"
        pytest.fail(told, pytrace=False)
    yield server
    server.tidy()


@contextmanager
def a_process(request):
    """Give an unsealed server of this worker's own."""
    folder = request.getfixturevalue("tmp_path_factory").mktemp("vault") / "server"
    shutil.copytree(request.getfixturevalue("initialised"), folder)
    server = VaultProcess(str(binary()), folder)
    try:
        server.start()
        server.remember()
        server.unseal()
        yield server
    finally:
        server.stop()


@contextmanager
def a_container(request):
    """Give an unsealed server in a container, of a compose project of this worker's own."""
    services = request.getfixturevalue("docker_services")
    port, ip = services.port_for(SERVICE, 8200), request.getfixturevalue("docker_ip")
    server = ContainerVault(f"http://{ip}:{port}", services._docker_compose.execute)
    server.wait(lambda health: True)
    server.initialise()
    yield server


_OPENED = {Source.ADDRESS: a_foreign_server, Source.PROCESS: a_process, Source.DOCKER: a_container}


@pytest.fixture(scope="session")
def vault_server(request, vault_source):
    """Run one unsealed server for this worker's tests."""
    with _OPENED[vault_source](request) as server:
        yield server


@pytest.fixture
def vault(vault_server):
    """Return the worker's server."""
    return vault_server


@pytest.fixture(scope="session")
def docker_compose_command() -> str:
    """Return how pytest-docker calls compose; the server is published on a port that is free."""
    return f"VAULT_PORT={free_port()} docker compose"


@pytest.fixture(scope="session")
def docker_compose_file() -> str:
    """Return the shipped compose file."""
    return str(COMPOSE_FILE)


@pytest.fixture(scope="session")
def docker_setup() -> list[str]:
    """Return what starts the server alone."""
    return [UP]


@pytest.fixture(scope="session")
def docker_cleanup() -> list[str]:
    """Return what takes it away, with its volume."""
    return [DOWN]


@pytest.fixture
def mounts(vault):
    """Return two mounts of this test's own; they are not there yet."""
    return Mounts(vault)


@pytest.fixture
def arena(mounts):
    """Return an arena on the provider in those mounts."""
    with arena_of(subject(mounts)) as arena:
        yield arena
