"""The catalog in the store: small JSON rows, each written by whoever speaks for it. Pure.

What an agent registered is stored as it was sent; what follows from it (to which node a check
belongs, who calls still) is put together when a view is made.
"""

from datetime import datetime
from zlib import crc32

import msgspec

from ca_core.catalog.views import ViewKind
from ca_core.state.protocol import Change
from ca_core.state.view import View
from ca_core.wire.catalog import Check, CheckStatus, Service

NODES = "catalog-nodes"
"""Table: nodes by name."""

SERVICES = "catalog-services"
"""Table: instances with their checks, by ``<node> <id>``; names of nodes hold no blanks."""

NODE_CHECKS = "catalog-checks"
"""Table: the checks of nodes themselves, by node. A node's row here lives as long as the node's."""

LIVENESS = "catalog-liveness"
"""Table: whether the agent of a node calls, by node; lives as long as the node's row."""

HEARING = "catalog-hearing"
"""Table: which server hears the agent of a node, by node. It is in no view."""

HOST_TABLES = (NODES, NODE_CHECKS, LIVENESS)
"""The tables with one row of each node, which come and go together."""

TABLES = frozenset({SERVICES, *HOST_TABLES})
"""The tables that views are made of."""

PROXY_KIND = "connect-proxy"
"""The kind of a service that stands in front of another one."""

SERVICES_TOPIC = "catalog/services"
"""Touched when a name of a service, or a tag of one, comes or goes."""

NODES_TOPIC = "catalog/nodes"
"""Touched by every change of a node's row."""

CHECKS_TOPIC = "catalog/checks"
"""Touched by every change of a row that holds checks."""

HOSTS = 256
"""Topics that nodes share: many nodes of one service are waited for by this many at most."""


class NodeRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A node.

    Attributes:
        id: a UUID that follows from its agent's SPIFFE ID.
        joined: when its agent joined; what an earlier agent of that name had registered is not
            this one's. None for an agent in the server's own process.
    """

    id: str
    datacenter: str
    address: str = ""
    meta: dict[str, str] = msgspec.field(default_factory=dict)
    joined: datetime | None = None


class ServiceRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An instance and its checks, as its agent sent them."""

    service: Service
    checks: tuple[Check, ...] = ()


class NodeChecksRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The checks of a node itself, as its agent sent them."""

    checks: tuple[Check, ...] = ()


class LivenessRow(msgspec.Struct, frozen=True, kw_only=True):
    """Whether some server hears the agent of a node: passing or critical, and since when."""

    status: CheckStatus
    since: datetime


class HearingRow(msgspec.Struct, frozen=True, kw_only=True):
    """The lasting name of the server at which the agent of a node was parked last."""

    server: str


def service_key(node: str, id: str) -> str:  # noqa: A002 - the word of the wire
    """Return the key of an instance's row. Keys sort as (node, id) do."""
    return f"{node} {id}"


def parts_of(key: str) -> tuple[str, str]:
    """Return node and id of an instance's key."""
    node, _, id_ = key.partition(" ")
    return node, id_


def connect_name(service: Service) -> str:
    """Return for which service this instance takes part in the mesh; '' if it does not.

    Source: Consul's published pages on proxies and native integration.
    """
    if service.kind == PROXY_KIND:
        return service.proxy.destination_service_name
    return service.service if service.connect.native else ""


def service_topic(name: str) -> str:
    """Return the topic that every change of an instance of this service touches."""
    return f"catalog/{ViewKind.SERVICE}/{name}"


def connect_topic(name: str) -> str:
    """Return the topic of the instances that are this service in the mesh."""
    return f"catalog/{ViewKind.CONNECT}/{name}"


def node_topic(node: str) -> str:
    """Return the topic that every change of a node, and of what runs on it, touches."""
    return f"catalog/{ViewKind.NODE}/{node}"


def host_topic(node: str) -> str:
    """Return the topic, shared by several nodes, that changes of a node's own rows touch.

    It wakes those who see instances on it: a node may carry more services than one commit has
    topics.
    """
    return f"catalog/host/{crc32(node.encode()) % HOSTS}"


def put(table: str, key: str, row: msgspec.Struct) -> Change:
    """Return the change that writes ``row``; equal rows are equal bytes."""
    return Change(table, key, msgspec.json.encode(row, order="deterministic"))


def differs(view: View, change: Change) -> bool:
    """Say whether the change would change anything."""
    row = view.get(change.table, change.key)
    return change.value != (None if row is None else row.value)
