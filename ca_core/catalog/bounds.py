"""What an agent may register: a state from a stranger is refused whole, and told where it is wrong.

Source: Consul's published pages on services and checks: the limits of meta data, the range of
weights, what a proxy must say. Tags and texts have no published limit; theirs are this program's.
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import msgspec

from ca_core.acl.naming import identity_name
from ca_core.catalog.rows import PROXY_KIND
from ca_core.errors import RequestError
from ca_core.wire.catalog import NODE_CHECK, Check, Proxy, Service, Upstream
from ca_core.wire.registered import Registered, RegisteredState

MOST_SERVICES = 2000
"""Instances on one node."""

MOST_CHECKS = 64
"""Checks of one instance, or of a node itself."""

MOST_TAGS = 64
MOST_UPSTREAMS = 256
MOST_META, MOST_META_KEY, MOST_META_VALUE = 64, 128, 512
MOST_TEXT = 256
"""Characters of an id, an address, a tag or the name of a check."""

MOST_OUTPUT = 4096
"""Characters of a check's output or notes."""

MOST_BYTES = 64 * 1024
"""Of one instance with its checks, as JSON."""

MOST_STATE = 4 * 1024 * 1024
"""Of everything at one agent as JSON, without grants."""

MOST_DEPTH = 16
"""How deep free-form configuration may be nested."""

HIGHEST_PORT = 65535


def check_state(state: RegisteredState, node: str) -> None:
    """Refuse a state that the agent on ``node`` may not register.

    Raises:
        RequestError: it does not hold together, or is too large; ``field`` names the place.
    """
    _storable(state)
    _text(state.address, "Address")
    _meta(state.meta, "Meta")
    _at_most(state.services, MOST_SERVICES, "Services")
    _ascending([one.service.id for one in state.services], "Services")
    _checks(state.checks, node, Service(id="", service=""), "Checks")
    for place, one in enumerate(state.services):
        _instance(one, node, f"Services[{place}]")
    ids = [check.id for one in state.services for check in one.checks]
    _unique((*ids, *(check.id for check in state.checks)), "Checks")


def _storable(state: RegisteredState) -> None:
    try:
        msgspec.json.encode(state)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise RequestError(f"it is no JSON: {error}", field="body") from None


def _instance(one: Registered, node: str, field: str) -> None:
    _service(one.service, f"{field}.Service")
    _checks(one.checks, node, one.service, f"{field}.Checks")
    size = len(msgspec.json.encode((one.service, one.checks)))
    if size > MOST_BYTES:
        raise RequestError(f"{size} bytes as JSON, at most {MOST_BYTES}", field=field)


def _service(service: Service, field: str) -> None:
    identity_name(service.service, f"{field}.Service")
    _id(service.id, f"{field}.ID")
    _text(service.address, f"{field}.Address")
    _text(service.socket_path, f"{field}.SocketPath")
    _port(service.port, f"{field}.Port")
    _at_most(service.tags, MOST_TAGS, f"{field}.Tags")
    for tag in service.tags:
        _text(tag, f"{field}.Tags")
    _meta(service.meta, f"{field}.Meta")
    _weight(service.weights.passing, 1, f"{field}.Weights.Passing")
    _weight(service.weights.warning, 0, f"{field}.Weights.Warning")
    _free_form(service.tagged_addresses, f"{field}.TaggedAddresses")
    _unstored(service, field)
    _mesh(service, field)


def _mesh(service: Service, field: str) -> None:
    """Refuse kinds that are not served, and a proxy that does not say for whom it stands."""
    if service.kind not in ("", PROXY_KIND):
        raise RequestError(
            f"{service.kind[:80]!r} is not served, only '' and {PROXY_KIND!r}",
            field=f"{field}.Kind",
        )
    proxy, is_proxy = service.proxy, service.kind == PROXY_KIND
    if is_proxy and service.connect.native:
        raise RequestError("a proxy cannot be native too", field=f"{field}.Connect.Native")
    if is_proxy or proxy.destination_service_name:
        identity_name(proxy.destination_service_name, f"{field}.Proxy.DestinationServiceName")
    _proxy(proxy, f"{field}.Proxy")


