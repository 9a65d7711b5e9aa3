"""``/v1/catalog/…``: what is registered, and where."""

from ca_core.acl.access import Action
from ca_core.api.discovery import DiscoveryRoom, Form, answered
from ca_core.api.http import Request, Response, json_response
from ca_core.api.names import node_name, service_name
from ca_core.api.places import refuse_other_places
from ca_core.catalog.choosing import Wanted, chosen, chosen_nodes
from ca_core.catalog.views import ViewKind
from ca_core.wire.catalog import Instance, NodeServices
from ca_core.wire.catalogrows import CatalogNode, CatalogService, catalog_node, catalog_row

ROW_FILTERS = frozenset({"tag", "node-meta"})


async def connect(room: DiscoveryRoom, request: Request) -> Response:
    """Return the instances by which a service is reached over mTLS, in flat rows."""
    return await answered(room, request, _CONNECT, service_name(request.params["service"]))


async def service(room: DiscoveryRoom, request: Request) -> Response:
    """Return the instances of a service in flat rows, whatever their health."""
    return await answered(room, request, _SERVICE, service_name(request.params["service"]))


async def services(room: DiscoveryRoom, request: Request) -> Response:
    """Return the name of every service, with the tags that its instances have."""
    return await answered(room, request, _SERVICES)


async def nodes(room: DiscoveryRoom, request: Request) -> Response:
    """Return every node."""
    return await answered(room, request, _NODES)


async def node(room: DiscoveryRoom, request: Request) -> Response:
    """Return a node and what runs on it; null if there is none of that name."""
    return await answered(room, request, _NODE, node_name(request.params["node"]))


async def datacenters(room: DiscoveryRoom, request: Request) -> Response:
    """Return the datacenter that is served."""
    refuse_other_places(request, room.datacenter)
    return json_response([room.datacenter])


def _rows(instances: tuple[Instance, ...], wanted: Wanted) -> tuple[CatalogService, ...]:
    return tuple(map(catalog_row, chosen(instances, wanted)))


def _node(found: NodeServices | None, _wanted: Wanted) -> CatalogNode | None:
    return None if found is None else catalog_node(found)


def _names(found: dict[str, tuple[str, ...]], _wanted: Wanted) -> dict[str, tuple[str, ...]]:
    return found


_CONNECT = Form(
    kind=ViewKind.CONNECT,
    shown=_rows,
    action=Action.SERVICE_READ,
    strict=True,
    filters=ROW_FILTERS,
)
_SERVICE = Form(kind=ViewKind.SERVICE, shown=_rows, action=Action.SERVICE_READ, filters=ROW_FILTERS)
_SERVICES = Form(kind=ViewKind.SERVICES, shown=_names)
_NODES = Form(kind=ViewKind.NODES, shown=chosen_nodes, filters=frozenset({"node-meta"}))
_NODE = Form(kind=ViewKind.NODE, shown=_node, action=Action.NODE_READ)
