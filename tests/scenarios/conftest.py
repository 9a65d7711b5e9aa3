"""A real OpenBao server for the scenarios that swap to it."""

from tests.vaults.conftest import initialised, vault_server, vault_source

__all__ = ["initialised", "vault_server", "vault_source"]
