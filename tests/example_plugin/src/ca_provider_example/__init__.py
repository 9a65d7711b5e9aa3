"""A provider whose keys lie in the core's secret store."""

import msgspec
from cryptography import x509

from ca_core.contract import (
    ROOT, AuthorityRequest, Capability, Kept, LeafRequest, Provider, ProviderContext,
    ProviderPlugin, RetireRequest, RetireSignerRequest, Signer, SignerRequest, TrustChain,
    hookimpl, issue_intermediate, issue_leaf, issue_root, json_schema, parse_struct, signer_name,
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may set below [ca.config]: nothing yet."""


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


@hookimpl
def ca_provider() -> ProviderPlugin[Settings]:
    """Describe the provider to the core."""
    return ProviderPlugin(
        parse_config=lambda raw: parse_struct(Settings, raw, where="ca.config"),
        create=lambda _settings, context: Example(context),
        description="keys in the core's secret store; the provider of the tutorial",
        capabilities=Example.capabilities,
        schema=json_schema(Settings),
    )
