"""Agents in the server's own process, as in ``dev``: no row names them, and yet they count."""

from datetime import datetime

from ca_core.authority.signerrules import Bundle
from ca_core.identity.spiffe import AgentId
from ca_core.lifecycle.evidence import Counted
from ca_core.lifecycle.reachability import LEASE


class Companions:
    """The agents that run here, and the bundle that each of them says it uses."""

    def __init__(self) -> None:
        self._held: dict[AgentId, Bundle | None] = {}

    def came(self, agent: AgentId) -> None:
        """Note that an agent runs here; it counts from now on."""
        self._held.setdefault(agent, None)

    def holds(self, agent: AgentId, bundle: Bundle) -> None:
        """Note the bundle that an agent, and all that it feeds, use."""
        self._held[agent] = bundle

    def left(self, agent: AgentId) -> None:
        """Note that an agent has ended."""
        self._held.pop(agent, None)

    def counted(self, now: datetime) -> tuple[Counted, ...]:
        """Return them as evidence counts them; a lease here is as long as the process."""
        return tuple(
            Counted(
                node=agent.node,
                spiffe_id=str(agent),
                until=now + LEASE,
                holds=bundle,
                is_reachable=True,
            )
            for agent, bundle in self._held.items()
        )
