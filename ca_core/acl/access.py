"""One question, one function: may this caller do this?

The rules of this stage, until tokens exist: ``dev`` allows everything; otherwise operators are root
and the user the program runs as, over a unix socket; services are given to the uids listed for
them; a joined agent may have its own leaf and leaves of services. The token model replaces the
rules, not the question.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ca_core.acl.principal import Anonymous, Node, Peer, Principal
from ca_core.identity.spiffe import AgentId


class Action(StrEnum):
    """What a caller may want, in Consul's words for rules."""

    SERVICE_WRITE = "service:write"
    """Be the service ``name``: have its leaf and key."""
    NODE_WRITE = "node:write"
    """Be the agent on node ``name``."""
    OPERATOR_READ = "operator:read"
    """See configuration, agents, join tokens."""
    OPERATOR_WRITE = "operator:write"
    """Change them."""
    AGENT_READ = "agent:read"
    """See the process: ``/metrics``, ``/v1/agent/self``."""


May = Callable[[Principal, Action, str], bool]
"""``may(caller, action, name)``; pure, immediate, no exception."""


@dataclass(frozen=True, slots=True)
class AllowAll:
    """``dev``: everybody on loopback may do everything."""

    def __call__(self, caller: Principal, action: Action, name: str) -> bool:
        """Allow."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRules:
    """Outside ``dev``: the kernel's word about local users, and mTLS for agents.

    Attributes:
        owner_uid: the user this process runs as; that user and root are operators.
        workloads: service name → uids that may have its leaf (``[agent.workloads]``).
    """

    owner_uid: int
    workloads: Mapping[str, frozenset[int]] = field(default_factory=dict)

    def __call__(self, caller: Principal, action: Action, name: str) -> bool:
        """Say whether ``caller`` may do ``action`` on ``name``."""
        match caller, action:
            case Peer(uid=uid), Action.SERVICE_WRITE:
                return uid in self.workloads.get(name, frozenset())
            case Peer(uid=uid), Action.OPERATOR_READ | Action.OPERATOR_WRITE:
                return uid in (0, self.owner_uid)
            case ((Peer() | Anonymous(loopback=True)), Action.AGENT_READ):
                return True
            case Node(identity=AgentId()), Action.SERVICE_WRITE:
                return True
            case Node(identity=AgentId(node=node)), Action.NODE_WRITE:
                return node == name
            case _:
                return False
