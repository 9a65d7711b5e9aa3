"""OpenBao in a container: the service of the compose file, alone."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.vaults.server import VaultServer

SERVICE = "openbao"
COMPOSE_FILE = Path(__file__).parents[2] / "docker" / "compose.yaml"
UP = f"--profile {SERVICE} up --detach --no-deps {SERVICE}"
DOWN = f"--profile {SERVICE} down --volumes"


@dataclass
class ContainerVault(VaultServer):
    """The server of a compose project, which is up.

    Attributes:
        compose: runs one command of `docker compose` in that project.
    """

    address: str
    compose: Callable[[str], object]
    token: str = field(default="", repr=False)
    unseal_key: str = field(default="", repr=False)
    is_audited = False

    @property
    def audit_log(self) -> Path:
        """Skip the test: the log would be in the container, and this server keeps none."""
        pytest.skip("NOT RUN: the server in a container keeps no audit log; TEST_VAULT=process")

    def start(self) -> None:
        """Start the container and wait until the server answers."""
        self.compose(f"--profile {SERVICE} start {SERVICE}")
        self.wait(lambda health: True)

    def kill(self) -> None:
        """Kill the container."""
        self.compose(f"--profile {SERVICE} kill {SERVICE}")
