"""A CA that `cfssl serve` holds, for ca-core."""

from ca_core.contract import ProviderPlugin, hookimpl, json_schema
from ca_provider_cfssl.config import Settings, parse_config
from ca_provider_cfssl.provider import Cfssl

__all__ = ["ca_provider"]


@hookimpl
def ca_provider() -> ProviderPlugin[Settings]:
    """Describe this provider to the core; nothing is opened by it."""
    return ProviderPlugin(
        parse_config=parse_config,
        create=Cfssl,
        description="the one CA of `cfssl serve`, which signs every leaf itself",
        capabilities=Cfssl.capabilities,
        schema=json_schema(Settings),
    )
