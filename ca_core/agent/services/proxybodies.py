"""From the body of a proxy to what it stands in front of, and what its service calls."""

from ca_core.agent.services.names import checked_address, checked_id, checked_name, checked_port
from ca_core.agent.services.unserved import refuse_unserved
from ca_core.errors import RequestError
from ca_core.wire.catalog import Proxy, Upstream
from ca_core.wire.services import ProxyBody, ServiceBody, UpstreamBody

PROXY_KIND = "connect-proxy"
MAX_UPSTREAMS = 256

_NONE = ProxyBody()


def proxy_of(body: ServiceBody, place: str) -> Proxy:
    """Return what the body of a proxy says of it; nothing for a service.

    Raises:
        RequestError: names the field.
    """
    given = body.proxy or _NONE
    if body.kind != PROXY_KIND:
        if given != _NONE:
            raise RequestError(f"only with Kind {PROXY_KIND!r}", field=f"{place}Proxy")
        return Proxy()
    if not (body.port or body.socket_path):
        raise RequestError("a proxy needs a Port or a SocketPath", field=f"{place}Port")
    return _proxy(given, f"{place}Proxy.")


def _proxy(given: ProxyBody, place: str) -> Proxy:
    refuse_unserved(given, place)
    where = f"{place}DestinationServiceName"
    if given.destination_service_name in ("", "*"):
        raise RequestError("needed, and one service, not '*'", field=where)
    return Proxy(
        destination_service_name=checked_name(given.destination_service_name, where),
        destination_service_id=checked_id(
            given.destination_service_id, f"{place}DestinationServiceID"
        ),
        local_service_address=checked_address(
            given.local_service_address, f"{place}LocalServiceAddress"
        ),
        local_service_port=checked_port(given.local_service_port, f"{place}LocalServicePort"),
        config=given.config,
        upstreams=_upstreams(given.upstreams, f"{place}Upstreams"),
    )


def _upstreams(given: tuple[UpstreamBody, ...], place: str) -> tuple[Upstream, ...]:
    if len(given) > MAX_UPSTREAMS:
        raise RequestError(f"more than {MAX_UPSTREAMS}", field=place)
    found = tuple(_upstream(each, f"{place}[{at}].") for at, each in enumerate(given))
    targets = [(each.destination_name, each.datacenter) for each in found]
    listens = [(each.local_bind_address or "127.0.0.1", each.local_bind_port) for each in found]
    if len(set(targets)) < len(targets):
        raise RequestError("the same destination twice", field=place)
    if len(set(listens)) < len(listens):
        raise RequestError("the same local address and port twice", field=place)
    return found


def _upstream(given: UpstreamBody, place: str) -> Upstream:
    refuse_unserved(given, place)
    if given.destination_type not in ("", "service"):
        raise RequestError("only 'service' is served here", field=f"{place}DestinationType")
    if given.destination_name in ("", "*"):
        raise RequestError("needed, and not '*'", field=f"{place}DestinationName")
    if not given.local_bind_port:
        raise RequestError("needed: where the proxy listens", field=f"{place}LocalBindPort")
    return Upstream(
        destination_name=checked_name(given.destination_name, f"{place}DestinationName"),
        destination_namespace=given.destination_namespace,
        datacenter=given.datacenter,
        local_bind_address=checked_address(given.local_bind_address, f"{place}LocalBindAddress"),
        local_bind_port=checked_port(given.local_bind_port, f"{place}LocalBindPort"),
        config=given.config,
    )
