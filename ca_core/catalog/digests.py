"""What is stored of a node, as its agent would send it; and its digest."""

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


def stored_state(catalog: Catalog, node: str) -> RegisteredState | None:
    """Return what the agent of a node has registered, without grants; None for no such node."""
    view = catalog.view
    told = read(view, NodeRow, NODES, node)
    if told is None:
        return None
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

    def at(self, catalog: Catalog, node: str) -> str:
        """Return the digest of what is stored of a node; '' for no such node."""
        index = catalog.view.topic_index(node_topic(node))
        known = self._known.get(node)
        if known is not None and known[0] == index:
            return known[1]
        state = stored_state(catalog, node)
        if state is None:
            self._known.pop(node, None)
            return ""
        digest = digest_of(state)
        self._known[node] = index, digest
        return digest
