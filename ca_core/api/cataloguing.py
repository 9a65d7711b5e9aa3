"""The catalog of a server, and what goes with it."""

from dataclasses import dataclass

from ca_core.agent.waiting import Gathering
from ca_core.allowances import Allowances
from ca_core.api.newnames import name_allowances
from ca_core.api.storeviews import StoreViews
from ca_core.catalog.digests import Digests
from ca_core.catalog.following import FollowingCatalog
from ca_core.catalog.hearing import Ears
from ca_core.catalog.liveness import unsettled
from ca_core.catalog.viewing import Viewing
from ca_core.clock import Clock
from ca_core.state.store import Store

WRITES_AT_ONCE, WRITES_PER_SECOND = 100.0, 10.0
"""Commits for one agent, and times that it tells all; it tells once in a second itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cataloguing:
    """The newest catalog, and what this process remembers of it.

    Attributes:
        following: the newest catalog; it follows the store.
        viewing: views as they were made last.
        views: the same, for whoever asks and waits.
        digests: of what is stored of each node.
        liveness: which agents this server hears.
        arrivals: where one waits for agents that come to this server.
        names: how many new names of services the agent of each node may bring.
        writes: how much the agent of each node may have written.
        server: this server's lasting name.
    """

    following: FollowingCatalog
    viewing: Viewing
    views: StoreViews
    digests: Digests
    liveness: Ears
    arrivals: Gathering
    names: Allowances[str]
    writes: Allowances[str]
    server: str

    @classmethod
    def of(cls, store: Store, clock: Clock, server: str) -> "Cataloguing":
        """Return what a server needs. Reads every instance."""
        following, viewing, arrivals = FollowingCatalog(store), Viewing(), Gathering()

        def news(node: str) -> bool:
            return unsettled(store.snapshot, node, server)

        return cls(
            following=following,
            viewing=viewing,
            views=StoreViews(store, following, viewing, clock),
            digests=Digests(),
            liveness=Ears(clock, news, arrivals.wake),
            arrivals=arrivals,
            names=name_allowances(clock),
            writes=Allowances(
                clock,
                at_once=WRITES_AT_ONCE,
                per_second=WRITES_PER_SECOND,
                said=lambda node: f"services change too often on node {node!r}",
            ),
            server=server,
        )
