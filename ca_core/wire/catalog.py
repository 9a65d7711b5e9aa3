"""Services, nodes and their checks on the wire, as Consul spells them.

Source: Consul's published pages on the agent, catalog and health APIs.
"""

from enum import StrEnum
from typing import Any

import msgspec


class CheckStatus(StrEnum):
    """How a check stands."""

    PASSING = "passing"
    WARNING = "warning"
    CRITICAL = "critical"


NODE_CHECK = "serfHealth"
"""The id of the check that says whether a node's agent calls; Consul's clients look for it."""


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the traffic an instance should get."""

    passing: int = msgspec.field(name="Passing", default=1)
    warning: int = msgspec.field(name="Warning", default=1)


class Upstream(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a proxy's service calls, and where the proxy listens for it."""

    destination_type: str = msgspec.field(name="DestinationType", default="service")
    destination_name: str = msgspec.field(name="DestinationName")
    destination_namespace: str = msgspec.field(name="DestinationNamespace", default="")
    datacenter: str = msgspec.field(name="Datacenter", default="")
    local_bind_address: str = msgspec.field(name="LocalBindAddress", default="")
    local_bind_port: int = msgspec.field(name="LocalBindPort", default=0)
    config: dict[str, Any] = msgspec.field(name="Config", default_factory=dict)


class Proxy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a ``connect-proxy`` stands in front of."""

    destination_service_name: str = msgspec.field(name="DestinationServiceName", default="")
    destination_service_id: str = msgspec.field(name="DestinationServiceID", default="")
    local_service_address: str = msgspec.field(name="LocalServiceAddress", default="")
    local_service_port: int = msgspec.field(name="LocalServicePort", default=0)
    config: dict[str, Any] = msgspec.field(name="Config", default_factory=dict)
    upstreams: tuple[Upstream, ...] = msgspec.field(name="Upstreams", default=())


class Connect(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a service takes part in the mesh; ``native`` means that it speaks mTLS itself."""

    native: bool = msgspec.field(name="Native", default=False)


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """One instance of a service on one node.

    Attributes:
        kind: '' for a service, ``connect-proxy`` for a proxy.
        id: unique on its node.
        address: '' if it is that of the node.
        create_index, modify_index: 0 where nothing is stored yet: on the agent's own state.
    """

    kind: str = msgspec.field(name="Kind", default="")
    id: str = msgspec.field(name="ID")
    service: str = msgspec.field(name="Service")
    tags: tuple[str, ...] = msgspec.field(name="Tags", default=())
    address: str = msgspec.field(name="Address", default="")
    tagged_addresses: dict[str, Any] = msgspec.field(name="TaggedAddresses", default_factory=dict)
    meta: dict[str, str] = msgspec.field(name="Meta", default_factory=dict)
    port: int = msgspec.field(name="Port", default=0)
    socket_path: str = msgspec.field(name="SocketPath", default="")
    weights: Weights = msgspec.field(name="Weights", default_factory=Weights)
    enable_tag_override: bool = msgspec.field(name="EnableTagOverride", default=False)
    proxy: Proxy = msgspec.field(name="Proxy", default_factory=Proxy)
    connect: Connect = msgspec.field(name="Connect", default_factory=Connect)
    create_index: int = msgspec.field(name="CreateIndex", default=0)
    modify_index: int = msgspec.field(name="ModifyIndex", default=0)


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One check and its last result.

    Attributes:
        id: unique on its node.
        service_id: '' for a check of the node.
        output: what it printed last; at most 4,096 characters.
        type: ``ttl``, ``tcp``, ``http``, ``alias`` or ''.
        interval, timeout: like ``10s``; '' where there is none.
    """

    node: str = msgspec.field(name="Node", default="")
    id: str = msgspec.field(name="CheckID")
    name: str = msgspec.field(name="Name", default="")
    status: CheckStatus = msgspec.field(name="Status", default=CheckStatus.CRITICAL)
    notes: str = msgspec.field(name="Notes", default="")
    output: str = msgspec.field(name="Output", default="")
    service_id: str = msgspec.field(name="ServiceID", default="")
    service_name: str = msgspec.field(name="ServiceName", default="")
    service_tags: tuple[str, ...] = msgspec.field(name="ServiceTags", default=())
    type: str = msgspec.field(name="Type", default="")
    interval: str = msgspec.field(name="Interval", default="")
    timeout: str = msgspec.field(name="Timeout", default="")
    create_index: int = msgspec.field(name="CreateIndex", default=0)
    modify_index: int = msgspec.field(name="ModifyIndex", default=0)


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One host with an agent."""

    id: str = msgspec.field(name="ID", default="")
    node: str = msgspec.field(name="Node")
    address: str = msgspec.field(name="Address", default="")
    datacenter: str = msgspec.field(name="Datacenter", default="")
    tagged_addresses: dict[str, str] = msgspec.field(name="TaggedAddresses", default_factory=dict)
    meta: dict[str, str] = msgspec.field(name="Meta", default_factory=dict)
    create_index: int = msgspec.field(name="CreateIndex", default=0)
    modify_index: int = msgspec.field(name="ModifyIndex", default=0)


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``/v1/health/…``: an instance, its node, and the checks of both."""

    node: Node = msgspec.field(name="Node")
    service: Service = msgspec.field(name="Service")
    checks: tuple[Check, ...] = msgspec.field(name="Checks", default=())


class NodeServices(msgspec.Struct, frozen=True, kw_only=True):
    """One node and what runs on it; ``checks`` holds those of the node and of its services."""

    node: Node = msgspec.field(name="Node")
    services: tuple[Service, ...] = msgspec.field(name="Services", default=())
    checks: tuple[Check, ...] = msgspec.field(name="Checks", default=())