def _proxy(proxy: Proxy, field: str) -> None:
    _text(proxy.destination_service_id, f"{field}.DestinationServiceID")
    _text(proxy.local_service_address, f"{field}.LocalServiceAddress")
    _port(proxy.local_service_port, f"{field}.LocalServicePort")
    _free_form(proxy.config, f"{field}.Config")
    _at_most(proxy.upstreams, MOST_UPSTREAMS, f"{field}.Upstreams")
    for place, upstream in enumerate(proxy.upstreams):
        _upstream(upstream, f"{field}.Upstreams[{place}]")


def _upstream(upstream: Upstream, field: str) -> None:
    _id(upstream.destination_name, f"{field}.DestinationName")
    _text(upstream.destination_type, f"{field}.DestinationType")
    _text(upstream.destination_namespace, f"{field}.DestinationNamespace")
    _text(upstream.datacenter, f"{field}.Datacenter")
    _text(upstream.local_bind_address, f"{field}.LocalBindAddress")
    _port(upstream.local_bind_port, f"{field}.LocalBindPort")
    _free_form(upstream.config, f"{field}.Config")


def _checks(checks: tuple[Check, ...], node: str, service: Service, field: str) -> None:
    _at_most(checks, MOST_CHECKS, field)
    _ascending([check.id for check in checks], field)
    for place, check in enumerate(checks):
        _check(check, node, service, f"{field}[{place}]")


def _check(check: Check, node: str, service: Service, field: str) -> None:
    _id(check.id, f"{field}.CheckID")
    if check.id == NODE_CHECK:
        raise RequestError("is said by servers, not by agents", field=f"{field}.CheckID")
    _belongs(check.node, node, f"{field}.Node")
    _belongs(check.service_id, service.id, f"{field}.ServiceID")
    _belongs(check.service_name, service.service, f"{field}.ServiceName")
    _text(check.name, f"{field}.Name")
    _text(check.type, f"{field}.Type")
    _text(check.interval, f"{field}.Interval")
    _text(check.timeout, f"{field}.Timeout")
    _text(check.notes, f"{field}.Notes", MOST_OUTPUT)
    _text(check.output, f"{field}.Output", MOST_OUTPUT)
    _at_most(check.service_tags, MOST_TAGS, f"{field}.ServiceTags")
    _unstored(check, field)


def _belongs(said: str, owner: str, field: str) -> None:
    if said not in ("", owner):
        raise RequestError(f"{said[:80]!r} is somebody else's, here it is {owner!r}", field=field)


def _unstored(row: Service | Check, field: str) -> None:
    if row.create_index or row.modify_index:
        raise RequestError("indexes are given by servers", field=f"{field}.ModifyIndex")


def _id(text: str, field: str) -> None:
    if not text:
        raise RequestError("is missing", field=field)
    if not text.isprintable():
        raise RequestError(f"{text[:80]!r} cannot be printed", field=field)
    _text(text, field)


def _text(text: str, field: str, most: int = MOST_TEXT) -> None:
    if len(text) > most:
        raise RequestError(f"{len(text)} characters, at most {most}", field=field)


def _port(port: int, field: str) -> None:
    if not 0 <= port <= HIGHEST_PORT:
        raise RequestError(f"{port} is no port: 0 to {HIGHEST_PORT}", field=field)


def _weight(weight: int, least: int, field: str) -> None:
    if not least <= weight <= HIGHEST_PORT:
        raise RequestError(f"{weight} is not in {least} to {HIGHEST_PORT}", field=field)


def _meta(meta: Mapping[str, str], field: str) -> None:
    _at_most(meta, MOST_META, field)
    for key, value in meta.items():
        _id(key, field)
        _text(key, field, MOST_META_KEY)
        _text(value, f"{field}.{key}", MOST_META_VALUE)


def _free_form(value: Any, field: str, depth: int = 0) -> None:
    if depth > MOST_DEPTH:
        raise RequestError(f"nested deeper than {MOST_DEPTH}", field=field)
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in within:
        _free_form(each, field, depth + 1)


def _at_most(things: Iterable[Any], most: int, field: str) -> None:
    count = sum(1 for _ in things)
    if count > most:
        raise RequestError(f"{count} of them, at most {most}", field=field)


def _ascending(ids: list[str], field: str) -> None:
    if any(first >= second for first, second in pairwise(ids)):
        raise RequestError("must be in the order of their ids, each id once", field=field)


def _unique(ids: tuple[str, ...], field: str) -> None:
    if len(set(ids)) < len(ids):
        twice = next(each for each in ids if ids.count(each) > 1)
        raise RequestError(f"{twice[:80]!r} is there twice on this node", field=field)
