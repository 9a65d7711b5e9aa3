"""The built-in provider: keys in the core's secret store, signatures by ``cryptography``.

It needs nothing outside this program. It makes its own root, adopts an operator's CA, or is signed
by a corporate CA; in a secondary datacenter it signs below the primary's.
"""

from ca_core.contract import ProviderContext, ProviderPlugin, Role, hookimpl, json_schema
from ca_provider_builtin.config import CONSUL_NAMES, BuiltinConfig, parse_config
from ca_provider_builtin.primary import BuiltinPrimary
from ca_provider_builtin.secondary import BuiltinSecondary
from ca_provider_builtin.signing import LocalSigning

__all__ = [
    "BuiltinConfig",
    "BuiltinPrimary",
    "BuiltinSecondary",
    "ca_provider",
    "create",
    "parse_config",
]


def create(config: BuiltinConfig, context: ProviderContext) -> LocalSigning:
    """Return the provider for the role of ``context``; makes and reads nothing else."""
    if context.role is Role.SECONDARY:
        return BuiltinSecondary(config, context)
    return BuiltinPrimary(config, context)


@hookimpl
def ca_provider() -> ProviderPlugin[BuiltinConfig]:
    """Describe this provider to the core."""
    return ProviderPlugin(
        parse_config=parse_config,
        create=create,
        description="keys in the server's own encrypted store; no other software needed",
        capabilities=BuiltinPrimary.ABILITIES | BuiltinSecondary.ABILITIES,
        schema=json_schema(BuiltinConfig),
        consul_names=CONSUL_NAMES,
    )
