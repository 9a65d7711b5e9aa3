"""A Vault for the services of the compose file: the one that the provider's tests use."""

from tests.vaults.conftest import (
    docker_cleanup,
    docker_compose_command,
    docker_compose_file,
    docker_setup,
    initialised,
    vault,
    vault_server,
    vault_source,
)

__all__ = [
    "docker_cleanup",
    "docker_compose_command",
    "docker_compose_file",
    "docker_setup",
    "initialised",
    "vault",
    "vault_server",
    "vault_source",
]
