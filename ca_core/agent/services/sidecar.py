"""``Connect.SidecarService``: the proxy beside a service, registered with it; pure.

Source: Consul's published page on sidecar registration: what is left out follows from the service.
"""

from datetime import timedelta

from msgspec.structs import replace

from ca_core.agent.services.definitions import Alias, CheckDefinition, Registration, Tcp
from ca_core.agent.services.localstate import LocalState
from ca_core.agent.services.proxybodies import PROXY_KIND
from ca_core.agent.services.servicebodies import registration_of
from ca_core.errors import ConflictError, RequestError
from ca_core.wire.services import ProxyBody, ServiceBody

PORTS = range(21000, 21256)
"""Where sidecars listen that say nothing of it."""

_PLACE = "Connect.SidecarService."
_LOCAL = "127.0.0.1"
_INTERVAL, _TIMEOUT = timedelta(seconds=10), timedelta(seconds=10)


def registrations_of(
    body: ServiceBody, state: LocalState, node: str | None, *, place: str = ""
) -> tuple[Registration, ...]:
    """Return what a body registers: the instance, then its sidecar if it asks for one.

    Args:
        body: as it came.
        state: what is registered now; a sidecar keeps the port that it has.
        node: this agent's; None where it is not known yet.
        place: where the body stands in the request, for messages.

    Raises:
        RequestError: names the field.
        ConflictError: no port is left for a sidecar.
    """
    parent = registration_of(body, node, place)
    asked = body.connect.sidecar if body.connect is not None else None
    if asked is None:
        return (parent,)
    if body.kind:
        raise RequestError("a proxy has no sidecar", field=f"{place}{_PLACE[:-1]}")
    filled = _filled(asked, body, parent, state, f"{place}{_PLACE}")
    beside = registration_of(filled, node, f"{place}{_PLACE}")
    checks = beside.checks or _default_checks(beside, parent)
    return parent, replace(beside, checks=checks, parent=parent.service.id)


def _filled(
    asked: ServiceBody, body: ServiceBody, parent: Registration, state: LocalState, place: str
) -> ServiceBody:
    """Return the body of a sidecar with everything that follows from its service."""
    service, own = parent.service, f"{parent.service.id}-sidecar-proxy"
    _refuse_foreign(asked, own, place)
    return replace(
        asked,
        id=own,
        name=asked.name or f"{service.service}-sidecar-proxy",
        kind=PROXY_KIND,
        tags=asked.tags or service.tags,
        meta=asked.meta or service.meta,
        address=asked.address or service.address,
        port=asked.port or _port(own, state),
        enable_tag_override=asked.enable_tag_override or body.enable_tag_override,
        proxy=_proxy(asked.proxy or ProxyBody(), parent),
    )


def _refuse_foreign(asked: ServiceBody, own: str, place: str) -> None:
    if asked.id not in ("", own):
        raise RequestError("follows from that of the service; leave it out", field=f"{place}ID")
    if asked.connect is not None and asked.connect.sidecar is not None:
        raise RequestError("a sidecar has none", field=f"{place}Connect.SidecarService")


def _proxy(given: ProxyBody, parent: Registration) -> ProxyBody:
    service = parent.service
    ours = given.destination_service_name in ("", service.service)
    return replace(
        given,
        destination_service_name=given.destination_service_name or service.service,
        destination_service_id=given.destination_service_id or (service.id if ours else ""),
        local_service_address=given.local_service_address or (_LOCAL if ours else ""),
        local_service_port=given.local_service_port or (service.port if ours else 0),
    )


def _port(own: str, state: LocalState) -> int:
    """Return the port that this sidecar has already, or the lowest that no instance here has."""
    before = state.services.get(own)
    if before is not None and before.service.port in PORTS:
        return before.service.port
    taken = {each.service.port for each in state.services.values()}
    free = next((port for port in PORTS if port not in taken), 0)
    if not free:
        raise ConflictError(
            f"no port from {PORTS[0]} to {PORTS[-1]} is left for a sidecar",
            field=f"{_PLACE}Port",
            hint="name one: Connect.SidecarService.Port",
        )
    return free


def _default_checks(beside: Registration, parent: Registration) -> tuple[CheckDefinition, ...]:
    service = beside.service
    listening = CheckDefinition(
        id=f"service:{service.id}:1",
        name="Connect Sidecar Listening",
        service_id=service.id,
        kind=Tcp(
            host=service.address or _LOCAL,
            port=service.port,
            interval=_INTERVAL,
            timeout=_TIMEOUT,
        ),
    )
    following = CheckDefinition(
        id=f"service:{service.id}:2",
        name=f"Connect Sidecar Aliasing {parent.service.id}",
        service_id=service.id,
        kind=Alias(service_id=parent.service.id),
    )
    return listening, following
