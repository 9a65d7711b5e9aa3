"""What a provider author reads, and the only package a provider imports.

Start with ``Provider`` (four methods must be written), then ``ProviderPlugin`` and ``hookimpl``
(how it is found), then ``ProviderContext`` (what is lent to you).
"""

from ca_core.clock import Clock
from ca_core.contract.answers import Findings, Health, Signer, TrustChain
from ca_core.contract.capabilities import Capability, Role
from ca_core.contract.context import ProviderContext, ProviderState, SecretStore
from ca_core.contract.plugin import (
    API_VERSION,
    Event,
    IssuanceReview,
    ProviderPlugin,
    Verdict,
    hookimpl,
)
from ca_core.contract.provider import Provider
from ca_core.contract.requests import (
    AuthorityRequest,
    CrlRequest,
    CrossSignRequest,
    CsrRequest,
    InstallRequest,
    IntermediateRequest,
    IPAddress,
    LeafRequest,
    ProbeRequest,
    Request,
    RetireRequest,
    RetireSignerRequest,
    RevokeRequest,
    SignerRequest,
)
from ca_core.errors import (
    AuthorityRetiredError,
    CapabilityUnsupportedError,
    ConfigError,
    Error,
    NotReadyError,
    OutcomeUnknownError,
    PendingError,
    PermissionDeniedError,
    ProviderError,
    RateLimitedError,
    RequestError,
    SignerUnknownError,
    UnavailableError,
)
from ca_core.fields import Secret, json_schema, parse_struct
from ca_core.identity.keys import KeySpec, KeyType, PrivateKey
from ca_core.identity.spiffe import (
    AgentId,
    GatewayId,
    ServerId,
    ServiceId,
    SigningId,
    SpiffeId,
    TrustDomain,
)

__all__ = [
    "API_VERSION",
    "AgentId",
    "AuthorityRequest",
    "AuthorityRetiredError",
    "Capability",
    "CapabilityUnsupportedError",
    "Clock",
    "ConfigError",
    "CrlRequest",
    "CrossSignRequest",
    "CsrRequest",
    "Error",
    "Event",
    "Findings",
    "GatewayId",
    "Health",
    "IPAddress",
    "InstallRequest",
    "IntermediateRequest",
    "IssuanceReview",
    "KeySpec",
    "KeyType",
    "LeafRequest",
    "NotReadyError",
    "OutcomeUnknownError",
    "PendingError",
    "PermissionDeniedError",
    "PrivateKey",
    "ProbeRequest",
    "Provider",
    "ProviderContext",
    "ProviderError",
    "ProviderPlugin",
    "ProviderState",
    "RateLimitedError",
    "Request",
    "RequestError",
    "RetireRequest",
    "RetireSignerRequest",
    "RevokeRequest",
    "Role",
    "Secret",
    "SecretStore",
    "ServerId",
    "ServiceId",
    "Signer",
    "SignerRequest",
    "SignerUnknownError",
    "SigningId",
    "SpiffeId",
    "TrustChain",
    "TrustDomain",
    "UnavailableError",
    "Verdict",
    "hookimpl",
    "json_schema",
    "parse_struct",
]
