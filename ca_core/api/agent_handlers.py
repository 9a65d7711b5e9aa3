"""``/v1/agent/…``: what a program asks of the agent on its own host."""

import ipaddress
from datetime import timedelta

from ca_core.acl.access import Action
from ca_core.acl.names import foreign_names
from ca_core.api.blocking import blocking_of
from ca_core.api.http import Request, Response, json_response
from ca_core.api.rooms import AgentRoom, require
from ca_core.errors import RequestError
from ca_core.identity.csr import MAX_NAMES, IPAddress, check_dns_name


async def roots(room: AgentRoom, request: Request) -> Response:
    """Return every trusted root from memory; as Consul's agent, with ``X-Cache`` and ``Age``."""
    asked = blocking_of(request)
    answer = await room.agent.roots.get(min_index=asked.index, wait=asked.wait)
    headers = cache_headers(answer.index, hit=answer.hit, age=answer.age)
    headers["x-consul-knownleader"] = "true" if answer.known_leader else "false"
    headers["x-consul-lastcontact"] = str(int(answer.age / timedelta(milliseconds=1)))
    return json_response(answer.value, headers=headers)


async def leaf(room: AgentRoom, request: Request) -> Response:
    """Return a service's leaf and key from memory, or have it signed on first use.

    The right is checked on every request, before the cache is looked at.
    """
    service = request.params["service"]
    require(room.may, request, Action.SERVICE_WRITE, service)
    _refuse_other_places(room, request)
    dns_names, addresses = _names(request)
    for name in foreign_names(service, dns_names, addresses):
        require(room.may, request, Action.OPERATOR_WRITE, name)
    asked = blocking_of(request)
    answer = await room.agent.leaves.get(
        request.principal,
        service,
        dns_names=dns_names,
        ip_addresses=addresses,
        min_index=asked.index,
        wait=asked.wait,
    )
    headers = cache_headers(answer.index, hit=answer.hit, age=answer.age)
    headers["cache-control"] = "no-store"
    return json_response(answer.cert, headers=headers)


async def self_description(room: AgentRoom, request: Request) -> Response:
    """Return who this agent is and how its caches stand; no secrets."""
    require(room.may, request, Action.AGENT_READ)
    return json_response(room.agent.describe())


def cache_headers(index: int, *, hit: bool, age: timedelta) -> dict[str, str]:
    """Return the headers of a read that the agent's cache answered."""
    headers = {"x-consul-index": str(max(1, index)), "x-cache": "HIT" if hit else "MISS"}
    if hit:
        headers["age"] = str(int(age.total_seconds()))
    return headers


def _refuse_other_places(room: AgentRoom, request: Request) -> None:
    """Refuse ``?dc=`` and ``?ns=`` of places this agent does not serve."""
    arguments = request.arguments()
    ours = {"dc": room.agent.datacenter, "ns": "default", "partition": "default"}
    for name, served in ours.items():
        if arguments.get(name, served) not in {"", served}:
            raise RequestError(f"only {served!r} is served here", field=name)


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
        return ipaddress.ip_address(text)
    except ValueError:
        raise RequestError(f"{text[:40]!r} is not an IP address", field="ip-san") from None
