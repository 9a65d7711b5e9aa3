"""The route table: what is served, by whom, and how it stands to Consul.

Handlers, the OpenAPI document and ``docs/consul.md`` are all made from this table; a route that is
not here does not exist.
"""

from typing import Any

from ca_core.api import (
    acknowledgement_handlers,
    agent_handlers,
    cluster_handlers,
    operator_handlers,
    root_handlers,
    settings_handlers,
    status_handlers,
)
from ca_core.api.acl_routes import ACL_ROUTES
from ca_core.api.answers import Configuration
from ca_core.api.authorize_routes import AUTHORIZE_ROUTES
from ca_core.api.cache_routes import CACHE_ROUTES
from ca_core.api.change_routes import CHANGE_ROUTES
from ca_core.api.discovery_routes import discovery_routes
from ca_core.api.explain_routes import EXPLAIN_ROUTES
from ca_core.api.grant_routes import GRANT_ROUTES
from ca_core.api.intention_routes import INTENTION_ROUTES
from ca_core.api.registered_routes import REGISTERED_ROUTES
from ca_core.api.route import INDEX, WAIT, Parameter, Room, Route, Standing
from ca_core.api.service_routes import SERVICE_ROUTES
from ca_core.api.watch_routes import WATCH_ROUTES
from ca_core.wire.cluster import (
    AgentRow,
    JoinRequest,
    JoinToken,
    JoinTokenRequest,
    RejoinRequest,
    SignedLeaf,
    SignRequest,
)
from ca_core.wire.leaf import IssuedCert
from ca_core.wire.operations import Acknowledgement, Lease
from ca_core.wire.roots import CARoots

__all__ = [
    "AGENT_ROUTES",
    "PROCESS_ROUTES",
    "ROUTES",
    "SERVER_ROUTES",
    "Parameter",
    "Room",
    "Route",
    "Standing",
]

SERVER_ROUTES = (
    Route(
        method="GET",
        path="/v1/connect/ca/roots",
        room=Room.SERVER,
        handler=root_handlers.roots,
        open=True,
        hot=True,
        standing=Standing.CORRECTED,
        note=(
            "`SerialNumberHex` holds the whole serial; retired roots are absent; `?pem` gives"
            " anchors only, never intermediates, since a trust store of intermediates trusts them"
        ),
        parameters=(INDEX, WAIT, Parameter("pem", "true: the anchors as concatenated PEM")),
        answers=CARoots,
    ),
    Route(
        method="GET",
        path="/v1/connect/ca/configuration",
        room=Room.SERVER,
        handler=root_handlers.configuration,
        standing=Standing.CORRECTED,
        note="secrets are `<hidden:ID>` (Consul returns them); the force flag is never stored",
        answers=Configuration,
    ),
    *CHANGE_ROUTES,
    *EXPLAIN_ROUTES,
    *INTENTION_ROUTES,
    *ACL_ROUTES,
    *WATCH_ROUTES,
    *REGISTERED_ROUTES,
    *GRANT_ROUTES,
    *discovery_routes(Room.SERVER),
    Route(
        method="GET",
        path="/v1/connect/ca/settings",
        room=Room.SERVER,
        handler=settings_handlers.settings,
        note="what stands, with the keys of the configuration file",
        answers=settings_handlers.Settings,
    ),
    Route(
        method="GET",
        path="/v1/connect/ca/crl/{authority}",
        room=Room.SERVER,
        handler=root_handlers.crl,
        open=True,
        note="Consul has no revocation",
    ),
    Route(
        method="POST",
        path="/v1/cluster/join",
        room=Room.SERVER,
        handler=cluster_handlers.join,
        open=True,
        accepts=JoinRequest,
        answers=SignedLeaf,
    ),
    Route(
        method="POST",
        path="/v1/cluster/rejoin",
        room=Room.SERVER,
        handler=cluster_handlers.rejoin,
        open=True,
        accepts=RejoinRequest,
        answers=SignedLeaf,
    ),
    Route(
        method="POST",
        path="/v1/cluster/sign",
        room=Room.SERVER,
        handler=cluster_handlers.sign,
        accepts=SignRequest,
        answers=SignedLeaf,
    ),
    Route(
        method="PUT",
        path="/v1/cluster/acknowledgement",
        room=Room.SERVER,
        handler=acknowledgement_handlers.acknowledge,
        hot=True,
        accepts=Acknowledgement,
        answers=Lease,
    ),
    Route(
        method="PUT",
        path="/v1/cluster/join-token",
        room=Room.SERVER,
        handler=cluster_handlers.new_join_token,
        accepts=JoinTokenRequest,
        answers=JoinToken,
    ),
    Route(
        method="GET",
        path="/v1/cluster/agents",
        room=Room.SERVER,
        handler=cluster_handlers.agents,
        answers=list[AgentRow],
    ),
    Route(
        method="DELETE",
        path="/v1/cluster/agents/{node}",
        room=Room.SERVER,
        handler=cluster_handlers.forget,
        answers=bool,
    ),
    Route(
        method="GET",
        path="/v1/cluster/backup",
        room=Room.SERVER,
        handler=operator_handlers.backup,
    ),
    Route(
        method="PUT",
        path="/v1/cluster/rekey",
        room=Room.SERVER,
        handler=operator_handlers.rekey,
        answers=dict[str, Any],
    ),
    Route(
        method="GET",
        path="/v1/cluster/ca/status",
        room=Room.SERVER,
        handler=operator_handlers.ca_status,
        answers=operator_handlers.CAStatus,
    ),
    Route(
        method="GET",
        path="/v1/cluster/ca/csr",
        room=Room.SERVER,
        handler=operator_handlers.waiting_csr,
        note="for a primary CA that a corporate CA signs",
    ),
    Route(
        method="PUT",
        path="/v1/cluster/ca/chain",
        room=Room.SERVER,
        handler=operator_handlers.install_chain,
        accepts=operator_handlers.ExternalChain,
        answers=bool,
    ),
    Route(
        method="GET",
        path="/v1/status/leader",
        room=Room.SERVER,
        handler=status_handlers.leader,
        open=True,
        standing=Standing.SAME,
        answers=str,
    ),
)

