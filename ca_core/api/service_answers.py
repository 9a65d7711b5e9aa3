"""Services and checks of this host as Consul's agent shows them."""

import hashlib
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from ca_core.agent.services.localstate import LocalState
from ca_core.agent.services.standing import LocalCheck, is_maintenance, worst
from ca_core.agent.services.telling import shown_check
from ca_core.wire.catalog import Connect, Proxy, Service
from ca_core.wire.services import AgentHealth, AgentService

HASH_LENGTH = 16


def agent_service(service: Service, datacenter: str) -> AgentService:
    """Return an instance as the agent shows it; its addresses by tag name its own too."""
    unset = msgspec.UNSET
    return AgentService(
        kind=service.kind,
        id=service.id,
        service=service.service,
        tags=service.tags,
        meta=service.meta,
        port=service.port,
        address=service.address,
        socket_path=service.socket_path or unset,
        tagged_addresses=service.tagged_addresses,
        weights=service.weights,
        enable_tag_override=service.enable_tag_override,
        proxy=unset if service.proxy == Proxy() else service.proxy,
        connect=unset if service.connect == Connect() else service.connect,
        datacenter=datacenter,
    )


def with_hash(shown: AgentService) -> AgentService:
    """Return the instance with a hash of all that is shown of it: 16 hex digits."""
    digest = hashlib.sha256(msgspec.json.encode(shown, order="deterministic")).hexdigest()
    return replace(shown, content_hash=digest[:HASH_LENGTH])


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Where this agent is, and whether the caller may see its node."""

    node: str
    datacenter: str
    sees_node: bool


def agent_health(state: LocalState, service_id: str, sight: Sight) -> AgentHealth:
    """Return how an instance stands: by its checks and those of the node, seen or not."""
    own, of_node = state.checks_of(service_id), state.checks_of("")
    seen = (*own, *of_node) if sight.sees_node else own
    return AgentHealth(
        aggregated=aggregated((*own, *of_node)),
        service=agent_service(state.services[service_id].service, sight.datacenter),
        checks=tuple(shown_check(check, state, sight.node) for check in seen),
    )


def aggregated(checks: tuple[LocalCheck, ...]) -> str:
    """Return how checks stand together; ``maintenance`` before everything else."""
    if any(is_maintenance(check.definition.id) for check in checks):
        return "maintenance"
    return worst(check.status for check in checks).value
