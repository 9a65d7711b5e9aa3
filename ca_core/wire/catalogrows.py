"""Rows of ``/v1/catalog/…``, as Consul spells them.

Source: Consul's published page on the catalog API.
"""

from typing import Any

import msgspec

from ca_core.wire.catalog import Connect, Instance, Node, NodeServices, Proxy, Service, Weights


class CatalogService(msgspec.Struct, frozen=True, kw_only=True):
    """One instance and its node in one flat row, without checks.

    Attributes:
        id: of the node.
        address: of the node.
        service_address: '' if it is that of the node.
    """

    id: str = msgspec.field(name="ID")
    node: str = msgspec.field(name="Node")
    address: str = msgspec.field(name="Address")
    datacenter: str = msgspec.field(name="Datacenter")
    tagged_addresses: dict[str, str] = msgspec.field(name="TaggedAddresses")
    node_meta: dict[str, str] = msgspec.field(name="NodeMeta")
    service_kind: str = msgspec.field(name="ServiceKind")
    service_id: str = msgspec.field(name="ServiceID")
    service_name: str = msgspec.field(name="ServiceName")
    service_tags: tuple[str, ...] = msgspec.field(name="ServiceTags")
    service_address: str = msgspec.field(name="ServiceAddress")
    service_tagged_addresses: dict[str, Any] = msgspec.field(name="ServiceTaggedAddresses")
    service_weights: Weights = msgspec.field(name="ServiceWeights")
    service_meta: dict[str, str] = msgspec.field(name="ServiceMeta")
    service_port: int = msgspec.field(name="ServicePort")
    service_socket_path: str = msgspec.field(name="ServiceSocketPath")
    service_enable_tag_override: bool = msgspec.field(name="ServiceEnableTagOverride")
    service_proxy: Proxy = msgspec.field(name="ServiceProxy")
    service_connect: Connect = msgspec.field(name="ServiceConnect")
    create_index: int = msgspec.field(name="CreateIndex")
    modify_index: int = msgspec.field(name="ModifyIndex")


class CatalogNode(msgspec.Struct, frozen=True, kw_only=True):
    """One node, and its instances by their ids."""

    node: Node = msgspec.field(name="Node")
    services: dict[str, Service] = msgspec.field(name="Services")


def catalog_row(instance: Instance) -> CatalogService:
    """Return an instance as a row; the indexes are those of the instance."""
    node, service = instance.node, instance.service
    return CatalogService(
        id=node.id,
        node=node.node,
        address=node.address,
        datacenter=node.datacenter,
        tagged_addresses=node.tagged_addresses,
        node_meta=node.meta,
        service_kind=service.kind,
        service_id=service.id,
        service_name=service.service,
        service_tags=service.tags,
        service_address=service.address,
        service_tagged_addresses=service.tagged_addresses,
        service_weights=service.weights,
        service_meta=service.meta,
        service_port=service.port,
        service_socket_path=service.socket_path,
        service_enable_tag_override=service.enable_tag_override,
        service_proxy=service.proxy,
        service_connect=service.connect,
        create_index=service.create_index,
        modify_index=service.modify_index,
    )


def catalog_node(found: NodeServices) -> CatalogNode:
    """Return a node as ``/v1/catalog/node/:node`` has it."""
    return CatalogNode(node=found.node, services={one.id: one for one in found.services})
