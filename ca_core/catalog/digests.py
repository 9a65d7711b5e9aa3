"""What is stored of a node, as its agent would send it; and its digest."""

from datetime import datetime

from ca_core.catalog.index import Catalog
from ca_core.catalog.rows import (
    NODE_CHECKS,
    NODES,
    SERVICES,
    NodeChecksRow,
    NodeRow,
    ServiceRow,
    node_topic,
)
from ca_core.state.rows import read
from ca_core.wire.registered import Registered, RegisteredState, digest_of


def stored_state(catalog: Catalog, node: str, told: NodeRow) -> RegisteredState:
    """Return what the agent of a node has registered, without grants.

    Args:
        catalog: the newest.
        node: its name.
        told: its row there.
    """
    view = catalog.view
    of_node = read(view, NodeChecksRow, NODE_CHECKS, node) or NodeChecksRow()
    rows = (read(view, ServiceRow, SERVICES, key) for key in catalog.by_node.get(node, ()))
    services = (Registered(service=row.service, checks=row.checks) for row in rows if row)
    return RegisteredState(
        address=told.address, meta=told.meta, services=tuple(services), checks=of_node.checks
    )


class Digests:
    """Digests of what is stored, remembered for as long as it stands. Used from one event loop."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, str]] = {}

    def at(self, catalog: Catalog, node: str, joined: datetime | None) -> str:
        """Return the digest of what is stored of a node.

        '' for no such node, and for what was stored for an agent of that name that joined at
        another moment.
        """
        told = read(catalog.view, NodeRow, NODES, node)
        if told is None or told.joined != joined:
            self._known.pop(node, None)
            return ""
        index = catalog.view.topic_index(node_topic(node))
        known = self._known.get(node)
        if known is None or known[0] != index:
            known = self._known[node] = index, digest_of(stored_state(catalog, node, told))
        return known[1]
