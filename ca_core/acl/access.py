"""One question, one function: may this caller do this?

Here is what may be done without a token: ``dev`` allows everything; otherwise operators are root
and the user the program runs as, over a unix socket; services are given to the uids listed for
them; a joined agent may have its own leaf and leaves of services. What tokens add to it is in
``ca_core.acl.resolving``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ca_core.acl.identities import SIDECAR_SUFFIX
from ca_core.acl.principal import Anonymous, Node, Peer, Principal
from ca_core.acl.rules import Level, Resource
from ca_core.identity.spiffe import AgentId


class Action(StrEnum):
    """What a caller may want, in Consul's words for rules: ``resource:level``."""

    SERVICE_READ = "service:read"
    """See the service ``name``."""
    SERVICE_WRITE = "service:write"
    """Be the service ``name``: have its leaf and key."""
    INTENTION_READ = "intention:read"
    """See who may talk to ``name``; ``*`` asks for a right on any service."""
    INTENTION_WRITE = "intention:write"
    """Say who may talk to ``name``; ``*`` asks for the right on every service."""
    NODE_READ = "node:read"
    """See the node ``name``."""
    NODE_WRITE = "node:write"
    """Be the agent on node ``name``."""
    OPERATOR_READ = "operator:read"
    """See configuration, agents, join tokens."""
    OPERATOR_WRITE = "operator:write"
    """Change them."""
    ACL_READ = "acl:read"
    """See tokens and policies, never their secrets."""
    ACL_WRITE = "acl:write"
    """Change them: give every right to oneself."""
    AGENT_READ = "agent:read"
    """See the process: ``/metrics``, ``/v1/agent/self``."""
    AGENT_WRITE = "agent:write"
    """Change what the process does."""

    @property
    def resource(self) -> Resource:
        """Return what it is about."""
        return _ASKED[self][0]

    @property
    def level(self) -> Level:
        """Return how much of it: ``READ`` or ``WRITE``."""
        return _ASKED[self][1]


def _asked(action: Action) -> tuple[Resource, Level]:
    resource, _, level = action.partition(":")
    return Resource(resource), Level[level.upper()]


_ASKED = {action: _asked(action) for action in Action}
"""Both halves, worked out once: the question is asked on every request."""

May = Callable[[Principal, Action, str], bool]
"""``may(caller, action, name)``; pure, immediate, no exception."""


@dataclass(frozen=True, slots=True)
class AllowAll:
    """``dev``: everybody on loopback may do everything."""

    def __call__(self, caller: Principal, action: Action, name: str) -> bool:
        """Allow."""
        return True


OPERATORS = frozenset(Action) - {Action.SERVICE_WRITE, Action.NODE_WRITE}
"""What operators may over a unix socket; to be a service or a node is the service's or node's."""

_SEES = frozenset({Action.SERVICE_READ, Action.INTENTION_READ, Action.NODE_READ})
"""What services and agents may on every name: find one another. An agent that vouches for its node
may ``service:write`` too; a service may on its own name and on that of its proxy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRules:
    """Outside ``dev``: the kernel's word about local users, and mTLS for agents.

    Attributes:
        owner_uid: the user this process runs as; that user and root are operators.
        workloads: service name → uids that may have its leaf (``[agent.workloads]``), and with it
            what the service identity of a token gives (``ca_core.acl.identities``).
        agents_vouch: whether an agent may have the leaf of any service for whom it says; else only
            for holders of tokens.
    """

    owner_uid: int
    workloads: Mapping[str, frozenset[int]] = field(default_factory=dict)
    agents_vouch: bool = True

    def __call__(self, caller: Principal, action: Action, name: str) -> bool:
        """Say whether ``caller`` may do ``action`` on ``name``."""
        match caller:
            case Peer(uid=uid):
                return self._of_peer(uid, action, name)
            case Node(identity=AgentId(node=node)):
                return self._of_agent(node, action, name)
            case Anonymous(loopback=loopback):
                return loopback and action is Action.AGENT_READ
            case _:
                return False

    def _of_agent(self, node: str, action: Action, name: str) -> bool:
        if action is Action.SERVICE_WRITE:
            return self.agents_vouch
        return action in _SEES or (action is Action.NODE_WRITE and node == name)

    def _of_peer(self, uid: int, action: Action, name: str) -> bool:
        if action is Action.AGENT_READ or (uid in (0, self.owner_uid) and action in OPERATORS):
            return True
        if action in _SEES:
            return any(uid in users for users in self.workloads.values())
        return action is Action.SERVICE_WRITE and self._is_service(uid, name)

    def _is_service(self, uid: int, name: str) -> bool:
        own = (name, name.removesuffix(SIDECAR_SUFFIX))
        return any(uid in self.workloads.get(each, frozenset()) for each in own)
