"""The Vault provider: keys and signatures in the PKI engine of HashiCorp Vault or OpenBao.

Private keys never leave the server. Roots live in one mount, signers in another; every object is
named after the id that it was made for.
"""

from ca_core.contract import ProviderContext, ProviderPlugin, Role, hookimpl, json_schema
from ca_provider_vault.config import CONSUL_NAMES, VaultConfig, parse_config
from ca_provider_vault.primary import VaultPrimary
from ca_provider_vault.secondary import VaultSecondary
from ca_provider_vault.signing import RemoteSigning

__all__ = [
    "VaultConfig",
    "VaultPrimary",
    "VaultSecondary",
    "ca_provider",
    "create",
    "parse_config",
]


def create(config: VaultConfig, context: ProviderContext) -> RemoteSigning:
    """Return the provider for the role of ``context``; asks the server for nothing yet."""
    if context.role is Role.SECONDARY:
        return VaultSecondary(config, context)
    return VaultPrimary(config, context)


@hookimpl
def ca_provider() -> ProviderPlugin[VaultConfig]:
    """Describe this provider to the core."""
    return ProviderPlugin(
        parse_config=parse_config,
        create=create,
        description="keys and signatures in HashiCorp Vault or OpenBao",
        capabilities=VaultPrimary.ABILITIES | VaultSecondary.ABILITIES,
        schema=json_schema(VaultConfig),
        consul_names=CONSUL_NAMES,
    )
