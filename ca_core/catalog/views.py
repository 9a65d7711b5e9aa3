"""Views of the catalog: what can be asked, and in which form it is answered.

The same question is answered by a server from its store and by an agent from its cache, with the
same functions on the same values. A view holds everything; what a caller may see of it is decided
on every request (``ca_core.catalog.seeing``).
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol

from ca_core.acl.principal import Anonymous, Principal
from ca_core.wire.catalog import Check, Instance, Node, NodeServices
from ca_core.wire.freshness import ANY_AGE, Freshness


class ViewKind(StrEnum):
    """What a view is about."""

    CONNECT = "connect"
    """Instances that take part in the mesh for the service: its proxies, and native ones."""
    SERVICE = "service"
    """Instances of the service."""
    SERVICES = "services"
    """The names of all services, each with the tags that its instances have."""
    NODES = "nodes"
    """All nodes."""
    NODE = "node"
    """One node and what runs on it."""
    CHECKS = "checks"
    """All checks of all nodes."""


class ViewKey(NamedTuple):
    """Which view. ``name`` is a service or a node, '' where the kind needs none."""

    kind: ViewKind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


ViewValue = (
    tuple[Instance, ...]
    | dict[str, tuple[str, ...]]
    | tuple[Node, ...]
    | NodeServices
    | tuple[Check, ...]
    | None
)
"""By kind: instances for CONNECT and SERVICE; name → sorted tags for SERVICES; nodes for NODES; one
node, or None if it is unknown, for NODE; checks for CHECKS. Instances are sorted by node and id,
nodes by name, checks by node and id."""


@dataclass(slots=True, kw_only=True)
class ViewAnswer:
    """One view, and how fresh it is; not frozen, since that would triple what making one costs.

    Attributes:
        value: whole; not to be changed.
        index: at least 1; another one means another value.
        hit: True if it came from an agent's memory at once.
        age: how long ago contact with the server was lost; zero while it stands.
        known_leader: whether a server answered last time; True on a server.
        stamp: on an agent, another one for every value that came: after a restore of servers the
            same index may mean another value. 0 on a server, which begins anew with its store.
    """

    value: ViewValue
    index: int
    hit: bool = False
    age: timedelta = timedelta()
    known_leader: bool = True
    stamp: int = 0


NOBODY = Anonymous()
"""Who asks, if nobody says."""


class Views(Protocol):
    """Who answers with views: a server's store, or an agent's cache. Used from one event loop."""

    async def get(
        self,
        key: ViewKey,
        *,
        min_index: int = 0,
        wait: timedelta,
        freshness: Freshness = ANY_AGE,
        caller: Principal = NOBODY,
    ) -> ViewAnswer:
        """Return the view: at once, or, if ``min_index`` is its index, once it differs.

        After ``wait`` the same is answered again. What was never registered is an empty view, not
        an error.

        ``freshness`` has no meaning on a server, whose answers are of now. ``caller`` is who asks:
        what an agent remembers for somebody goes with their rights. It decides nothing about rows.

        Raises:
            DeniedError: while the caller waited, their token ended.
            Error: an agent has none that is fresh enough; why the last attempt failed.
        """
        ...
