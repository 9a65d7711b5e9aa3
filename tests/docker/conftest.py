"""A Vault for the services of the compose file: the one that the provider's tests use."""

from tests.vaults.conftest import initialised, vault, vault_server

__all__ = ["initialised", "vault", "vault_server"]
