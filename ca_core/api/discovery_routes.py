"""The routes of discovery: the same of servers and agents; in one process the agent's count."""

from typing import Any

from ca_core.api import catalog_handlers, health_handlers
from ca_core.api.route import INDEX, WAIT, Parameter, Room, Route, Standing
from ca_core.wire.catalog import Check, Instance, Node
from ca_core.wire.catalogrows import CatalogNode, CatalogService

_HEALTH, _CATALOG = "/v1/health", "/v1/catalog"

_FILTERS = {
    "passing": Parameter("passing", "only instances of which every check passes"),
    "tag": Parameter("tag", "only instances with this tag; repeatable"),
    "node-meta": Parameter("node-meta", "`KEY:VALUE`; only nodes with it; repeatable"),
}

_NAMED = (
    "`near`, `filter`, `peer`, `sg` and `merge-central-config` get 400; without `{right}` on the"
    " name {refused}, and the name is not looked up"
)
_INSTANCES = _NAMED.format(right="service:read", refused="the list is empty")
_MESH = _NAMED.format(right="service:read", refused="403")
_OF_NODE = _NAMED.format(right="node:read", refused="the answer is empty")
_LISTS = "`filter` and what chooses rows elsewhere get 400; rows are cut to the caller's rights"


def discovery_routes(room: Room) -> tuple[Route, ...]:
    """Return the routes for servers, or for agents."""

    def read(path: str, handler: Any, answers: Any, note: str, *filters: str) -> Route:
        return Route(
            method="GET",
            path=path,
            room=room,
            handler=handler,
            hot=True,
            standing=Standing.CORRECTED,
            note=note,
            parameters=(INDEX, WAIT, *(_FILTERS[name] for name in filters)),
            answers=answers,
        )

    every, flat = ("passing", "tag", "node-meta"), ("tag", "node-meta")
    on_health, on_catalog = health_handlers, catalog_handlers
    instances, rows, checks = list[Instance], list[CatalogService], list[Check]
    return (
        read(f"{_HEALTH}/connect/{{service}}", on_health.connect, instances, _MESH, *every),
        read(f"{_HEALTH}/service/{{service}}", on_health.service, instances, _INSTANCES, *every),
        read(f"{_HEALTH}/checks/{{service}}", on_health.checks, checks, _INSTANCES, "node-meta"),
        read(f"{_HEALTH}/node/{{node}}", on_health.node, checks, _OF_NODE),
        read(f"{_HEALTH}/state/{{state}}", on_health.state, checks, _LISTS),
        read(f"{_CATALOG}/connect/{{service}}", on_catalog.connect, rows, _MESH, *flat),
        read(f"{_CATALOG}/service/{{service}}", on_catalog.service, rows, _INSTANCES, *flat),
        read(f"{_CATALOG}/services", on_catalog.services, dict[str, list[str]], _LISTS),
        read(f"{_CATALOG}/nodes", on_catalog.nodes, list[Node], _LISTS, "node-meta"),
        read(f"{_CATALOG}/node/{{node}}", on_catalog.node, CatalogNode | None, _OF_NODE),
        Route(
            method="GET",
            path=f"{_CATALOG}/datacenters",
            room=room,
            handler=catalog_handlers.datacenters,
            open=True,
            standing=Standing.SAME,
            answers=list[str],
        ),
    )
