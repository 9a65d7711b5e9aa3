"""Identities of a token: short for the rules that a service or a node needs.

Source: Consul's published page on service and node identities.
"""

from ca_core.acl.rules import Level, Resource, Rule, Rules

SIDECAR_SUFFIX = "-sidecar-proxy"
"""What the name of a service's proxy ends with."""

_SERVICES_READ = (
    Rule(Resource.SERVICE, "", Level.READ, prefix=True),
    Rule(Resource.INTENTION, "", Level.READ, prefix=True),
)
_NODES_READ = Rule(Resource.NODE, "", Level.READ, prefix=True)


def service_identity_rules(service: str) -> Rules:
    """Return what the holder may: be ``service`` and its proxy, see every service and node."""
    proxy = service + SIDECAR_SUFFIX
    return (*_written(service), *_written(proxy), *_SERVICES_READ, _NODES_READ)


def node_identity_rules(node: str) -> Rules:
    """Return what the holder may: be the agent on ``node``, see every service."""
    return (Rule(Resource.NODE, node, Level.WRITE), *_SERVICES_READ)


def _written(service: str) -> Rules:
    """Return the rules of ``service "x" { policy = "write" }``: intentions are only read."""
    return (
        Rule(Resource.SERVICE, service, Level.WRITE),
        Rule(Resource.INTENTION, service, Level.READ),
    )
