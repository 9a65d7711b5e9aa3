"""Rows of the catalog put together as they are shown."""

from collections.abc import Iterable, Iterator
from typing import assert_never

from msgspec.structs import replace

from ca_core.catalog.index import Catalog, Keys
from ca_core.catalog.rows import (
    LIVENESS,
    NODE_CHECKS,
    NODES,
    SERVICES,
    LivenessRow,
    NodeChecksRow,
    NodeRow,
    ServiceRow,
    parts_of,
)
from ca_core.catalog.views import ViewKey, ViewKind, ViewValue
from ca_core.state.protocol import Row
from ca_core.state.rows import decoded
from ca_core.state.view import View
from ca_core.wire.catalog import (
    NODE_CHECK,
    Check,
    CheckStatus,
    Instance,
    Node,
    NodeServices,
    Service,
)

CALLS = "this node's agent calls"
SILENT = "no server has heard this node's agent for a minute"
"""Outputs of the check that says whether a node's agent calls."""


def value_of(catalog: Catalog, key: ViewKey) -> ViewValue:
    """Return the view, made of rows."""
    match key.kind:
        case ViewKind.SERVICE | ViewKind.CONNECT:
            return tuple(instances(catalog, instances_of(catalog, key)))
        case ViewKind.SERVICES:
            return {name: catalog.tags(name) or () for name in sorted(catalog.by_service)}
        case ViewKind.NODES:
            view = catalog.view
            return tuple(node_of(view, node) for node in sorted(view.table(NODES)))
        case ViewKind.NODE:
            return _node_services(catalog, key.name)
        case ViewKind.CHECKS:
            return tuple(_every_check(catalog))
        case _:
            assert_never(key.kind)


def instances_of(catalog: Catalog, key: ViewKey) -> Keys:
    """Return which instances a view shows with their nodes; none for views of another kind."""
    match key.kind:
        case ViewKind.SERVICE:
            return catalog.by_service.get(key.name, ())
        case ViewKind.CONNECT:
            return catalog.by_connect.get(key.name, ())
        case _:
            return ()


def node_of(view: View, node: str) -> Node:
    """Return a node as it is shown; one without a row is shown by its name."""
    row = view.get(NODES, node)
    if row is None:
        return Node(node=node)
    told = decoded(NodeRow, row.value)
    addresses = {"lan": told.address, "wan": told.address} if told.address else {}
    return Node(
        id=told.id,
        node=node,
        address=told.address,
        datacenter=told.datacenter,
        tagged_addresses=addresses,
        meta=told.meta,
        create_index=row.created,
        modify_index=row.version,
    )


def instances(catalog: Catalog, keys: Iterable[str]) -> Iterator[Instance]:
    """Yield these instances, each with its node and the checks of both."""
    view, hosts = catalog.view, dict[str, tuple[Node, tuple[Check, ...]]]()
    for key in keys:
        node, _ = parts_of(key)
        if node not in hosts:
            hosts[node] = node_of(view, node), tuple(_node_checks(view, node))
        service, checks = _service(view, key)
        of_node, of_both = hosts[node]
        yield Instance(node=of_node, service=service, checks=(*of_both, *checks))


def _node_services(catalog: Catalog, node: str) -> NodeServices | None:
    if catalog.view.get(NODES, node) is None:
        return None
    found = [_service(catalog.view, key) for key in catalog.by_node.get(node, ())]
    checks = (check for _, each in found for check in each)
    return NodeServices(
        node=node_of(catalog.view, node),
        services=tuple(service for service, _ in found),
        checks=(*_node_checks(catalog.view, node), *checks),
    )


def _every_check(catalog: Catalog) -> Iterator[Check]:
    view = catalog.view
    for node in sorted(view.table(NODES)):
        checks = [*_node_checks(view, node)]
        for key in catalog.by_node.get(node, ()):
            if catalog.placed[key].checked:
                checks += _service(view, key)[1]
        yield from sorted(checks, key=lambda check: check.id)


def _service(view: View, key: str) -> tuple[Service, list[Check]]:
    """Return an instance and its checks as they are shown: with their place and their indexes."""
    stored = view.table(SERVICES)[key]
    row, (node, id_) = decoded(ServiceRow, stored.value), parts_of(key)
    indexes = {"create_index": stored.created, "modify_index": stored.version}
    service = replace(row.service, **indexes)
    named = {"service_id": id_, "service_name": service.service, "service_tags": service.tags}
    return service, [replace(check, node=node, **named, **indexes) for check in row.checks]


def _node_checks(view: View, node: str) -> Iterator[Check]:
    """Yield the checks of a node itself; first the one that says whether its agent calls."""
    alive = view.get(LIVENESS, node)
    if alive is not None:
        yield _liveness(node, alive)
    stored = view.get(NODE_CHECKS, node)
    if stored is not None:
        indexes = {"create_index": stored.created, "modify_index": stored.version}
        for check in decoded(NodeChecksRow, stored.value).checks:
            yield replace(check, node=node, **indexes)


def _liveness(node: str, stored: Row) -> Check:
    status = decoded(LivenessRow, stored.value).status
    return Check(
        node=node,
        id=NODE_CHECK,
        name="Agent liveness",
        status=status,
        output=CALLS if status is CheckStatus.PASSING else SILENT,
        create_index=stored.created,
        modify_index=stored.version,
    )
