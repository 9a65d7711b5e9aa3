"""A provider whose keys lie in the core's secret store."""

from collections.abc import Mapping
from typing import Any

from cryptography import x509

from ca_core.contract import (
    ROOT, AuthorityRequest, Capability, ConfigError, Kept, LeafRequest, Provider, ProviderContext,
    ProviderPlugin, RetireRequest, RetireSignerRequest, Signer, SignerRequest, TrustChain,
    hookimpl, issue_intermediate, issue_leaf, issue_root, signer_name,
)


class Example(Provider):
    """Four methods that must be written, and two that clean up."""

    capabilities = frozenset({Capability.TEMPLATE})

    def __init__(self, context: ProviderContext) -> None:
        self._context = context
        self._kept = Kept(context)

    def ensure_authority(self, request: AuthorityRequest) -> TrustChain:
        now, domain = self._context.clock.now(), request.trust_domain
        return TrustChain(self._kept.made(ROOT, request.key, lambda key: (
            issue_root(key, trust_domain=domain, label=request.id, now=now, ttl=request.ttl),
        )))

    def trust_chain(self) -> TrustChain:
        return TrustChain(self._kept.chain(ROOT))

    def prepare_signer(self, request: SignerRequest) -> Signer:
        now, root = self._context.clock.now(), self._kept.held(ROOT)
        name = signer_name(request.id)
        return Signer(request.id, self._kept.made(name, request.key, lambda key: (
            issue_intermediate(
                root.pair, key.public_key(), trust_domain=self._context.trust_domain,
                label=request.id, now=now, ttl=request.ttl,
            ),
            *root.chain,
        )))

    def sign_leaf(self, request: LeafRequest) -> x509.Certificate:
        return issue_leaf(self._kept.signer(request.signer).pair, request)

    def retire_signer(self, request: RetireSignerRequest) -> None:
        self._kept.retire_signer(request.id)

    def retire(self, request: RetireRequest) -> None:
        self._kept.retire()


def parse_config(raw: Mapping[str, Any]) -> None:
    """Take no settings; a real provider returns a frozen value or raises ConfigError."""
    if raw:
        raise ConfigError("unknown key; this provider has no settings", where="ca.config")


@hookimpl
def ca_provider() -> ProviderPlugin[None]:
    """Describe the provider to the core."""
    return ProviderPlugin(
        parse_config=parse_config,
        create=lambda _config, context: Example(context),
        description="keys in the core's secret store; the provider of the tutorial",
        capabilities=Example.capabilities,
        schema={"type": "object", "properties": {}},
    )
