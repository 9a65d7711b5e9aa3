"""An agent as it tells of itself: ``/v1/agent/self``. No secret is in it."""

from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Protocol

from ca_core.agent.agentsettings import AgentSettings
from ca_core.agent.grants import Grants
from ca_core.agent.intentions import IntentionCache
from ca_core.agent.leaves import LeafCache
from ca_core.agent.ownleaf import OwnLeaf
from ca_core.agent.pollers import Pollers
from ca_core.agent.rootscache import RootsCache
from ca_core.agent.services.registering import Registering
from ca_core.clock import Clock
from ca_core.wire.times import wire_time

_SHOWN = 20
"""Readers named in the agent's description; more of them help nobody."""


class Described(Protocol):
    """What an agent is made of, as far as it tells of it; see ``Agent``."""

    roots: RootsCache
    leaves: LeafCache
    pollers: Pollers
    intentions: IntentionCache
    registering: Registering
    facts: dict[str, Callable[[], object]]


def described(
    agent: Described,
    settings: AgentSettings,
    grants: Grants | None,
    own: OwnLeaf | None,
    clock: Clock,
) -> Mapping[str, object]:
    """Return an agent in the shape of ``/v1/agent/self``."""
    return {
        "Config": {
            "Datacenter": settings.datacenter,
            "NodeName": settings.node,
            "Server": False,
            "Version": metadata.version("ca-core"),
        },
        "Stats": {
            "agent": {
                "leaves": len(agent.leaves),
                "tokens": 0 if grants is None else len(grants),
            },
            "roots": {
                "known_leader": agent.roots.known_leader,
                "age_seconds": round(agent.roots.age.total_seconds()),
                "last_error": str(agent.roots.last_error or ""),
            },
            "readers": _readers(agent.pollers, clock),
            "intentions": agent.intentions.describe(),
            "services": agent.registering.describe(),
            **{name: fact() for name, fact in agent.facts.items()},
        },
        "Identity": {} if own is None else _identity(own),
    }


def _readers(pollers: Pollers, clock: Clock) -> Mapping[str, object]:
    """Return how many programs read roots here, and a few of those that are behind."""
    behind = pollers.behind(clock.monotonic())
    return {"known": len(pollers), "behind": len(behind), "such_as": behind[:_SHOWN]}


def _identity(own: OwnLeaf) -> Mapping[str, object]:
    identity = own.identity
    return {
        "SpiffeID": str(identity.id),
        "ValidBefore": wire_time(identity.not_after),
        "RenewAt": wire_time(identity.renew_at),
        "Server": identity.server,
    }
