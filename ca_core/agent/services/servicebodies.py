"""From the body of a service to what is registered: the instance, and its sidecar if it has one."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from ca_core.agent.services.checkbodies import check_of
from ca_core.agent.services.definitions import CheckDefinition, Registration
from ca_core.agent.services.names import (
    checked_address,
    checked_id,
    checked_meta,
    checked_name,
    checked_port,
    checked_tags,
    checked_text,
)
from ca_core.agent.services.proxybodies import PROXY_KIND, proxy_of
from ca_core.agent.services.unserved import refuse_unserved
from ca_core.errors import RequestError
from ca_core.wire.catalog import Connect, Service, Weights
from ca_core.wire.folding import folded
from ca_core.wire.services import CheckBody, ServiceBody, TaggedAddress, WeightsBody
from ca_core.wire.unknownkeys import refuse_unknown

MAX_CHECKS = 64
"""Checks that one body may bring."""
MAX_WEIGHT = 65535
MAX_ADDRESSES = 16

BodyT = TypeVar("BodyT", ServiceBody, CheckBody)


def body_of(plain: Mapping[str, Any], kind: type[BodyT]) -> BodyT:
    """Return a body that JSON, or TOML, gave: keys in any case, with underscores or without.

    Raises:
        RequestError: a key that is unknown or there twice, or a value of another type; names it.
    """
    try:
        found = folded(plain, kind, loosely=True)
        refuse_unknown(found, kind)
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        raise RequestError(text, field=path.rstrip("`").lstrip(".") or "body") from None
    except RecursionError:
        raise RequestError("too deep", field="body") from None


def registration_of(body: ServiceBody, node: str | None, place: str = "") -> Registration:
    """Return what a body registers, its sidecar aside.

    Args:
        body: as it came.
        node: this agent's; None where it is not known yet.
        place: where the body stands in the request, for messages.

    Raises:
        RequestError: names the field.
    """
    refuse_unserved(body, place)
    name = checked_name(body.name, f"{place}Name")
    instance_id = checked_id(body.id or name, f"{place}ID")
    service = Service(
        kind=_kind(body, place),
        id=instance_id,
        service=name,
        tags=checked_tags(body.tags, f"{place}Tags"),
        address=checked_address(body.address, f"{place}Address"),
        tagged_addresses=_tagged(body.tagged_addresses, f"{place}TaggedAddresses"),
        meta=checked_meta(body.meta, f"{place}Meta"),
        port=checked_port(body.port, f"{place}Port"),
        socket_path=checked_text(body.socket_path, f"{place}SocketPath", 108),
        weights=_weights(body.weights, place),
        enable_tag_override=body.enable_tag_override,
        proxy=proxy_of(body, place),
        connect=_connect(body, place),
    )
    return Registration(service=service, checks=_checks(body, instance_id, name, node, place))


def _kind(body: ServiceBody, place: str) -> str:
    if body.kind not in ("", PROXY_KIND):
        raise RequestError(f"'' or {PROXY_KIND!r}; nothing else is served", field=f"{place}Kind")
    return body.kind


def _connect(body: ServiceBody, place: str) -> Connect:
    if body.connect is None:
        return Connect()
    refuse_unserved(body.connect, f"{place}Connect.")
    native, where = body.connect.native, f"{place}Connect.Native"
    if native and (body.kind or body.connect.sidecar is not None):
        raise RequestError("a service speaks for itself or has a proxy, not both", field=where)
    if native and not (body.port or body.socket_path):
        raise RequestError("a native service needs a Port or a SocketPath", field=f"{place}Port")
    return Connect(native=native)


def _tagged(given: Mapping[str, TaggedAddress], where: str) -> dict[str, Any]:
    if len(given) > MAX_ADDRESSES:
        raise RequestError(f"more than {MAX_ADDRESSES}", field=where)
    found = {}
    for tag, each in given.items():
        checked_text(tag, where, 128)
        address = checked_address(each.address, f"{where}.{tag}.Address")
        port = checked_port(each.port, f"{where}.{tag}.Port")
        found[tag] = {"Address": address, "Port": port}
    return found


def _weights(body: WeightsBody | None, place: str) -> Weights:
    given = body or WeightsBody()
    if not (1 <= given.passing <= MAX_WEIGHT and 0 <= given.warning <= MAX_WEIGHT):
        fault = f"Passing 1 to {MAX_WEIGHT}, Warning 0 to {MAX_WEIGHT}"
        raise RequestError(fault, field=f"{place}Weights")
    return Weights(passing=given.passing, warning=given.warning)


def _checks(
    body: ServiceBody, service_id: str, name: str, node: str | None, place: str
) -> tuple[CheckDefinition, ...]:
    """Return the checks, each with an id of its own."""
    bodies = [(each, f"{place}Checks[{at}].") for at, each in enumerate(body.checks)]
    if body.check is not None and body.check != CheckBody():
        bodies.append((body.check, f"{place}Check."))
    if len(bodies) > MAX_CHECKS:
        raise RequestError(f"more than {MAX_CHECKS}", field=f"{place}Checks")
    found = []
    for at, (each, where) in enumerate(bodies):
        if each.service_id not in ("", service_id):
            raise RequestError("the check of another service", field=f"{where}ServiceID")
        found.append(
            check_of(
                each,
                check_id=f"service:{service_id}" + (f":{at + 1}" if len(bodies) > 1 else ""),
                service_id=service_id,
                name=f"Service '{name}' check",
                node=node,
                place=where,
            )
        )
    _refuse_twice(found, f"{place}Checks")
    return tuple(found)


def _refuse_twice(checks: list[CheckDefinition], where: str) -> None:
    ids = [check.id for check in checks]
    twice = next((each for each in ids if ids.count(each) > 1), "")
    if twice:
        raise RequestError(f"two of them have the id {twice!r}", field=where)
