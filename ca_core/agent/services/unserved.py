"""What bodies of Consul's API may say and this agent does not do: refused by name.

A condition that is accepted and not enforced, a check that is accepted and not run, would mislead.
"""

from collections.abc import Mapping

import msgspec

from ca_core.errors import RequestError

_TOKEN = "the token is sent in X-Consul-Token, never in the body"  # noqa: S105 - a sentence
_GRPC = "gRPC checks are not run here"
_DOCKER = "Docker checks are not run here"
_SCRIPT = "programs are not run as checks here; let them report to a TTL check"
_H2 = "H2PING checks are not run here"
_TLS = "checks of TLS ports are not run here; use an HTTPS check, or a TCP check without it"
_ENVOY = "this agent configures no proxy in that way"

_CHECK = {
    "token": _TOKEN,
    "grpc": _GRPC,
    "grpc_use_tls": _GRPC,
    "docker": _DOCKER,
    "shell": _DOCKER,
    "script": _SCRIPT,
    "args": _SCRIPT,
    "script_args": _SCRIPT,
    "h2ping": _H2,
    "h2ping_use_tls": _H2,
    "udp": "UDP checks are not run here",
    "tcp_use_tls": _TLS,
    "os_service": "services of the operating system are not watched here",
}
_PROXY = dict.fromkeys(
    ("local_service_socket", "mode", "transparent", "mesh_gateway", "expose", "access_logs"), _ENVOY
) | {"envoy_extensions": _ENVOY}
_UPSTREAM = {
    "socket": "upstreams listen on ports here",
    "socket_mode": "upstreams listen on ports here",
    "peer": "there are no peers here",
    "mesh_gateway": "there are no gateways here",
}
_CONNECT = {
    "proxy": "proxies are not started by the agent; register a SidecarService",
    "gateway": "there are no gateways here",
}
_SERVICE = {
    "token": _TOKEN,
    "ports": "an instance has one port",
    "locality": "localities are not known here",
}
_UNSERVED: Mapping[str, Mapping[str, str]] = {
    "CheckBody": _CHECK,
    "ProxyBody": _PROXY,
    "UpstreamBody": _UPSTREAM,
    "ConnectBody": _CONNECT,
    "ServiceBody": _SERVICE,
}
_PLACES = ("namespace", "partition", "destination_namespace", "destination_partition")


def refuse_unserved(body: msgspec.Struct, place: str = "") -> None:
    """Refuse a part of a body that says something that is not served; Go's zero values say nothing.

    Raises:
        RequestError: names the field and what to do instead.
    """
    reasons = _UNSERVED.get(type(body).__name__, {})
    for entry in msgspec.structs.fields(body):
        value, where = getattr(body, entry.name), f"{place}{entry.encode_name}"
        if value and entry.name in reasons:
            raise RequestError(reasons[entry.name], field=where)
        if entry.name in _PLACES and value not in ("", "default"):
            raise RequestError("only 'default' is served here", field=where)
