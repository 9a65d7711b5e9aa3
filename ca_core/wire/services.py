"""What programs register with the agent of their host, as Consul's agent takes and shows it.

Durations are texts like ``10s`` or whole nanoseconds. What Consul has and is not served here has
fields here too, of any type: a value in one of them is refused by name.

Source: Consul's published pages on the agent's service and check APIs.
"""

from typing import Any

import msgspec

from ca_core.wire.catalog import Check, Connect, Proxy, Weights

Span = str | int
"""A duration: like ``10s``, or nanoseconds."""


class TaggedAddress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an instance is reached from elsewhere, ``lan`` or ``wan`` for example."""

    address: str = msgspec.field(name="Address", default="")
    port: int = msgspec.field(name="Port", default=0)


class CheckBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A check: of ``PUT /v1/agent/check/register``, and within a service.

    Attributes:
        header: name → values.
        alias_service: id of the service that it follows; with ``alias_node`` alone, the node.
        grpc … os_service: kinds of checks that are not run here.
    """

    id: str = msgspec.field(name="ID", default="")
    check_id: str = msgspec.field(name="CheckID", default="")
    name: str = msgspec.field(name="Name", default="")
    notes: str = msgspec.field(name="Notes", default="")
    status: str = msgspec.field(name="Status", default="")
    service_id: str = msgspec.field(name="ServiceID", default="")
    ttl: Span = msgspec.field(name="TTL", default="")
    tcp: str = msgspec.field(name="TCP", default="")
    http: str = msgspec.field(name="HTTP", default="")
    method: str = msgspec.field(name="Method", default="")
    header: dict[str, tuple[str, ...]] = msgspec.field(name="Header", default_factory=dict)
    body: str = msgspec.field(name="Body", default="")
    disable_redirects: bool = msgspec.field(name="DisableRedirects", default=False)
    tls_server_name: str = msgspec.field(name="TLSServerName", default="")
    tls_skip_verify: bool = msgspec.field(name="TLSSkipVerify", default=False)
    interval: Span = msgspec.field(name="Interval", default="")
    timeout: Span = msgspec.field(name="Timeout", default="")
    alias_service: str = msgspec.field(name="AliasService", default="")
    alias_node: str = msgspec.field(name="AliasNode", default="")
    output_max_size: int = msgspec.field(name="OutputMaxSize", default=0)
    success_before_passing: int = msgspec.field(name="SuccessBeforePassing", default=0)
    failures_before_warning: int = msgspec.field(name="FailuresBeforeWarning", default=0)
    failures_before_critical: int = msgspec.field(name="FailuresBeforeCritical", default=0)
    deregister_after: Span = msgspec.field(name="DeregisterCriticalServiceAfter", default="")
    namespace: str = msgspec.field(name="Namespace", default="")
    partition: str = msgspec.field(name="Partition", default="")
    token: Any = msgspec.field(name="Token", default=None)
    grpc: Any = msgspec.field(name="GRPC", default=None)
    grpc_use_tls: Any = msgspec.field(name="GRPCUseTLS", default=None)
    docker: Any = msgspec.field(name="DockerContainerID", default=None)
    shell: Any = msgspec.field(name="Shell", default=None)
    script: Any = msgspec.field(name="Script", default=None)
    args: Any = msgspec.field(name="Args", default=None)
    script_args: Any = msgspec.field(name="ScriptArgs", default=None)
    h2ping: Any = msgspec.field(name="H2PING", default=None)
    h2ping_use_tls: Any = msgspec.field(name="H2PingUseTLS", default=None)
    udp: Any = msgspec.field(name="UDP", default=None)
    tcp_use_tls: Any = msgspec.field(name="TCPUseTLS", default=None)
    os_service: Any = msgspec.field(name="OSService", default=None)

    def __repr__(self) -> str:
        return f"CheckBody({self.check_id or self.id or self.name})"


class UpstreamBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that a proxy's service calls; ``socket`` … ``mesh_gateway`` are not served here."""

    destination_type: str = msgspec.field(name="DestinationType", default="")
    destination_name: str = msgspec.field(name="DestinationName", default="")
    destination_namespace: str = msgspec.field(name="DestinationNamespace", default="")
    destination_partition: str = msgspec.field(name="DestinationPartition", default="")
    datacenter: str = msgspec.field(name="Datacenter", default="")
    local_bind_address: str = msgspec.field(name="LocalBindAddress", default="")
    local_bind_port: int = msgspec.field(name="LocalBindPort", default=0)
    config: dict[str, Any] = msgspec.field(name="Config", default_factory=dict)
    socket: Any = msgspec.field(name="LocalBindSocketPath", default=None)
    socket_mode: Any = msgspec.field(name="LocalBindSocketMode", default=None)
    peer: Any = msgspec.field(name="DestinationPeer", default=None)
    mesh_gateway: Any = msgspec.field(name="MeshGateway", default=None)


class WeightsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of the traffic an instance should get."""

    passing: int = msgspec.field(name="Passing", default=1)
    warning: int = msgspec.field(name="Warning", default=1)


class ProxyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a proxy stands in front of; ``mode`` … ``envoy_extensions`` are not served here."""

    destination_service_name: str = msgspec.field(name="DestinationServiceName", default="")
    destination_service_id: str = msgspec.field(name="DestinationServiceID", default="")
    local_service_address: str = msgspec.field(name="LocalServiceAddress", default="")
    local_service_port: int = msgspec.field(name="LocalServicePort", default=0)
    config: dict[str, Any] = msgspec.field(name="Config", default_factory=dict)
    upstreams: tuple[UpstreamBody, ...] = msgspec.field(name="Upstreams", default=())
    local_service_socket: Any = msgspec.field(name="LocalServiceSocketPath", default=None)
    mode: Any = msgspec.field(name="Mode", default=None)
    transparent: Any = msgspec.field(name="TransparentProxy", default=None)
    mesh_gateway: Any = msgspec.field(name="MeshGateway", default=None)
    expose: Any = msgspec.field(name="Expose", default=None)
    access_logs: Any = msgspec.field(name="AccessLogs", default=None)
    envoy_extensions: Any = msgspec.field(name="EnvoyExtensions", default=None)


class ConnectBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a service takes part in the mesh: natively, or by a proxy beside it."""

    native: bool = msgspec.field(name="Native", default=False)
    sidecar: "ServiceBody | None" = msgspec.field(name="SidecarService", default=None)
    proxy: Any = msgspec.field(name="Proxy", default=None)
    gateway: Any = msgspec.field(name="Gateway", default=None)


class ServiceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``PUT /v1/agent/service/register``; ``token`` … ``locality`` are not taken here."""

    kind: str = msgspec.field(name="Kind", default="")
    id: str = msgspec.field(name="ID", default="")
    name: str = msgspec.field(name="Name", default="")
    tags: tuple[str, ...] = msgspec.field(name="Tags", default=())
    address: str = msgspec.field(name="Address", default="")
    tagged_addresses: dict[str, TaggedAddress] = msgspec.field(
        name="TaggedAddresses", default_factory=dict
    )
    meta: dict[str, str] = msgspec.field(name="Meta", default_factory=dict)
    port: int = msgspec.field(name="Port", default=0)
    socket_path: str = msgspec.field(name="SocketPath", default="")
    check: CheckBody | None = msgspec.field(name="Check", default=None)
    checks: tuple[CheckBody, ...] = msgspec.field(name="Checks", default=())
    weights: WeightsBody | None = msgspec.field(name="Weights", default=None)
    enable_tag_override: bool = msgspec.field(name="EnableTagOverride", default=False)
    proxy: ProxyBody | None = msgspec.field(name="Proxy", default=None)
    connect: ConnectBody | None = msgspec.field(name="Connect", default=None)
    namespace: str = msgspec.field(name="Namespace", default="")
    partition: str = msgspec.field(name="Partition", default="")
    token: Any = msgspec.field(name="Token", default=None)
    ports: Any = msgspec.field(name="Ports", default=None)
    locality: Any = msgspec.field(name="Locality", default=None)

    def __repr__(self) -> str:
        return f"ServiceBody({self.id or self.name})"


class CheckUpdate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``PUT /v1/agent/check/update/:id``: ``passing``, ``warning`` or ``critical``, and why."""

    status: str = msgspec.field(name="Status")
    output: str = msgspec.field(name="Output", default="")


class AgentService(msgspec.Struct, frozen=True, kw_only=True):
    """An instance as the agent shows it.

    Attributes:
        content_hash: changes with anything else of it; '' in lists.
        proxy, connect: absent where they say nothing.
    """

    kind: str = msgspec.field(name="Kind", default="")
    id: str = msgspec.field(name="ID")
    service: str = msgspec.field(name="Service")
    tags: tuple[str, ...] = msgspec.field(name="Tags", default=())
    meta: dict[str, str] = msgspec.field(name="Meta", default_factory=dict)
    port: int = msgspec.field(name="Port", default=0)
    address: str = msgspec.field(name="Address", default="")
    socket_path: str | msgspec.UnsetType = msgspec.field(name="SocketPath", default=msgspec.UNSET)
    tagged_addresses: dict[str, Any] = msgspec.field(name="TaggedAddresses", default_factory=dict)
    weights: Weights = msgspec.field(name="Weights", default_factory=Weights)
    enable_tag_override: bool = msgspec.field(name="EnableTagOverride", default=False)
    content_hash: str | msgspec.UnsetType = msgspec.field(name="ContentHash", default=msgspec.UNSET)
    proxy: Proxy | msgspec.UnsetType = msgspec.field(name="Proxy", default=msgspec.UNSET)
    connect: Connect | msgspec.UnsetType = msgspec.field(name="Connect", default=msgspec.UNSET)
    datacenter: str = msgspec.field(name="Datacenter", default="")


class AgentHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One instance at this agent, and how its checks and those of the node stand together.

    ``aggregated`` is ``passing``, ``warning``, ``critical`` or ``maintenance``.
    """

    aggregated: str = msgspec.field(name="AggregatedStatus")
    service: AgentService = msgspec.field(name="Service")
    checks: tuple[Check, ...] = msgspec.field(name="Checks", default=())
