"""The union of identities is closed: a ``match`` that forgets one is found by mypy."""

from typing import assert_never

from ca_core.identity.spiffe import (
    AgentId,
    GatewayId,
    ServerId,
    ServiceId,
    SigningId,
    SpiffeId,
    TrustDomain,
)


def complete(identity: SpiffeId) -> str:
    """Name every kind."""
    match identity:
        case ServiceId():
            return identity.service
        case AgentId():
            return identity.node
        case ServerId() | GatewayId():
            return identity.datacenter
        case SigningId():
            return identity.trust_domain.name
        case _:
            assert_never(identity)


def forgetful(identity: SpiffeId) -> str:
    """Forget the gateway."""
    match identity:
        case ServiceId() | AgentId() | ServerId() | SigningId():
            return "known"
        case _:
            # GatewayId is left
            assert_never(identity)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def raw_text(domain: TrustDomain) -> ServiceId:
    """Hand over text where a parsed trust domain belongs."""
    text = "a.consul"
    ServiceId(trust_domain=text, datacenter="dc1", service="web")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    return ServiceId(trust_domain=domain, datacenter="dc1", service="web")