AGENT_ROUTES = (
    Route(
        method="GET",
        path="/v1/agent/connect/ca/roots",
        room=Room.AGENT,
        handler=agent_handlers.roots,
        open=True,
        hot=True,
        standing=Standing.CORRECTED,
        note="`wait` has the same default and cap everywhere; `X-Consul-KnownLeader` is set",
        parameters=(INDEX, WAIT),
        answers=CARoots,
    ),
    Route(
        method="GET",
        path="/v1/agent/connect/ca/leaf/{service}",
        room=Room.AGENT,
        handler=agent_handlers.leaf,
        hot=True,
        standing=Standing.CORRECTED,
        note=(
            "the right is checked before the cache, on every request; entries belong to one caller;"
            " an expired leaf is never answered; `dns-san` and `ip-san` are part of the entry"
        ),
        parameters=(
            INDEX,
            WAIT,
            Parameter("dns-san", "a DNS name to carry; repeatable"),
            Parameter("ip-san", "an address to carry; repeatable"),
        ),
        answers=IssuedCert,
    ),
    *AUTHORIZE_ROUTES,
    *discovery_routes(Room.AGENT),
    *SERVICE_ROUTES,
    *CACHE_ROUTES,
    Route(
        method="GET",
        path="/v1/agent/self",
        room=Room.AGENT,
        handler=agent_handlers.self_description,
        standing=Standing.CORRECTED,
        note="`Config` and `Stats` hold what exists here; Consul's other fields are absent",
        answers=dict[str, Any],
    ),
)

PROCESS_ROUTES = (
    Route(
        method="GET", path="/healthz", room=Room.PROCESS, handler=status_handlers.healthz, open=True
    ),
    Route(
        method="GET", path="/readyz", room=Room.PROCESS, handler=status_handlers.readyz, open=True
    ),
    Route(method="GET", path="/metrics", room=Room.PROCESS, handler=status_handlers.metrics),
    Route(
        method="GET",
        path="/v1/openapi.json",
        room=Room.PROCESS,
        handler=status_handlers.openapi,
        open=True,
    ),
)

ROUTES = (*SERVER_ROUTES, *AGENT_ROUTES, *PROCESS_ROUTES)
"""Everything there is."""
