"""The small honest provider that most later faults are put into: keys and chains by ``Kept``."""

import msgspec

from ca_core.contract import (
    ROOT,
    Capability,
    Findings,
    Kept,
    Provider,
    ProviderPlugin,
    RequestError,
    Signer,
    TrustChain,
    issue_intermediate,
    issue_leaf,
    issue_root,
    json_schema,
    parse_struct,
    positive_life,
    signer_name,
)


class SmallConfig(msgspec.Struct, frozen=True):
    """No settings."""


class SmallProvider(Provider):
    """Everything that must be written, and retirement; a subclass spoils one thing."""

    capabilities = frozenset({Capability.TEMPLATE})

    def __init__(self, context):
        self.context = context
        self.kept = Kept(context)

    def probe(self, request):
        """Say whether the authority exists."""
        return Findings(exists=self.kept.chain_or_none(ROOT) is not None)

    def ensure_authority(self, request):
        """Make or return the authority."""
        self.check_own(request)
        chain = self.kept.made(ROOT, request.key, lambda key: self.root(key, request))
        return TrustChain(chain)

    def trust_chain(self):
        """Return its chain."""
        return TrustChain(self.kept.chain(ROOT))

    def prepare_signer(self, request):
        """Make or return a signer below it."""
        self.kept.chain(ROOT)
        name = signer_name(request.id)
        chain = self.kept.made(name, request.key, lambda key: self.intermediate(key, request))
        return Signer(request.id, chain)

    def sign_leaf(self, request):
        """Sign under the named signer."""
        return issue_leaf(self.kept.signer(request.signer).pair, request)

    def retire_signer(self, request):
        """Remove that signer."""
        self.kept.retire_signer(request.id)

    def retire(self, request):
        """Remove the authority."""
        self.kept.retire()

    def check_own(self, request):
        """Refuse another authority than the one this object serves."""
        if request.id != self.context.authority_id:
            raise RequestError("this object serves another authority", field="id")

    def root(self, key, request):
        """Return the chain of a new primary CA."""
        ttl, now = positive_life(request.ttl), self.context.clock.now()
        domain = self.context.trust_domain
        return [issue_root(key, trust_domain=domain, label=request.id, now=now, ttl=ttl)]

    def intermediate(self, key, request):
        """Return the chain of a new signer."""
        root, now = self.kept.held(ROOT), self.context.clock.now()
        return [
            issue_intermediate(
                root.pair,
                key.public_key(),
                trust_domain=self.context.trust_domain,
                label=request.id,
                now=now,
                ttl=min(positive_life(request.ttl), root.ends - now),
            ),
            *root.chain,
        ]


def plugin_of(kind):
    """Return a descriptor whose providers are of ``kind``, made from the context alone."""
    return ProviderPlugin(
        parse_config=lambda raw: parse_struct(SmallConfig, raw, where="ca.config"),
        create=lambda _config, context: kind(context),
        description=f"small, and {kind.__name__}",
        capabilities=kind.capabilities,
        schema=json_schema(SmallConfig),
    )
