"""``/v1/agent/…``: what a program asks of the agent on its own host."""

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ca_core.acl.access import Action
from ca_core.acl.names import foreign_names
from ca_core.acl.principal import Peer
from ca_core.agent.processes import reader_of
from ca_core.agent.upstream import RootsAnswer
from ca_core.api.blocking import DEFAULT_WAIT, Blocking, blocking_of, with_jitter
from ca_core.api.cachecontrol import freshness_of
from ca_core.api.http import Request, Response, encoded_json, json_response
from ca_core.api.names import service_name
from ca_core.api.places import refuse_other_places
from ca_core.api.remembered import leaf_response, roots_response
from ca_core.api.rooms import AgentRoom, require
from ca_core.errors import RequestError
from ca_core.identity.csr import MAX_NAMES, IPAddress, check_dns_name
from ca_core.wire.freshness import Freshness


async def roots(room: AgentRoom, request: Request) -> Response:
    """Return every trusted root from memory; as Consul's agent, with ``X-Cache`` and ``Age``."""
    refuse_other_places(request, room.agent.datacenter)
    asked, freshness = blocking_of(request), freshness_of(request)
    answer = await _read_roots(room, _reader(request), asked, freshness)
    return roots_response(answer, answer.body or encoded_json(answer.value))


async def _read_roots(
    room: AgentRoom, who: str, asked: Blocking, freshness: Freshness
) -> RootsAnswer:
    """Return the roots; the agent notes which of them this reader holds."""
    pollers, clock = room.agent.pollers, room.clock
    wait = with_jitter(asked.wait, room.random.random()) if asked.index else asked.wait
    given = 0
    pollers.asks(who, asked.index, clock.monotonic())
    try:
        answer = await room.agent.roots.get(min_index=asked.index, wait=wait, freshness=freshness)
        given = answer.index
    finally:
        pollers.answered(who, asked.index, given, clock.monotonic())
    return answer


def _reader(request: Request) -> str:
    """Return who reads: a process, or a TCP connection."""
    match request.principal:
        case Peer(pid=pid):
            return reader_of(pid)
        case _:
            return request.remote


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafQuery:
    """What the query of a leaf request asks for; ``wait`` has its jitter already."""

    dns_names: tuple[str, ...] = ()
    addresses: tuple[IPAddress, ...] = ()
    index: int = 0
    wait: timedelta = DEFAULT_WAIT


_PLAIN = LeafQuery()


async def leaf(room: AgentRoom, request: Request) -> Response:
    """Return a service's leaf and key from memory, or have it signed on first use.

    The right is checked on every request, before the cache is looked at.
    """
    service = service_name(request.params["service"])
    require(room.may, request, Action.SERVICE_WRITE, service)
    asked = _leaf_query(room, request, service) if request.query else _PLAIN
    answer = await room.agent.leaves.get(
        request.principal,
        service,
        dns_names=asked.dns_names,
        ip_addresses=asked.addresses,
        min_index=asked.index,
        wait=asked.wait,
        freshness=freshness_of(request),
    )
    return leaf_response(answer)


async def self_description(room: AgentRoom, request: Request) -> Response:
    """Return who this agent is and how its caches stand; no secrets, and no hidden services."""
    require(room.may, request, Action.AGENT_READ)
    told: dict[str, Any] = {**room.agent.describe()}
    services = told["Stats"]["services"]
    seen = {key: why for key, why in services["refused"].items() if _sees(room, request, key)}
    stats = {**told["Stats"], "services": {**services, "refused": seen}}
    return json_response({**told, "Stats": stats})


def _sees(room: AgentRoom, request: Request, service_id: str) -> bool:
    name = room.services.state.name_of(service_id) or service_id
    return room.may(request.principal, Action.SERVICE_READ, name)


def _leaf_query(room: AgentRoom, request: Request, service: str) -> LeafQuery:
    """Return what the query asks for, once the caller may have every name in it."""
    refuse_other_places(request, room.agent.datacenter)
    dns_names, addresses = _names(request)
    for name in foreign_names(service, dns_names, addresses):
        require(room.may, request, Action.OPERATOR_WRITE, name)
    asked = blocking_of(request)
    wait = with_jitter(asked.wait, room.random.random())
    return LeafQuery(dns_names=dns_names, addresses=addresses, index=asked.index, wait=wait)


def _names(request: Request) -> tuple[tuple[str, ...], tuple[IPAddress, ...]]:
    dns_names = request.argument_list("dns-san")
    addresses = request.argument_list("ip-san")
    if len(dns_names) + len(addresses) > MAX_NAMES:
        raise RequestError(f"more than {MAX_NAMES} names", field="dns-san")
    for name in dns_names:
        check_dns_name(name)
    return dns_names, tuple(_address(text) for text in addresses)


def _address(text: str) -> IPAddress:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        found = None
    if found is None or "%" in text:  # a zone means something on one host only
        raise RequestError(f"{text[:40]!r} is not an IP address", field="ip-san")
    return found
