"""What agents and servers say to each other: join, rejoin, sign."""

import msgspec


class JoinRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/cluster/join``: a new agent shows its token and asks for its own leaf.

    ``csr`` is PEM for the agent's ID; the server learns node and key from it and binds both.
    """

    token_id: str = msgspec.field(name="TokenID")
    secret: str = msgspec.field(name="Secret")
    node: str = msgspec.field(name="Node")
    csr: str = msgspec.field(name="CSR")

    def __repr__(self) -> str:
        return f"JoinRequest({self.token_id}, node={self.node!r})"


class RejoinRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/cluster/rejoin``: an agent whose leaf expired; its *old* key signs the CSR."""

    node: str = msgspec.field(name="Node")
    csr: str = msgspec.field(name="CSR")


class SignRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/cluster/sign``: a leaf for a service on this node, or the agent's own next one.

    ``replaces`` is the RFC 3339 expiry of the leaf that the new one replaces; empty at first.
    ``grant`` is that of the token whose holder wants the leaf; with it, the token's rights decide.
    """

    csr: str = msgspec.field(name="CSR")
    replaces: str = msgspec.field(name="Replaces", default="")
    grant: str = msgspec.field(name="Grant", default="")

    def __repr__(self) -> str:
        return f"SignRequest(replaces={self.replaces!r}, granted={bool(self.grant)})"


class SignedLeaf(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to all three.

    Attributes:
        cert_pem: leaf first, then what leads to the anchor; the anchor itself is absent.
        index: issuance index, at least 1.
        trust_domain, datacenter: where the agent now belongs.
        roots_pem: every trusted anchor, PEM, concatenated.
    """

    cert_pem: str = msgspec.field(name="CertPEM")
    index: int = msgspec.field(name="Index")
    trust_domain: str = msgspec.field(name="TrustDomain")
    datacenter: str = msgspec.field(name="Datacenter")
    roots_pem: str = msgspec.field(name="RootsPEM")


class JoinTokenRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``PUT /v1/cluster/join-token``: make a token for one node; ``ttl`` like ``1h``."""

    node: str = msgspec.field(name="Node")
    ttl: str = msgspec.field(name="TTL", default="1h")


class JoinToken(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh join token; ``token`` is the one string to carry to the node, shown once."""

    id: str = msgspec.field(name="ID")
    node: str = msgspec.field(name="Node")
    token: str = msgspec.field(name="Token")
    expires_at: str = msgspec.field(name="ExpiresAt")

    def __repr__(self) -> str:
        return f"JoinToken({self.id}, node={self.node!r})"


class AgentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One joined agent, in ``GET /v1/cluster/agents``; times RFC 3339, UTC."""

    node: str = msgspec.field(name="Node")
    spiffe_id: str = msgspec.field(name="SpiffeID")
    joined_at: str = msgspec.field(name="JoinedAt")
    leaf_not_after: str = msgspec.field(name="LeafNotAfter")
    last_seen: str = msgspec.field(name="LastSeen")
