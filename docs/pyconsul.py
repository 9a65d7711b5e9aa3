"""The table of what of a client library for Consul, py-consul, works here unmodified."""

from docs.tables import table

CALLS = {
    "agent.self": "GET /v1/agent/self",
    "agent.services": "GET /v1/agent/services",
    "agent.service_definition": "GET /v1/agent/service/{id}",
    "agent.checks": "GET /v1/agent/checks",
    "agent.service.register": "PUT /v1/agent/service/register",
    "agent.service.deregister": "PUT /v1/agent/service/deregister/{id}",
    "agent.service.maintenance": "PUT /v1/agent/service/maintenance/{id}",
    "agent.check.register": "PUT /v1/agent/check/register",
    "agent.check.deregister": "PUT /v1/agent/check/deregister/{id}",
    "agent.check.ttl_pass": "PUT /v1/agent/check/pass/{id}",
    "agent.check.ttl_warn": "PUT /v1/agent/check/warn/{id}",
    "agent.check.ttl_fail": "PUT /v1/agent/check/fail/{id}",
    "agent.connect.ca.roots": "GET /v1/agent/connect/ca/roots",
    "agent.connect.ca.leaf": "GET /v1/agent/connect/ca/leaf/{service}",
    "agent.connect.authorize": "PUT /v1/agent/connect/authorize",
    "catalog.datacenters": "GET /v1/catalog/datacenters",
    "catalog.nodes": "GET /v1/catalog/nodes",
    "catalog.services": "GET /v1/catalog/services",
    "catalog.node": "GET /v1/catalog/node/{node}",
    "catalog.service": "GET /v1/catalog/service/{service}",
    "catalog.connect": "GET /v1/catalog/connect/{service}",
    "health.service": "GET /v1/health/service/{service}",
    "health.connect": "GET /v1/health/connect/{service}",
    "health.checks": "GET /v1/health/checks/{service}",
    "health.state": "GET /v1/health/state/{state}",
    "health.node": "GET /v1/health/node/{node}",
    "connect.ca.roots": "GET /v1/connect/ca/roots",
    "status.leader": "GET /v1/status/leader",
}
"""Call → the endpoint it asks; each of them is driven by a test."""

REFUSED = {
    "agent.check.register(check=Check.script(…))": "scripts, gRPC and Docker checks get 400",
    "catalog.register, catalog.deregister": "404: register with the node's own agent",
    "health.…(near=…, filter_expr=…, peer=…)": "400, as is `merge_central_config`",
}
"""Call → what it gets instead."""


def calls() -> str:
    """Return the calls that work, and their endpoints."""
    return table(
        ("py-consul", "endpoint"),
        ((f"`{call}`", f"`{endpoint}`") for call, endpoint in CALLS.items()),
    )


def refused() -> str:
    """Return the calls that do not work, and what they get."""
    return table(("py-consul", "here"), ((f"`{call}`", why) for call, why in REFUSED.items()))
